//! What an image says about itself, inside its own root.

use crate::base::byte_count::ByteCount;
use crate::model::name::Name;
use crate::model::role::Role;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Where the facts stand in the image's root.
pub const IMAGE_FACTS_PATH: &str = "/usr/lib/understudy/image.json";

/// Name, version and abilities of an image.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImageFacts {
    /// Such as `mail`.
    pub name: Name,
    /// Such as `1.4.0`.
    pub version: semver::Version,
    /// What a node that runs it can do.
    pub roles: BTreeMap<Name, Role>,
    /// How large a volume gets at most; without it half of what its disk has left.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub volume_max: Option<ByteCount>,
}
