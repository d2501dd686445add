//! `[rack]` and `[bmc]`: what may be fenced, how often, and how.

use super::raw::{RawBmc, RawRack};
use super::value::BmcUser;
use std::collections::BTreeMap;
use std::ops::{Range, RangeInclusive};
use std::path::{Path, PathBuf};
use std::time::Duration;
use toml::Spanned;
use understudy_core::model::name::Name;
use understudy_rack::redfish::{BmcUrl, CertificateTrust};

/// More at once is no rack that loses a node but a rack that has lost its power or its switch.
const ALLOWANCE: RangeInclusive<u32> = 1..=64;
const ALLOWANCE_DEFAULT: u32 = 2;
const WINDOW_SECONDS: RangeInclusive<u32> = 60..=24 * 3600;
const WINDOW_SECONDS_DEFAULT: u32 = 600;

/// The rack of the site's nodes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rack {
    pub name: Name,
    pub agent: AgentPlace,
    /// Nodes that may be fenced within `allowance_window` at most.
    pub allowance: u32,
    pub allowance_window: Duration,
}

/// Where the rack agent runs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum AgentPlace {
    /// Inside `understudy serve`.
    #[default]
    Serve,
    /// Nowhere: no node is watched, nothing is assigned and nothing is fenced.
    Off,
}

/// How BMCs are reached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bmc {
    pub user: BmcUser,
    /// Its first line is the password.
    pub password_file: PathBuf,
    /// How certificates are trusted that no node of these names.
    pub certificates: Option<CertificateTrust>,
    /// By system serial: instead of what inventories tell.
    pub nodes: BTreeMap<String, BmcNode>,
}

/// The BMC of one node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BmcNode {
    pub url: BmcUrl,
    /// For HTTPS.
    pub certificate: Option<CertificateTrust>,
}

/// Whether a BMC is spoken to over HTTPS whose certificate is nowhere named.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Certificates {
    /// Never.
    #[default]
    Pinned,
    /// Yes: whoever is in between reads the password.
    Unchecked,
}

/// What is wrong with a value of the rack or its BMCs.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum RackProblem {
    #[error("is {0}; {first} to {last} are sensible", first = ALLOWANCE.start(), last = ALLOWANCE.end())]
    Allowance(u32),
    #[error("is {0} s; {first} to {last} are sensible", first = WINDOW_SECONDS.start(), last = WINDOW_SECONDS.end())]
    Window(u32),
    #[error("is empty, which would match every board without one")]
    SerialEmpty,
    #[error("{0} has a BMC already")]
    SerialTwice(String),
    #[error("{url} is the BMC of {serial} already: powering one off would power off the other")]
    UrlTwice { url: BmcUrl, serial: String },
}

/// A problem and where it stands.
pub struct Refused {
    pub span: Range<usize>,
    pub key: &'static str,
    pub problem: RackProblem,
}

fn refuse<T, V>(at: &Spanned<V>, key: &'static str, problem: RackProblem) -> Result<T, Refused> {
    Err(Refused { span: at.span(), key, problem })
}

/// The rack; by default it is named like the site.
pub fn rack(raw: RawRack, site: &Name) -> Result<Rack, Refused> {
    let allowance = match &raw.allowance {
        Some(at) if !ALLOWANCE.contains(at.get_ref()) => {
            return refuse(at, "allowance", RackProblem::Allowance(*at.get_ref()));
        }
        at => at.as_ref().map_or(ALLOWANCE_DEFAULT, |at| *at.get_ref()),
    };
    let window = match &raw.allowance_window_s {
        Some(at) if !WINDOW_SECONDS.contains(at.get_ref()) => {
            return refuse(at, "allowance_window_s", RackProblem::Window(*at.get_ref()));
        }
        at => at.as_ref().map_or(WINDOW_SECONDS_DEFAULT, |at| *at.get_ref()),
    };
    Ok(Rack {
        name: raw.name.unwrap_or_else(|| site.clone()),
        agent: raw.agent,
        allowance,
        allowance_window: Duration::from_secs(u64::from(window)),
    })
}

/// The BMCs; the password's file is relative to `folder` and not looked at yet.
pub fn bmc(raw: RawBmc, folder: &Path) -> Result<Bmc, Refused> {
    let mut nodes: BTreeMap<String, BmcNode> = BTreeMap::new();
    for one in raw.nodes {
        let (serial, url) = (one.serial.get_ref().trim().to_owned(), one.url.get_ref().clone());
        if serial.is_empty() {
            return refuse(&one.serial, "serial", RackProblem::SerialEmpty);
        }
        if nodes.contains_key(&serial) {
            return refuse(&one.serial, "serial", RackProblem::SerialTwice(serial));
        }
        if let Some((serial, _)) = nodes.iter().find(|(_, known)| known.url == url) {
            return refuse(&one.url, "url", RackProblem::UrlTwice { url, serial: serial.clone() });
        }
        let certificate = one.certificate_sha256.map(CertificateTrust::Pinned);
        nodes.insert(serial, BmcNode { url, certificate });
    }
    let certificates = match raw.certificates {
        Certificates::Pinned => None,
        Certificates::Unchecked => Some(CertificateTrust::Unchecked),
    };
    Ok(Bmc { user: raw.user, password_file: folder.join(raw.password_file), certificates, nodes })
}
