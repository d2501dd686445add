//! The file of `mailstore serve`.
//!
//! ```toml
//! host = "store-1.example"
//! folder = "/var/lib/mailstore"
//! pair = "store-1"
//! [lmtp]
//! listen = ["10.0.0.7:24"]
//! [pop3]
//! listen = ["10.0.0.7:110"]
//! tls = "starttls"
//! [tls]
//! certificates = "/run/mail/tls.crt"
//! key = "/run/mail/tls.key"
//! [directory]
//! sqlite = "/var/lib/mail/directory.db"
//! [proxy]
//! name = "access"
//! secret_file = "/run/mail/proxy-secret"
//! ```

mod problems;

use mail::address::Domain;
use mail::config::Period;
use mail::directory::{DirectorySettings, PairName};
use mail::login::{LoginSettings, ProxySettings};
use mail::tls::Files;
use serde::{Deserialize, Deserializer};
use std::net::SocketAddr;
use std::path::PathBuf;

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// By which this server calls itself.
    #[serde(deserialize_with = "host")]
    pub host: Domain,
    /// Other hosts of ours, which have a message before this one does: what they write on top of it does not make it another message.
    #[serde(default, deserialize_with = "hosts")]
    pub own_names: Vec<Domain>,
    /// The store's; it is made if it is not there.
    pub folder: PathBuf,
    /// Which of the directory's storage pairs this is.
    #[serde(default, deserialize_with = "pair")]
    pub pair: Option<PairName>,
    /// From SIGTERM until sessions are cut off.
    #[serde(default = "drain")]
    pub drain: Period,
    pub lmtp: Lmtp,
    pub imap: Option<Readers>,
    pub pop3: Option<Readers>,
    pub tls: Option<Files>,
    /// Without it accounts are those that `mailstore account` has made, and nobody logs in.
    pub directory: Option<DirectorySettings>,
    /// The front end that logs in for others.
    pub proxy: Option<ProxySettings>,
    #[serde(default)]
    pub logins: LoginSettings,
    pub observe: Option<Observe>,
    #[serde(default)]
    pub compaction: Compaction,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Lmtp {
    pub listen: Vec<SocketAddr>,
}

/// Where mail is read.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Readers {
    pub listen: Vec<SocketAddr>,
    #[serde(default)]
    pub tls: Tls,
}

/// When TLS begins there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Tls {
    /// With the client's word, and no password before it.
    #[default]
    #[serde(rename = "starttls")]
    StartTls,
    /// With the first octet.
    AtOnce,
    /// Never: this is a network of our own hosts, and passwords are taken in the clear.
    Off,
}

/// Metrics and health.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Observe {
    pub listen: SocketAddr,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Compaction {
    pub every: Period,
}

impl Default for Compaction {
    fn default() -> Self {
        Self { every: Period::seconds(600) }
    }
}

fn drain() -> Period {
    Period::seconds(30)
}

fn host<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Domain, D::Error> {
    host_of::<D>(&String::deserialize(deserializer)?)
}

fn hosts<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Domain>, D::Error> {
    Vec::<String>::deserialize(deserializer)?.iter().map(|text| host_of::<D>(text)).collect()
}

fn host_of<'de, D: Deserializer<'de>>(text: &str) -> Result<Domain, D::Error> {
    text.parse().map_err(|_| {
        serde::de::Error::custom(format!(
            "{text:?} is no name of a host: letters, digits and hyphens inside, with dots between such words, 255 octets at most, such as \
             store-1.example"
        ))
    })
}

fn pair<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<PairName>, D::Error> {
    let text = String::deserialize(deserializer)?;
    text.parse().map(Some).map_err(|error| serde::de::Error::custom(format!("{text:?} {error}")))
}

#[cfg(test)]
mod tests;
