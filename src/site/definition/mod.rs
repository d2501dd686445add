//! `site.toml`: what a site is. Raw text in, a checked definition out, errors with file, line and key.
//!
//! Paths in it are relative to the file. Nothing is looked up on this machine but the public keys.

mod cluster;
mod network;
mod operator_api;
mod rack;
mod raw;
mod settings;
mod value;

pub use cluster::{Cluster, ClusterProblem, Identity};
pub use network::{Dhcp, Network, NetworkProblem, Relayed};
pub use operator_api::OperatorListen;
pub use rack::{AgentPlace, Bmc, BmcNode, Rack, RackProblem};
pub use settings::SettingsProblem;
pub use value::{
    AddressRange, BmcUser, DiskRule, ForeignData, HostName, InterfaceName, ListenAddress, NetworkAddress,
    ValueError, WantedImage,
};

use raw::RawDefinition;
use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::ops::Range;
use std::path::{Path, PathBuf};
use toml::Spanned;
use understudy_core::base::fs::{self, FsError};
use understudy_core::model::name::Name;
use understudy_core::model::ssh_key::SshPublicKey;
use understudy_core::trust::{KeyError, PublicKey};

/// A checked `site.toml`.
#[derive(Clone, Debug)]
pub struct SiteDefinition {
    pub name: Name,
    /// Where ledger, CA and socket are.
    pub state: PathBuf,
    /// A folder of image folders.
    pub images: PathBuf,
    pub image: WantedImage,
    /// Whose images the shelf takes; never empty.
    pub image_keys: Vec<PublicKey>,
    pub http_port: u16,
    pub node_api_port: u16,
    /// Without it operators are answered on the socket only.
    pub operator_api: Option<OperatorListen>,
    /// Never empty; no two overlap.
    pub networks: Vec<Network>,
    /// Networks that only a relay reaches.
    pub relayed: Vec<Relayed>,
    /// System serials that are approved without an operator.
    pub serials: BTreeSet<String>,
    pub disk: DiskRule,
    pub foreign_data: ForeignData,
    /// With these keys operators may log in to approved nodes, as root.
    pub operator_keys: Vec<SshPublicKey>,
    pub rack: Rack,
    /// Without it no node can be powered off from outside.
    pub bmc: Option<Bmc>,
    /// No two identities of them share a name, a host name or an address.
    pub clusters: Vec<Cluster>,
}

/// Every answer to a node carries them all.
const OPERATOR_KEYS_MAX: usize = 64;

/// Why a definition cannot be used. Every variant is the operator's to fix.
#[derive(Debug, thiserror::Error)]
pub enum DefinitionError {
    #[error("cannot read the site file")]
    Read(#[source] FsError),
    #[error("{}:{line}: {message}", path.display())]
    Syntax { path: PathBuf, line: usize, message: String },
    #[error("{}:{line}: `networks` names no network", path.display())]
    NoNetwork { path: PathBuf, line: usize },
    #[error("{}:{line}: `image_keys` names no key", path.display())]
    NoKey { path: PathBuf, line: usize },
    #[error("{}:{line}: `image_keys`: cannot read {key}", path.display())]
    KeyFile {
        path: PathBuf,
        line: usize,
        key: String,
        #[source]
        source: FsError,
    },
    #[error("{}:{line}: `image_keys`: cannot use {key}", path.display())]
    KeyFormat {
        path: PathBuf,
        line: usize,
        key: String,
        #[source]
        source: KeyError,
    },
    #[error("{}:{line}: `listen` is {address}, where nodes are answered already", path.display())]
    ListenTaken { path: PathBuf, line: usize, address: SocketAddr },
    #[error("{}:{line}: `serials` lists `{serial}` twice", path.display())]
    SerialTwice { path: PathBuf, line: usize, serial: String },
    #[error("{}:{line}: `serials` has an empty serial, which would match every board without one", path.display())]
    SerialEmpty { path: PathBuf, line: usize },
    #[error("{}:{line}: `ssh_keys` lists this key twice", path.display())]
    OperatorTwice { path: PathBuf, line: usize },
    #[error("{}:{line}: `ssh_keys` lists more than {OPERATOR_KEYS_MAX} keys", path.display())]
    OperatorsTooMany { path: PathBuf, line: usize },
    #[error("the networks of {} cannot be served", path.display())]
    Dhcp {
        path: PathBuf,
        #[source]
        source: understudy_netboot::dhcp::ConfigError,
    },
    #[error("{}:{line}: `{key}` {problem}", path.display())]
    Network { path: PathBuf, line: usize, key: &'static str, problem: NetworkProblem },
    #[error("{}:{line}: `{key}` {problem}", path.display())]
    Rack { path: PathBuf, line: usize, key: &'static str, problem: RackProblem },
    #[error("{}:{line}: `{key}` {problem}", path.display())]
    Cluster { path: PathBuf, line: usize, key: &'static str, problem: ClusterProblem },
}

impl SiteDefinition {
    /// Reads and checks the file.
    pub fn read(path: &Path) -> Result<Self, DefinitionError> {
        let text = fs::read_text(path).map_err(DefinitionError::Read)?;
        Self::parse(path, &text)
    }

    /// Checks a text as if it stood in this file; public keys are read from its folder.
    pub fn parse(path: &Path, text: &str) -> Result<Self, DefinitionError> {
        Source { path, text }.read()
    }

    /// The operator's socket.
    pub fn socket(&self) -> PathBuf {
        self.state.join(crate::state::SOCKET_FILE)
    }
}

/// The file that is being read.
struct Source<'a> {
    path: &'a Path,
    text: &'a str,
}

impl Source<'_> {
    fn read(&self) -> Result<SiteDefinition, DefinitionError> {
        let raw: RawDefinition = toml::from_str(self.text).map_err(|error| self.syntax(&error))?;
        let folder = self.path.parent().unwrap_or(Path::new("."));
        let (http_port, node_api_port) = (raw.http.port.get(), raw.node_api.port.get());
        let networks = self.networks(&raw.networks)?;
        let operator_api =
            raw.operator_api.map(|raw| self.operator_api(raw, &networks, [http_port, node_api_port]));
        let rack = rack::rack(raw.rack, &raw.name).map_err(|refused| self.rack(refused))?;
        let bmc = raw.bmc.map(|bmc| rack::bmc(bmc, folder)).transpose();
        let definition = SiteDefinition {
            rack,
            bmc: bmc.map_err(|refused| self.rack(refused))?,
            clusters: self.clusters(raw.clusters, &networks, &raw.name)?,
            name: raw.name,
            state: folder.join(raw.state),
            images: folder.join(raw.images),
            image: raw.image,
            image_keys: self.keys(&raw.image_keys, folder)?,
            http_port,
            node_api_port,
            operator_api: operator_api.transpose()?,
            relayed: self.in_networks(network::validate_relayed(&raw.relayed, &networks))?,
            networks,
            serials: self.serials(&raw.enrolment.serials)?,
            disk: raw.install.disk,
            foreign_data: raw.install.foreign_data,
            operator_keys: self.operator_keys(&raw.operators.ssh_keys)?,
        };
        // What only the DHCP server knows about its own limits.
        crate::netboot::dhcp_config(&definition)
            .validate()
            .map_err(|source| DefinitionError::Dhcp { path: self.path.to_owned(), source })?;
        Ok(definition)
    }

    fn keys(
        &self,
        keys: &Spanned<Vec<Spanned<String>>>,
        folder: &Path,
    ) -> Result<Vec<PublicKey>, DefinitionError> {
        let (path, line) = (self.path.to_owned(), self.line(keys.span()));
        if keys.get_ref().is_empty() {
            return Err(DefinitionError::NoKey { path, line });
        }
        let read = |key: &Spanned<String>| {
            let (path, line, key) = (self.path.to_owned(), self.line(key.span()), key.get_ref().clone());
            match fs::read_text(&folder.join(&key)) {
                Err(source) => Err(DefinitionError::KeyFile { path, line, key, source }),
                Ok(text) => PublicKey::parse(&text).map_err(|source| DefinitionError::KeyFormat {
                    path,
                    line,
                    key,
                    source,
                }),
            }
        };
        keys.get_ref().iter().map(read).collect()
    }

    fn serials(&self, serials: &[Spanned<String>]) -> Result<BTreeSet<String>, DefinitionError> {
        let mut seen = BTreeSet::new();
        for serial in serials {
            let (path, line) = (self.path.to_owned(), self.line(serial.span()));
            let serial = serial.get_ref().trim().to_owned();
            if serial.is_empty() {
                return Err(DefinitionError::SerialEmpty { path, line });
            }
            if !seen.insert(serial.clone()) {
                return Err(DefinitionError::SerialTwice { path, line, serial });
            }
        }
        Ok(seen)
    }

    fn operator_keys(&self, keys: &[Spanned<SshPublicKey>]) -> Result<Vec<SshPublicKey>, DefinitionError> {
        let mut seen = BTreeSet::new();
        for (number, key) in keys.iter().enumerate() {
            let (path, line) = (self.path.to_owned(), self.line(key.span()));
            if number >= OPERATOR_KEYS_MAX {
                return Err(DefinitionError::OperatorsTooMany { path, line });
            }
            if !seen.insert(key.get_ref().without_comment()) {
                return Err(DefinitionError::OperatorTwice { path, line });
            }
        }
        Ok(keys.iter().map(|key| key.get_ref().clone()).collect())
    }

    fn networks(&self, raw: &Spanned<Vec<raw::RawNetwork>>) -> Result<Vec<Network>, DefinitionError> {
        if raw.get_ref().is_empty() {
            return Err(DefinitionError::NoNetwork {
                path: self.path.to_owned(),
                line: self.line(raw.span()),
            });
        }
        self.in_networks(network::validate(raw.get_ref()))
    }

    fn in_networks<T>(&self, checked: Result<T, network::Refused>) -> Result<T, DefinitionError> {
        checked.map_err(|refused| DefinitionError::Network {
            path: self.path.to_owned(),
            line: self.line(refused.span),
            key: refused.key,
            problem: refused.problem,
        })
    }

    fn rack(&self, refused: rack::Refused) -> DefinitionError {
        let rack::Refused { span, key, problem } = refused;
        DefinitionError::Rack { path: self.path.to_owned(), line: self.line(span), key, problem }
    }

    fn clusters(
        &self,
        raw: Vec<raw::RawCluster>,
        networks: &[Network],
        site: &Name,
    ) -> Result<Vec<Cluster>, DefinitionError> {
        cluster::validate(raw, networks, site).map_err(|refused| DefinitionError::Cluster {
            path: self.path.to_owned(),
            line: self.line(refused.span),
            key: refused.key,
            problem: refused.problem,
        })
    }

    fn operator_api(
        &self,
        raw: raw::RawOperatorApi,
        networks: &[Network],
        node_ports: [u16; 2],
    ) -> Result<OperatorListen, DefinitionError> {
        operator_api::validate(raw, networks, node_ports).map_err(|taken| DefinitionError::ListenTaken {
            path: self.path.to_owned(),
            line: self.line(taken.span),
            address: taken.address,
        })
    }

    fn line(&self, span: Range<usize>) -> usize {
        let start = span.start.min(self.text.len());
        self.text.as_bytes()[..start].iter().filter(|byte| **byte == b'\n').count() + 1
    }

    /// The parser's words, with the key of the line where they do not name it.
    fn syntax(&self, error: &toml::de::Error) -> DefinitionError {
        let line = self.line(error.span().unwrap_or_default());
        let place = self.text.lines().nth(line - 1).unwrap_or_default();
        let key = place.split_once('=').map(|(key, _)| key.trim()).filter(|key| !key.is_empty());
        let message = match key {
            Some(key) if !error.message().contains(&format!("`{key}`")) => {
                format!("`{key}`: {}", error.message())
            }
            _ => error.message().to_owned(),
        };
        DefinitionError::Syntax { path: self.path.to_owned(), line, message }
    }
}

#[cfg(test)]
mod tests;
