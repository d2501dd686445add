//! The file of `inbound`.
//!
//! ```toml
//! host = "mx1.example.org"
//! own_names = ["mx2.example.org"]
//! postmaster = "postmaster@example.org"
//! folder = "/var/lib/inbound"
//! [directory]
//! sqlite = "/var/lib/mail/directory.db"
//! [smtp]
//! listen = ["[::]:25"]
//! [tls]
//! certificates = "/etc/inbound/tls.crt"
//! key = "/etc/inbound/tls.key"
//! [dns]
//! servers = ["127.0.0.1:53"]
//! ```
//! Everything else has a default, or is off: `[authentication]`, `[[dnsbl]]`, `[greylisting]`, `[limits]`, `[delivery]`, `[observe]`.

mod checks;
mod parsed;
mod smtp;

pub use checks::{Authentication, Dns, Dnsbl, Greylisting, Reject};
pub use smtp::{Limits, RateSettings, Smtp, Tls};

use mail::address::{Domain, Host, LocalPart, Mailbox};
use mail::config::{self, Period, Problem};
use mail::directory::DirectorySettings;
use serde::Deserialize;
use std::net::SocketAddr;
use std::path::PathBuf;

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// By which this server calls itself, and by which its Received and Authentication-Results fields are known.
    #[serde(deserialize_with = "parsed::one")]
    pub host: Domain,
    /// Other hosts of ours: nobody but they writes Authentication-Results in their names.
    #[serde(default, deserialize_with = "parsed::all")]
    pub own_names: Vec<Domain>,
    /// Who receives what is sent to `<postmaster>`; without it, the one at `host`.
    #[serde(default, deserialize_with = "parsed::maybe")]
    pub postmaster: Option<Mailbox>,
    /// For messages on their way, which have no names there.
    pub folder: PathBuf,
    /// From SIGTERM until sessions are cut off.
    #[serde(default = "drain")]
    pub drain: Period,
    pub directory: DirectorySettings,
    pub smtp: Smtp,
    pub tls: Option<Tls>,
    #[serde(default)]
    pub limits: Limits,
    pub dns: Dns,
    #[serde(default)]
    pub authentication: Authentication,
    #[serde(default)]
    pub dnsbl: Vec<Dnsbl>,
    pub greylisting: Option<Greylisting>,
    #[serde(default)]
    pub delivery: Delivery,
    pub observe: Option<Observe>,
}

/// To the mailstores.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Delivery {
    /// Whether there is a mailbox with room, at RCPT.
    pub ask: Period,
    /// From the beginning of a delivery to the last answer; less than clients wait (RFC 5321, section 4.5.3.2.6: ten minutes).
    pub whole: Period,
    /// At one mailstore at once.
    pub connections_max: usize,
}

impl Default for Delivery {
    fn default() -> Self {
        Self { ask: Period::seconds(10), whole: Period::seconds(300), connections_max: 100 }
    }
}

/// Metrics and health.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Observe {
    pub listen: SocketAddr,
}

fn drain() -> Period {
    Period::seconds(30)
}

impl Settings {
    /// Who receives what is sent to `<postmaster>`.
    pub fn postmaster(&self) -> Option<Mailbox> {
        let here = || Mailbox::new(LocalPart::new("postmaster").ok()?, Host::Domain(self.host.clone())).ok();
        self.postmaster.clone().or_else(here)
    }
}

impl config::Settings for Settings {
    fn problems(&self) -> Vec<Problem> {
        let mut problems = Vec::new();
        if !self.folder.is_absolute() {
            let hint = "write it from the root, such as /var/lib/inbound";
            problems.push(Problem::new("folder", "the folder depends on where this is started", hint));
        }
        problems.extend(self.directory.problems("directory"));
        problems.extend(self.smtp.problems());
        problems.extend(self.limits.problems());
        problems.extend(self.dns.problems());
        problems.extend(self.authentication.problems());
        problems.extend(self.dnsbl.iter().enumerate().flat_map(|(number, dnsbl)| dnsbl.problems(number)));
        problems.extend(self.greylisting.iter().flat_map(Greylisting::problems));
        problems.extend(self.delivery.problems());
        if self.postmaster().is_none() {
            let hint = "name the mailbox of postmaster = \"...\"";
            problems.push(Problem::new("host", "postmaster at this host is too long for an address", hint));
        }
        problems
    }
}

impl Delivery {
    fn problems(&self) -> Vec<Problem> {
        let mut problems = Vec::new();
        if self.whole.0 > smtp::DELIVERY_MAX {
            let hint = "write 8min or less";
            problems.push(Problem::new("delivery.whole", "clients do not wait so long", hint));
        }
        if self.ask.0 > smtp::ASK_MAX {
            let hint = "write 1min or less";
            problems.push(Problem::new(
                "delivery.ask",
                "clients do not wait so long for many recipients",
                hint,
            ));
        }
        if self.connections_max == 0 {
            let hint = "leave it out for 100";
            problems.push(Problem::new("delivery.connections_max", "nothing could be delivered", hint));
        }
        problems
    }
}

#[cfg(test)]
mod tests;
