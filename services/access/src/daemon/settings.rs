//! The file of `access`.
//!
//! ```toml
//! drain = "10min"
//! [[imap]]
//! listen = ["[::]:143"]
//! tls = "starttls"
//! [[imap]]
//! listen = ["[::]:993"]
//! tls = "at-once"
//! [[pop3]]
//! listen = ["[::]:995"]
//! tls = "at-once"
//! [tls]
//! certificates = "/run/mail/tls.crt"
//! key = "/run/mail/tls.key"
//! [directory]
//! sqlite = "/var/lib/mail/directory.db"
//! [proxy]
//! name = "access"
//! secret_file = "/run/mail/proxy-secret"
//! [backend]
//! tls = "off"
//! ```

use crate::session::{Loopback, Tls};
use mail::config::{self, Period, Problem};
use mail::directory::DirectorySettings;
use mail::listen;
use mail::login::{LoginSettings, ProxySettings};
use mail::tls::Files;
use serde::Deserialize;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

/// A client of IMAP may be silent for so long (RFC 3501, section 5.4).
const SILENCE: Duration = Duration::from_secs(30 * 60);

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// From SIGTERM until sessions are cut off.
    #[serde(default = "ten_minutes")]
    pub drain: Period,
    /// For everything that a client says until it is known.
    #[serde(default = "three_minutes")]
    pub before_login: Period,
    /// For how long neither a client nor its pair says anything.
    #[serde(default = "thirty_five_minutes")]
    pub idle: Period,
    #[serde(default)]
    pub imap: Vec<Listener>,
    #[serde(default)]
    pub pop3: Vec<Listener>,
    pub tls: Option<Files>,
    pub directory: DirectorySettings,
    #[serde(default)]
    pub logins: LoginSettings,
    pub proxy: ProxySettings,
    #[serde(default)]
    pub backend: BackendSettings,
    #[serde(default)]
    pub limits: Limits,
    pub observe: Option<Observe>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Listener {
    pub listen: Vec<SocketAddr>,
    pub tls: Tls,
    #[serde(default)]
    pub loopback: Loopback,
}

/// How pairs are spoken with.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct BackendSettings {
    pub tls: BackendTls,
    /// Whose certificates pairs have.
    pub ca_file: Option<PathBuf>,
    /// Until a pair takes a connection.
    pub connect: Period,
    /// From there until it has answered the login.
    pub login: Period,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum BackendTls {
    /// And the certificate names the host of the pair's endpoint.
    #[default]
    Verified,
    /// In a network of our own hosts.
    Off,
}

impl Default for BackendSettings {
    fn default() -> Self {
        Self {
            tls: BackendTls::Verified,
            ca_file: None,
            connect: Period::seconds(5),
            login: Period::seconds(15),
        }
    }
}

/// For each protocol. A client is an IPv4 address, or the /64 of an IPv6 address.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Limits {
    pub sessions_max: usize,
    /// An office behind one address has many, and each mail program takes some.
    pub sessions_per_client_max: u32,
    pub connections_per_client_burst: u32,
    pub connections_per_client_and_minute: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            sessions_max: 10_000,
            sessions_per_client_max: 200,
            connections_per_client_burst: 300,
            connections_per_client_and_minute: 600,
        }
    }
}

impl From<Limits> for listen::Limits {
    fn from(limits: Limits) -> Self {
        Self {
            sessions_max: limits.sessions_max,
            sessions_per_client_max: limits.sessions_per_client_max,
            connections_per_client: listen::Rate {
                burst: limits.connections_per_client_burst,
                per_minute: limits.connections_per_client_and_minute,
            },
        }
    }
}

/// Metrics and health.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Observe {
    pub listen: SocketAddr,
}

fn ten_minutes() -> Period {
    Period::seconds(600)
}

fn three_minutes() -> Period {
    Period::seconds(180)
}

fn thirty_five_minutes() -> Period {
    Period::seconds(2100)
}

impl config::Settings for Settings {
    fn problems(&self) -> Vec<Problem> {
        let mut problems = self.listener_problems();
        problems.extend(self.directory.problems("directory"));
        problems.extend(self.logins.problems("logins"));
        problems.extend(self.proxy.problems("proxy"));
        problems.extend(self.backend.problems());
        problems.extend(self.limits.problems());
        if self.idle.0 <= SILENCE {
            let (what, hint) =
                ("clients may be silent for half an hour", "write more than 30min, such as 35min");
            problems.push(Problem::new("idle", what, hint));
        }
        if self.before_login.0.is_zero() {
            problems.push(Problem::new("before_login", "nobody is so fast", "write a time such as 3min"));
        }
        problems
    }
}

impl Settings {
    fn listener_problems(&self) -> Vec<Problem> {
        let mut problems = Vec::new();
        if self.imap.is_empty() && self.pop3.is_empty() {
            let hint = "add a table [[imap]] or [[pop3]]";
            problems.push(Problem::new("", "nobody could come in", hint));
        }
        for (name, listeners) in [("imap", &self.imap), ("pop3", &self.pop3)] {
            for (number, listener) in listeners.iter().enumerate() {
                if listener.listen.is_empty() {
                    let hint = "name an address with its port, such as 127.0.0.1:143";
                    let key = format!("{name}[{number}].listen");
                    problems.push(Problem::new(&key, "nobody could come in here", hint));
                }
                if listener.tls != Tls::Off && self.tls.is_none() {
                    let hint = "add a table [tls] with certificates and key, or write tls = \"off\"";
                    let key = format!("{name}[{number}].tls");
                    problems.push(Problem::new(&key, "there is no certificate", hint));
                }
            }
        }
        problems
    }
}

impl BackendSettings {
    fn problems(&self) -> Vec<Problem> {
        let mut problems = Vec::new();
        let mut problem = |key: &str, what: &str, hint: &str| {
            problems.push(Problem::new(&format!("backend.{key}"), what, hint));
        };
        match (self.tls, &self.ca_file) {
            (BackendTls::Verified, None) => {
                let hint = "name whose certificates pairs have: ca_file = \"FILE\"; or write tls = \"off\"";
                problem("tls", "nobody says whom to trust", hint);
            }
            (BackendTls::Off, Some(_)) => {
                let hint = "take it out, or write tls = \"verified\"";
                problem("ca_file", "means nothing without TLS", hint);
            }
            _ => {}
        }
        for (key, time) in [("connect", self.connect), ("login", self.login)] {
            if time.0.is_zero() {
                problem(key, "no pair is so fast", "write a time such as 5s");
            }
        }
        problems
    }
}

impl Limits {
    fn problems(&self) -> Vec<Problem> {
        let mut problems = Vec::new();
        let numbers = [
            ("sessions_max", self.sessions_max),
            ("sessions_per_client_max", self.sessions_per_client_max as usize),
            ("connections_per_client_burst", self.connections_per_client_burst as usize),
        ];
        for (key, number) in numbers {
            if number == 0 {
                let hint = "write a number from 1 on, or leave it out";
                problems.push(Problem::new(&format!("limits.{key}"), "nobody could come in", hint));
            }
        }
        problems
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SMALL: &str = "[[imap]]\nlisten = ['127.0.0.1:143']\ntls = 'off'\n[directory]\nsqlite = '/d.db'\n\
        [proxy]\nname = 'access'\nsecret_file = '/s'\n[backend]\ntls = 'off'\n";

    /// Each problem as its key.
    fn problems(text: &str) -> Vec<String> {
        let findings = config::parse::<Settings>(text).unwrap_err();
        findings.into_iter().map(|found| found.problem.key).collect()
    }

    #[test]
    fn a_small_file_is_enough() {
        let settings = config::parse::<Settings>(SMALL).unwrap();
        assert_eq!(settings.drain, Period::seconds(600));
        assert!(settings.idle.0 > SILENCE && settings.imap[0].loopback == Loopback::Trusted);
        for tls in ["starttls", "at-once"] {
            let text = SMALL.replacen("'off'", &format!("'{tls}'"), 1);
            let text = text + "[tls]\ncertificates = '/c'\nkey = '/k'\n";
            assert!(config::parse::<Settings>(&text).is_ok(), "{tls}");
        }
    }

    #[test]
    fn what_cannot_work_is_told_with_its_key() {
        for (from, to, keys) in [
            ("tls = 'off'\n[directory]", "tls = 'starttls'\n[directory]", &["imap[0].tls"][..]),
            ("['127.0.0.1:143']", "[]", &["imap[0].listen"]),
            ("[[imap]]\nlisten = ['127.0.0.1:143']\ntls = 'off'\n", "", &[""]),
            ("[backend]\ntls = 'off'\n", "", &["backend.tls"]),
            ("[backend]", "[backend]\nca_file = '/c'", &["backend.ca_file"]),
            ("[backend]", "[backend]\nlogin = '0s'", &["backend.login"]),
            ("[[imap]]", "idle = '30min'\nbefore_login = '0s'\n[[imap]]", &["idle", "before_login"]),
            ("[backend]", "[limits]\nsessions_max = 0\n[backend]", &["limits.sessions_max"]),
            ("name = 'access'", "name = 'ann@example.org'", &["proxy.name"]),
            ("sqlite = '/d.db'", "", &["directory"]),
        ] {
            assert!(SMALL.contains(from), "{from}");
            assert_eq!(problems(&SMALL.replacen(from, to, 1)), keys, "{to}");
        }
    }
}
