//! `site.toml`: what a site is. Raw text in, a checked definition out, errors with file, line and key.
//!
//! Paths in it are relative to the file. Nothing is looked up on this machine but the public keys.

mod network;
mod operator_api;
mod raw;
mod value;

pub use network::{Dhcp, Network, NetworkProblem, Relayed};
pub use operator_api::OperatorListen;
pub use value::{
    AddressRange, DiskRule, ForeignData, HostName, InterfaceName, ListenAddress, NetworkAddress, ValueError,
    WantedImage,
};

use raw::RawDefinition;
use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::ops::Range;
use std::path::{Path, PathBuf};
use toml::Spanned;
use understudy_core::base::fs::{self, FsError};
use understudy_core::model::name::Name;
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
}

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
    #[error("the networks of {} cannot be served", path.display())]
    Dhcp {
        path: PathBuf,
        #[source]
        source: understudy_netboot::dhcp::ConfigError,
    },
    #[error("{}:{line}: `{key}` {problem}", path.display())]
    Network { path: PathBuf, line: usize, key: &'static str, problem: NetworkProblem },
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
        let definition = SiteDefinition {
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
mod tests {
    use super::*;

    const GOOD: &str = r#"
name = "demo"
state = "state"
images = "images"
image = "mail"
image_keys = ["key.pub"]
[[networks]]
interface = "rack0"
address = "10.77.0.1/24"
dhcp = "own"
pool = "10.77.0.100-10.77.0.199"
gateway = "10.77.0.1"
[[networks.reservations]]
mac = "52:54:00:00:00:01"
address = "10.77.0.11"
[[networks]]
interface = "rack1"
address = "10.78.0.1/24"
dhcp = "proxy"
[enrolment]
serials = ["LAB-1"]
"#;

    fn read(text: &str) -> Result<SiteDefinition, DefinitionError> {
        let folder = tempfile::tempdir().unwrap();
        let public = minisign::KeyPair::generate_unencrypted_keypair().unwrap().pk.to_box().unwrap();
        fs::write(&folder.path().join("key.pub"), public.into_string().as_bytes()).unwrap();
        let path = folder.path().join("site.toml");
        fs::write(&path, text.as_bytes()).unwrap();
        SiteDefinition::read(&path)
    }

    #[test]
    fn a_good_file_is_read_with_its_defaults() {
        let site = read(GOOD).unwrap();
        assert_eq!((site.http_port, site.node_api_port, site.networks.len()), (80, 8443, 2));
        assert!(site.state.is_absolute() && site.state.ends_with("state"));
        assert_eq!((site.disk, site.foreign_data), (DiskRule::Only, ForeignData::Ask));
    }

    #[test]
    fn each_mistake_is_told_with_its_line_and_key() {
        let cases = [
            ("state = \"state\"", "stat = \"state\"", 3, "stat"),
            ("name = \"demo\"", "name = \"De mo\"", 2, "`name`: `De mo` is not a name"),
            ("image = \"mail\"", "image = \"../x\"", 5, "`image`: `../x`"),
            ("[\"key.pub\"]", "[]", 6, "`image_keys` names no key"),
            ("[\"key.pub\"]", "[\"other.pub\"]", 6, "`image_keys`: cannot read other.pub"),
            ("[\"key.pub\"]", "[\"site.toml\"]", 6, "`image_keys`: cannot use site.toml"),
            ("interface = \"rack0\"", "interface = \"../../rack0\"", 8, "`interface`: "),
            ("10.77.0.1/24\"", "10.77.0.1\"", 9, "`address`: "),
            ("10.77.0.1/24\"", "10.77.0.0/24\"", 9, "`address`"),
            ("dhcp = \"own\"", "dhcp = \"maybe\"", 10, "maybe"),
            ("pool = \"10.77.0.100-", "pool = \"10.76.0.100-", 11, "`pool`"),
            ("100-10.77.0.199", "199-10.77.0.100", 11, "`pool`: "),
            ("pool = \"10.77.0.100-", "pool = \"10.77.0.1-", 11, "`pool` contains 10.77.0.1"),
            ("gateway = \"10.77.0.1\"", "gateway = \"10.9.0.1\"", 12, "`gateway`"),
            ("\"10.77.0.11\"", "\"10.77.1.11\"", 15, "`address`"),
            ("\"10.77.0.11\"", "\"10.77.0.1\"", 15, "`address`"),
            ("10.78.0.1/24", "10.77.0.129/25", 18, "overlaps"),
            ("\"rack1\"", "\"rack0\"", 17, "`interface`"),
            ("dhcp = \"proxy\"", "dhcp = \"proxy\"\npool = \"10.78.0.2-10.78.0.3\"", 20, "`pool`"),
            ("pool = \"10.77.0.100-10.77.0.199\"", "", 10, "`pool`"),
            ("[\"LAB-1\"]", "[\"\"]", 21, "`serials` has an empty serial"),
            ("[\"LAB-1\"]", "[\"A\", \"A\"]", 21, "`serials` lists `A` twice"),
            (
                "[enrolment]",
                "[operator_api]\nlisten = \"10.77.0.1:8443\"\n[enrolment]",
                21,
                "`listen` is 10.77.0.1:8443",
            ),
            (
                "[enrolment]",
                "[operator_api]\nlisten = \"0.0.0.0:9443\"\n[enrolment]",
                21,
                "`listen`: `0.0.0.0:9443`",
            ),
            ("[enrolment]", "[operator_api]\nlisten = \"10.77.0.1:0\"\n[enrolment]", 21, "`listen`: "),
            (
                "[enrolment]",
                "[operator_api]\nlisten = \"10.9.0.1:1\"\nnames = [\"a b\"]\n[enrolment]",
                22,
                "`names`: `a b`",
            ),
            ("[enrolment]", "[operator_api]\nnames = []\n[enrolment]", 20, "listen"),
            ("[enrolment]", "[http]\nport = 0\n[enrolment]", 21, "`port`"),
            ("[enrolment]", "[install]\ndisk = \"serial:\"\n[enrolment]", 21, "`disk`: "),
        ];
        for (from, to, line, expected) in cases {
            assert!(GOOD.contains(from), "{from}");
            let error = read(&GOOD.replacen(from, to, 1)).unwrap_err().to_string();
            assert!(error.contains(&format!("site.toml:{line}: ")), "{to}: {error}");
            assert!(error.contains(expected), "{to}: {error}");
        }
    }

    #[test]
    fn each_mistake_about_a_relayed_network_is_told_with_its_line_and_key() {
        const RELAYED: &str = "[[relayed]]\ninterface = \"rack0\"\nnetwork = \"10.88.0.0/24\"\n\
            pool = \"10.88.0.100-10.88.0.199\"\ngateway = \"10.88.0.1\"\n\
            [[relayed.reservations]]\nmac = \"52:54:00:00:00:01\"\naddress = \"10.88.0.11\"\n";
        let with = |relayed: &str| read(&format!("{GOOD}{relayed}"));
        let [good] = &with(RELAYED).unwrap().relayed[..] else { panic!("one network") };
        assert_eq!((good.gateway.to_string(), good.lease.as_secs()), ("10.88.0.1".to_owned(), 3600));
        assert_eq!(with(&RELAYED.replace("rack0", "rack1")).unwrap().relayed.len(), 1, "beside proxyDHCP");
        let first = GOOD.lines().count() + 1;
        let cases = [
            ("\"rack0\"", "\"rack7\"", 1, "`interface` rack7 is no interface of `networks`"),
            ("10.88.0.0/24", "10.88.0.1/24", 2, "`network` 10.88.0.1 is not the first address of a network"),
            (
                "10.88.0.0/24",
                "10.77.0.128/25",
                2,
                "`network` 10.77.0.128/25 overlaps with the network of rack0",
            ),
            ("10.88.0.100-", "10.87.0.100-", 3, "`pool` reaches out of the network"),
            ("\"10.88.0.1\"", "\"10.77.0.1\"", 4, "`gateway` 10.77.0.1 is not in the network"),
            ("\"10.88.0.11\"", "\"10.88.0.1\"", 7, "`address` 10.88.0.1 is the gateway's"),
            ("\"10.88.0.11\"", "\"10.89.0.1\"", 7, "`address` 10.89.0.1 is not in the network"),
            ("gateway = \"10.88.0.1\"", "lease_s = 5", 0, "`gateway`"),
        ];
        for (from, to, line, expected) in cases {
            assert!(RELAYED.contains(from), "{from}");
            let error = with(&RELAYED.replacen(from, to, 1)).unwrap_err().to_string();
            assert!(error.contains(&format!("site.toml:{}: ", first + line)), "{to}: {error}");
            assert!(error.contains(expected), "{to}: {error}");
        }
        let twice = with(&format!("{RELAYED}{RELAYED}")).unwrap_err().to_string();
        assert!(twice.contains("overlaps with the network of 10.88.0.0"), "{twice}");
    }

    #[test]
    fn two_reservations_cannot_share_a_card_or_an_address() {
        let more = |mac, address| {
            let with = format!(
                "[[networks.reservations]]\nmac = \"{mac}\"\naddress = \"{address}\"\n[[networks]]\ninterface = \"rack1\""
            );
            read(&GOOD.replacen("[[networks]]\ninterface = \"rack1\"", &with, 1))
        };
        let error = more("52:54:00:00:00:01", "10.77.0.12").unwrap_err().to_string();
        assert!(error.contains("site.toml:17: `mac` 52:54:00:00:00:01 has a reservation already"), "{error}");
        let error = more("52:54:00:00:00:02", "10.77.0.11").unwrap_err().to_string();
        assert!(error.contains("site.toml:18: `address` 10.77.0.11 is reserved twice"), "{error}");
        assert!(more("52:54:00:00:00:02", "10.77.0.12").is_ok());
    }
}
