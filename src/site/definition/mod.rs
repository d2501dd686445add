//! `site.toml`: what a site is. Raw text in, a checked definition out, errors with file, line and key.
//!
//! Paths in it are relative to the file. Nothing is looked up on this machine but the public keys.

mod network;
mod raw;
mod value;

pub use network::{Dhcp, Network, NetworkProblem};
pub use value::{
    AddressRange, DiskRule, ForeignData, InterfaceName, NetworkAddress, ValueError, WantedImage,
};

use raw::RawDefinition;
use std::collections::BTreeSet;
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
    /// Never empty; no two overlap.
    pub networks: Vec<Network>,
    /// System serials that are approved without an operator.
    pub serials: BTreeSet<String>,
    pub disk: DiskRule,
    pub foreign_data: ForeignData,
    /// With these keys operators may log in to approved nodes, as root.
    pub operator_keys: Vec<SshPublicKey>,
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
}

impl SiteDefinition {
    /// Reads and checks the file.
    pub fn read(path: &Path) -> Result<Self, DefinitionError> {
        let text = fs::read_text(path).map_err(DefinitionError::Read)?;
        Source { path, text: &text }.read()
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
        let definition = SiteDefinition {
            name: raw.name,
            state: folder.join(raw.state),
            images: folder.join(raw.images),
            image: raw.image,
            image_keys: self.keys(&raw.image_keys, folder)?,
            http_port: raw.http.port.get(),
            node_api_port: raw.node_api.port.get(),
            networks: self.networks(&raw.networks)?,
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
        network::validate(raw.get_ref()).map_err(|refused| DefinitionError::Network {
            path: self.path.to_owned(),
            line: self.line(refused.span),
            key: refused.key,
            problem: refused.problem,
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
[operators]
ssh_keys = ["ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f ann"]
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
        assert!(site.operator_keys[0].as_str().ends_with(" ann"));
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
            ("[enrolment]", "[http]\nport = 0\n[enrolment]", 21, "`port`"),
            ("[enrolment]", "[install]\ndisk = \"serial:\"\n[enrolment]", 21, "`disk`: "),
            ("ssh-ed25519 ", "ssh-dss ", 23, "keys of the kind `ssh-dss` are not taken"),
            ("ssh-ed25519 ", "command=\\\"sh\\\" ssh-ed25519 ", 23, "`ssh_keys`: keys of the kind"),
            (
                " ann\"",
                " ann\", \"ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f bob\"",
                23,
                "`ssh_keys` lists this key twice",
            ),
        ];
        for (from, to, line, expected) in cases {
            assert!(GOOD.contains(from), "{from}");
            let error = read(&GOOD.replacen(from, to, 1)).unwrap_err().to_string();
            assert!(error.contains(&format!("site.toml:{line}: ")), "{to}: {error}");
            assert!(error.contains(expected), "{to}: {error}");
        }
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
