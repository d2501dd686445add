//! What a template sees when an identity is activated. The builder tries every template with a sample of it.

use super::service::{SettingKind, SettingName};
use crate::model::epoch::Epoch;
use crate::model::name::Name;
use crate::protocol::bundle::{Bundle, Member};
use serde::Serialize;
use serde_json::{Map, Value};
use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};

/// Where the volume of the identity that a node holds is mounted while it holds it. Always here, so that a unit can name it in
/// `ReadWritePaths=` and `AssertPathIsMountPoint=`; its root folder is root's.
pub const VOLUME_PATH: &str = "/var/lib/understudy/volume";

/// The variables of a template, by these names.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct TemplateContext {
    pub identity: Name,
    pub epoch: Epoch,
    pub role: Name,
    pub cluster: Name,
    pub host_name: String,
    /// Where to listen: the identity address, and loopback for the node itself; without an identity address
    /// everywhere.
    pub listen: Vec<IpAddr>,
    pub members: Vec<Member>,
    /// As `[settings]` of the role's services declares them; a list that is not set is empty.
    pub settings: Map<String, Value>,
    /// [`VOLUME_PATH`], where the identity has a volume; otherwise there is no such variable.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub volume: Option<&'static str>,
}

impl TemplateContext {
    /// Of an identity, with settings that were checked.
    pub fn new(bundle: &Bundle, settings: Map<String, Value>) -> Self {
        let loopback = IpAddr::V4(Ipv4Addr::LOCALHOST);
        let listen = match bundle.address {
            Some(own) => vec![own.address, loopback],
            None => vec![IpAddr::V4(Ipv4Addr::UNSPECIFIED)],
        };
        Self {
            identity: bundle.identity.clone(),
            epoch: bundle.epoch,
            role: bundle.role.clone(),
            cluster: bundle.cluster.clone(),
            host_name: bundle.host_name.clone(),
            listen,
            members: bundle.members.clone(),
            settings,
            volume: bundle.volume.map(|_| VOLUME_PATH),
        }
    }

    /// One with something in every place (addresses of RFC 5737).
    pub fn sample(service: &Name, declared: &BTreeMap<SettingName, SettingKind>) -> Self {
        let address = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1));
        let host_name = "sample.example".to_owned();
        let member =
            Member { identity: service.clone(), host_name: host_name.clone(), address: Some(address) };
        let settings = declared.iter().map(|(key, kind)| (key.as_str().to_owned(), kind.sample()));
        Self {
            identity: service.clone(),
            epoch: Epoch::new(1),
            role: service.clone(),
            cluster: service.clone(),
            host_name,
            listen: vec![address, IpAddr::V4(Ipv4Addr::LOCALHOST)],
            members: vec![member],
            settings: settings.collect(),
            volume: Some(VOLUME_PATH),
        }
    }
}
