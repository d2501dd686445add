//! The file of `mailstore serve`.

use mail::address::Domain;
use mail::config::{self, Period, Problem};
use serde::{Deserialize, Deserializer};
use std::fmt::Display;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

/// LMTP must not be spoken there (RFC 2033 section 5).
const SMTP_PORT: u16 = 25;
/// Compaction more often than this has nothing to do.
const COMPACTION_MIN: Duration = Duration::from_secs(1);

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// By which this server calls itself.
    #[serde(deserialize_with = "parsed")]
    pub host: Domain,
    /// Other hosts of ours, which have a message before this one does: what they write on top of it does not make it another message.
    #[serde(default, deserialize_with = "all_parsed")]
    pub own_names: Vec<Domain>,
    /// The store's; it is made if it is not there.
    pub folder: PathBuf,
    /// From SIGTERM until sessions are cut off.
    #[serde(default = "drain")]
    pub drain: Period,
    pub lmtp: Lmtp,
    pub observe: Option<Observe>,
    #[serde(default)]
    pub compaction: Compaction,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Lmtp {
    pub listen: Vec<SocketAddr>,
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

impl config::Settings for Settings {
    fn problems(&self) -> Vec<Problem> {
        let mut problems = Vec::new();
        if !self.folder.is_absolute() {
            let hint = "write it from the root, such as /var/lib/mailstore";
            problems.push(Problem::new("folder", "the folder depends on where this is started", hint));
        }
        if self.lmtp.listen.is_empty() {
            let hint = "name an address with its port, such as 127.0.0.1:24";
            problems.push(Problem::new("lmtp.listen", "nobody could deliver", hint));
        }
        for (number, address) in self.lmtp.listen.iter().enumerate() {
            if address.port() == SMTP_PORT {
                let key = format!("lmtp.listen[{number}]");
                let hint = "name another port, such as 24";
                problems.push(Problem::new(&key, "LMTP must not be spoken on the port of SMTP", hint));
            }
        }
        if self.compaction.every.0 < COMPACTION_MIN {
            let hint = "write 1s or more, such as 10min";
            problems.push(Problem::new("compaction.every", "that is too often", hint));
        }
        problems
    }
}

fn parsed<'de, D: Deserializer<'de>, T: FromStr<Err: Display>>(deserializer: D) -> Result<T, D::Error> {
    String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
}

fn all_parsed<'de, D: Deserializer<'de>, T: FromStr<Err: Display>>(
    deserializer: D,
) -> Result<Vec<T>, D::Error> {
    let texts = Vec::<String>::deserialize(deserializer)?;
    texts.iter().map(|text| text.parse().map_err(serde::de::Error::custom)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const SMALL: &str =
        "host = 'store-1.example'\nfolder = '/var/lib/mailstore'\n[lmtp]\nlisten = ['127.0.0.1:24']\n";

    /// Each problem as line, key and words.
    fn problems(text: &str) -> Vec<String> {
        let findings = config::parse::<Settings>(text).unwrap_err();
        findings
            .iter()
            .map(|found| format!("{} {}: {}", found.line, found.problem.key, found.problem.what))
            .collect()
    }

    #[test]
    fn a_small_file_is_enough() {
        let settings = config::parse::<Settings>(SMALL).unwrap();
        assert_eq!(settings.drain, Period::seconds(30));
        assert_eq!(settings.compaction.every, Period::seconds(600));
        assert!(settings.own_names.is_empty() && settings.observe.is_none());
        let large = format!(
            "own_names = ['mx1.example', 'mx2.example']\ndrain = '5s'\n{SMALL}\
             [observe]\nlisten = '[::1]:9124'\n[compaction]\nevery = '1h'\n"
        );
        let settings = config::parse::<Settings>(&large).unwrap();
        assert_eq!(settings.own_names.len(), 2);
        assert_eq!(settings.observe.unwrap().listen.port(), 9124);
    }

    #[test]
    fn what_cannot_work_is_told_at_its_line() {
        let bad = SMALL.replace("'/var", "'var").replace(":24", ":25") + "[compaction]\nevery = '1ms'\n";
        let expected = [
            "2 folder: the folder depends on where this is started",
            "4 lmtp.listen[0]: LMTP must not be spoken on the port of SMTP",
            "6 compaction.every: that is too often",
        ];
        assert_eq!(problems(&bad), expected);
        assert_eq!(problems(&SMALL.replace("'127.0.0.1:24'", "")), ["4 lmtp.listen: nobody could deliver"]);
    }
}
