//! `service.toml`: what a service brings into an image. The platform knows a service by this file only.

use crate::model::name::Name;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::PathBuf;

/// One service, as `services/<name>/service.toml` declares it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Service {
    /// The same as the folder's name.
    pub name: Name,
    /// One line for people.
    pub description: String,
    /// Debian packages that it needs.
    #[serde(default)]
    pub packages: Vec<String>,
    /// systemd units beside this file, installed under `/etc/systemd/system`.
    pub units: Vec<String>,
    /// Configuration that the node agent renders when it activates an identity: the template's path under
    /// `templates/`, and where under `/run/understudy` the result goes.
    #[serde(default)]
    pub templates: BTreeMap<String, PathBuf>,
}
