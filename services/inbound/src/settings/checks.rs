//! What is asked of others about a message: DNS, the sender's own rules, lists of clients.

use mail::address::Domain;
use mail::config::{Period, Problem};
use serde::Deserialize;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

/// Together with a delivery it is less than the ten minutes of a client.
const AUTHENTICATION_MAX: Duration = Duration::from_secs(60);
const DNS_MAX: Duration = Duration::from_secs(30);

/// Resolvers; the system's own are not asked.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Dns {
    pub servers: Vec<SocketAddr>,
    /// Of one question.
    #[serde(default = "five_seconds")]
    pub timeout: Period,
}

/// SPF, DKIM, DMARC and ARC.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Authentication {
    /// By which our Authentication-Results are known (authserv-id in RFC 8601, section 2.5); without it, the host.
    #[serde(deserialize_with = "super::parsed::maybe")]
    pub name: Option<Domain>,
    /// What becomes of mail whose author's domain asks to refuse it (p=reject).
    pub dmarc_reject: Reject,
    /// For all of it; what is not known then is told as `temperror`.
    pub timeout: Period,
    /// Domains whose ARC seals are believed: what they passed on is not refused although it fails DMARC, such as mail of a list.
    #[serde(deserialize_with = "super::parsed::all")]
    pub trusted_sealers: Vec<Domain>,
}

/// Whether a wish of the author's domain is honoured. Quarantine is noted either way.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Reject {
    /// 550.
    #[default]
    Honour,
    /// The message is taken, and its Authentication-Results say so.
    Note,
}

/// A list of clients, asked by DNS (RFC 5782).
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Dnsbl {
    #[serde(deserialize_with = "super::parsed::one")]
    pub zone: Domain,
    /// Which answers mean that a client is refused; without any, all in 127.0.0.0/8 but those in 127.255.255.0/24, by which lists
    /// refuse to answer.
    #[serde(default)]
    pub answers: Vec<Ipv4Addr>,
    /// Longer is as good as "not listed".
    #[serde(default = "five_seconds")]
    pub timeout: Period,
}

/// Off without this table.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Greylisting {
    /// Before it a repeat does not count.
    pub wait: Period,
    /// In which a repeat must come.
    pub window: Period,
    /// How long it is remembered who has waited.
    pub keep: Period,
    pub entries_max: usize,
}

fn five_seconds() -> Period {
    Period::seconds(5)
}

impl Default for Authentication {
    fn default() -> Self {
        Self {
            name: None,
            dmarc_reject: Reject::Honour,
            timeout: Period::seconds(20),
            trusted_sealers: Vec::new(),
        }
    }
}

impl Default for Greylisting {
    fn default() -> Self {
        let days = |number: u64| Period::seconds(number * 24 * 3600);
        Self { wait: Period::seconds(300), window: days(1), keep: days(35), entries_max: 500_000 }
    }
}

impl Dns {
    pub(super) fn problems(&self) -> Vec<Problem> {
        let mut problems = Vec::new();
        if self.servers.is_empty() {
            let hint = "name a resolver with its port, such as 127.0.0.1:53";
            problems.push(Problem::new("dns.servers", "nobody could be asked", hint));
        }
        problems.extend(time("dns.timeout", self.timeout, DNS_MAX));
        problems
    }
}

impl Authentication {
    pub(super) fn problems(&self) -> Vec<Problem> {
        time("authentication.timeout", self.timeout, AUTHENTICATION_MAX).into_iter().collect()
    }
}

impl Dnsbl {
    pub(super) fn problems(&self, number: usize) -> Vec<Problem> {
        let mut problems = Vec::new();
        if let Some(at) = self.answers.iter().position(|answer| answer.octets()[0] != 127) {
            let hint = "write those that the list documents, such as 127.0.0.2";
            let key = format!("dnsbl[{number}].answers[{at}]");
            problems.push(Problem::new(&key, "lists answer with addresses in 127.0.0.0/8", hint));
        }
        problems.extend(time(&format!("dnsbl[{number}].timeout"), self.timeout, DNS_MAX));
        problems
    }
}

impl Greylisting {
    pub(super) fn problems(&self) -> Vec<Problem> {
        let mut problems = Vec::new();
        if self.window <= self.wait {
            let hint = "write some hours, such as 1d";
            problems.push(Problem::new("greylisting.window", "it is over before the wait is", hint));
        }
        if self.keep < self.window {
            let hint = "write some weeks, such as 35d";
            problems.push(Problem::new("greylisting.keep", "who has waited would be forgotten first", hint));
        }
        if self.entries_max == 0 {
            let hint = "leave it out for 500000, or take the table out";
            problems.push(Problem::new("greylisting.entries_max", "nobody would be remembered", hint));
        }
        problems
    }
}

fn time(key: &str, period: Period, longest: Duration) -> Option<Problem> {
    let what = if period.0.is_zero() {
        "there is no time for an answer"
    } else if period.0 > longest {
        "clients do not wait so long"
    } else {
        return None;
    };
    Some(Problem::new(key, what, format!("write at most {}", Period(longest))))
}
