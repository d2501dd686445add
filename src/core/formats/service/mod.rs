//! `service.toml`: what a service brings into an image. The platform knows a service by this file only.

mod health;
mod port;
mod settings;

use crate::model::name::Name;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

pub use health::{Argv, DnsName, Health};
pub use port::{Port, Transport};
pub use settings::{SettingError, SettingKind, SettingName, check_settings};

/// Where an image keeps the declarations of its services, `NAME.toml` each.
pub const SERVICES_PATH: &str = "/usr/lib/understudy/services";
/// Where an image keeps their templates.
pub const TEMPLATES_PATH: &str = "/usr/lib/understudy/templates";
/// Where an image keeps the programs of its services that no Debian package brings.
pub const PROGRAMS_PATH: &str = "/usr/lib/understudy/programs";
/// Below this everything is rendered that an identity needs.
pub const RENDERED_PATH: &str = "/run/understudy";

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
    /// Programs of its own, for [`PROGRAMS_PATH`]; the builder is told where they are.
    #[serde(default)]
    pub programs: Vec<Name>,
    /// systemd units beside this file, installed under `/etc/systemd/system`.
    pub units: Vec<String>,
    /// What the node lets in while it holds an identity whose role has this service, such as `udp/53`.
    #[serde(default)]
    pub ports: BTreeSet<Port>,
    /// Configuration that the node agent renders when it activates an identity: the template's path under
    /// `templates/`, and where under `/run/understudy` the result goes.
    #[serde(default)]
    pub templates: BTreeMap<String, PathBuf>,
    /// What `[clusters.settings]` of a site file may say to this service.
    #[serde(default)]
    pub settings: BTreeMap<SettingName, SettingKind>,
    /// How the node agent finds out whether it serves; without it, only whether its units run.
    pub health: Option<Health>,
}

impl Service {
    /// Reads a `service.toml`.
    pub fn parse(text: &str) -> Result<Self, toml::de::Error> {
        toml::from_str(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const UNBOUND: &str = r#"
name = "unbound"
description = "DNS"
units = ["unbound.service"]
ports = ["udp/53", "tcp/53"]
[settings]
networks = "networks"
[health]
kind = "dns"
port = 53
name = "health.understudy."
"#;

    #[test]
    fn a_declaration_is_read_whole() {
        let service = Service::parse(UNBOUND).unwrap();
        assert_eq!(service.ports.iter().map(Port::to_string).collect::<Vec<_>>(), ["udp/53", "tcp/53"]);
        assert!(matches!(service.health, Some(Health::Dns { port, .. }) if port.get() == 53));
        let text = toml::to_string(&service).unwrap();
        assert_eq!(Service::parse(&text).unwrap(), service);
    }

    #[test]
    fn what_makes_no_sense_is_refused_with_its_words() {
        for (from, to, expected) in [
            ("udp/53", "sctp/53", "`sctp/53` is not a port"),
            ("udp/53", "udp/0", "`udp/0` is not a port"),
            ("port = 53", "port = 0", "zero"),
            ("port = 53\n", "", "missing field `port`"),
            ("kind = \"dns\"", "kind = \"http\"", "`http`"),
            ("health.understudy.", "health..understudy", "is not a DNS name"),
            ("kind = \"dns\"", "kind = \"command\"\nargv = []", "a command has at least its program"),
            ("= \"networks\"", "= \"network list\"", "`network list`"),
            ("networks = \"", "Net-works = \"", "`Net-works` is no name of a setting"),
            ("[health]", "[helth]", "`helth`"),
        ] {
            let error = Service::parse(&UNBOUND.replace(from, to)).unwrap_err();
            assert!(error.to_string().contains(expected), "{to}: {error}");
        }
    }
}
