//! `[[clusters]]`: the identities that nodes fill, by role.
//!
//! Whether the image knows a role is not looked up here: an image may come later than the file.

use super::network::{Dhcp, Network};
use super::raw::{RawCluster, RawIdentity};
use super::settings::{self, SettingsProblem};
use super::value::{HostName, ValueError};
use std::collections::BTreeSet;
use std::net::Ipv4Addr;
use std::ops::Range;
use toml::Spanned;
use understudy_core::model::mac::MacAddress;
use understudy_core::model::name::Name;
use understudy_core::model::role::Exclusivity;
use understudy_core::protocol::bundle::{AddressWithPrefix, Member};

/// Every holder is told all members of its cluster in one body of the node API.
const IDENTITIES_MAX: usize = 256;

/// Identities of one role that serve together.
#[derive(Clone, Debug)]
pub struct Cluster {
    pub name: Name,
    /// A role of the image.
    pub role: Name,
    /// At least this, whatever the image says.
    pub exclusivity: Option<Exclusivity>,
    /// For the templates of the role's services.
    pub settings: serde_json::Map<String, serde_json::Value>,
    /// In the order of their names; never empty.
    pub identities: Vec<Identity>,
}

/// A named place that a node fills.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    pub name: Name,
    pub host_name: HostName,
    /// The identity address, with the prefix of its network.
    pub address: AddressWithPrefix,
}

/// What is wrong with a cluster or an identity.
#[derive(Debug, thiserror::Error)]
pub enum ClusterProblem {
    #[error("{0} is a cluster already")]
    ClusterTwice(Name),
    #[error("of cluster {0} names no identity")]
    NoIdentity(Name),
    #[error("of cluster {cluster} names {count} identities; {IDENTITIES_MAX} are allowed")]
    IdentitiesTooMany { cluster: Name, count: usize },
    #[error("{name} is an identity of cluster {cluster} already")]
    IdentityTwice { name: Name, cluster: Name },
    #[error("{0} is the host name of another identity")]
    HostNameTwice(HostName),
    #[error("would be made of the identity's and the site's name: {0}")]
    HostNameDefault(ValueError),
    #[error("{0} is not an address that a host of one of the networks can have")]
    Outside(Ipv4Addr),
    #[error("{0} is the site's own")]
    Own(Ipv4Addr),
    #[error("{0} is the gateway")]
    Gateway(Ipv4Addr),
    #[error("{0} is in the pool, which is given to whoever asks")]
    InPool(Ipv4Addr),
    #[error("{address} is reserved for the card {mac}")]
    Reserved { address: Ipv4Addr, mac: MacAddress },
    #[error("{address} is the address of identity {identity} already")]
    AddressTwice { address: Ipv4Addr, identity: Name },
    #[error("of cluster {0} cannot be given to templates: {1}")]
    Settings(Name, SettingsProblem),
}

/// A problem and where it stands.
pub struct Refused {
    pub span: Range<usize>,
    pub key: &'static str,
    pub problem: ClusterProblem,
}

fn refuse<T, V>(at: &Spanned<V>, key: &'static str, problem: ClusterProblem) -> Result<T, Refused> {
    Err(Refused { span: at.span(), key, problem })
}

impl Cluster {
    /// All members as their holders are told of them.
    pub fn members(&self) -> Vec<Member> {
        let member = |identity: &Identity| Member {
            identity: identity.name.clone(),
            host_name: identity.host_name.to_string(),
            address: Some(identity.address.address),
        };
        self.identities.iter().map(member).collect()
    }
}

/// Checks all clusters, and what they have to do with each other and with the networks.
pub fn validate(raw: Vec<RawCluster>, networks: &[Network], site: &Name) -> Result<Vec<Cluster>, Refused> {
    let mut checked = Checked { networks, site, clusters: Vec::new() };
    for one in raw {
        let cluster = checked.cluster(one)?;
        checked.clusters.push(cluster);
    }
    Ok(checked.clusters)
}

struct Checked<'a> {
    networks: &'a [Network],
    site: &'a Name,
    clusters: Vec<Cluster>,
}

impl Checked<'_> {
    fn cluster(&self, raw: RawCluster) -> Result<Cluster, Refused> {
        let name = raw.name.get_ref().clone();
        if self.clusters.iter().any(|known| known.name == name) {
            return refuse(&raw.name, "name", ClusterProblem::ClusterTwice(name));
        }
        let count = raw.identities.len();
        if count == 0 {
            return refuse(&raw.name, "identities", ClusterProblem::NoIdentity(name));
        }
        if count > IDENTITIES_MAX {
            let problem = ClusterProblem::IdentitiesTooMany { cluster: name, count };
            return refuse(&raw.name, "identities", problem);
        }
        let settings = match raw.settings {
            None => serde_json::Map::new(),
            Some(table) => {
                let span = table.span();
                settings::validate(table.into_inner()).map_err(|problem| Refused {
                    span,
                    key: "settings",
                    problem: ClusterProblem::Settings(name.clone(), problem),
                })?
            }
        };
        let (role, exclusivity) = (raw.role, raw.exclusivity);
        let mut cluster = Cluster { name, role, exclusivity, settings, identities: Vec::new() };
        for one in &raw.identities {
            let identity = self.identity(one, &cluster)?;
            cluster.identities.push(identity);
        }
        cluster.identities.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(cluster)
    }

    fn identity(&self, raw: &RawIdentity, cluster: &Cluster) -> Result<Identity, Refused> {
        let name = raw.name.get_ref().clone();
        let all = || self.clusters.iter().chain([cluster]);
        let pairs = || all().flat_map(|cluster| cluster.identities.iter().map(move |one| (cluster, one)));
        if let Some((cluster, _)) = pairs().find(|(_, known)| known.name == name) {
            let problem = ClusterProblem::IdentityTwice { name, cluster: cluster.name.clone() };
            return refuse(&raw.name, "name", problem);
        }
        let host_name = self.host_name(raw)?;
        let taken: BTreeSet<String> = pairs().map(|(_, known)| known.host_name.lower_case()).collect();
        if taken.contains(&host_name.lower_case()) {
            let at = raw.host_name.as_ref().map_or(raw.name.span(), Spanned::span);
            let problem = ClusterProblem::HostNameTwice(host_name);
            return Err(Refused { span: at, key: "host_name", problem });
        }
        let address = self.address(&raw.address)?;
        if let Some((_, other)) = pairs().find(|(_, known)| known.address.address == address.address) {
            let (address, identity) = (*raw.address.get_ref(), other.name.clone());
            return refuse(&raw.address, "address", ClusterProblem::AddressTwice { address, identity });
        }
        Ok(Identity { name, host_name, address })
    }

    fn host_name(&self, raw: &RawIdentity) -> Result<HostName, Refused> {
        match &raw.host_name {
            Some(name) => Ok(name.get_ref().clone()),
            None => format!("{}.{}", raw.name.get_ref(), self.site).parse().map_err(|source| Refused {
                span: raw.name.span(),
                key: "host_name",
                problem: ClusterProblem::HostNameDefault(source),
            }),
        }
    }

    /// An identity address moves between nodes: nobody else may ever be given it.
    fn address(&self, at: &Spanned<Ipv4Addr>) -> Result<AddressWithPrefix, Refused> {
        let address = *at.get_ref();
        let Some(network) = self.networks.iter().find(|network| network.address.has_host(address)) else {
            return refuse(at, "address", ClusterProblem::Outside(address));
        };
        if network.address.address == address {
            return refuse(at, "address", ClusterProblem::Own(address));
        }
        if network.gateway == Some(address) {
            return refuse(at, "address", ClusterProblem::Gateway(address));
        }
        if matches!(network.dhcp, Dhcp::Own { pool } if pool.contains(address)) {
            return refuse(at, "address", ClusterProblem::InPool(address));
        }
        if let Some((mac, _)) = network.reservations.iter().find(|(_, reserved)| **reserved == address) {
            return refuse(at, "address", ClusterProblem::Reserved { address, mac: *mac });
        }
        Ok(AddressWithPrefix { address: address.into(), prefix: network.address.prefix_bits })
    }
}
