//! What the builder tells `/init` on the kernel command line.

use crate::base::sha256::Sha256;
use std::time::Duration;

const ROOT_HASH: &str = "understudy.roothash";
const ON_FAILURE: &str = "understudy.on_failure";
const TRIES: &str = "understudy.tries";
const DISK_WAIT: &str = "understudy.disk_wait";
const STATE_MEBIBYTES_MAX: &str = "understudy.state_mib_max";
/// The word that a boot from the network adds: ask the site instead of looking for a disk.
pub const NETWORK: &str = "understudy.network=1";

/// The settings of a boot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BootSettings {
    /// The root of the verity tree: which root file system may run.
    pub root_hash: Sha256,
    /// What to do when all tries have failed.
    pub on_failure: OnFailure,
    /// How often to look for the root, at least once.
    pub tries: u32,
    /// How long one try waits for disks to appear; whole seconds.
    pub disk_wait: Duration,
    /// The state partition grows to this many MiB, or to the end of a smaller disk.
    pub state_mebibytes_max: u64,
}

/// Whether the kernel came from the network, to ask a site what this node should be.
pub fn is_from_network(line: &str) -> bool {
    line.split_ascii_whitespace().any(|word| word == NETWORK)
}

/// What `/init` does when it cannot run the image.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OnFailure {
    /// Start again from firmware, which may find another way.
    Reboot,
    /// Stay, with the reason on the console, until a person comes.
    Wait,
}

/// Why a command line cannot be followed.
#[derive(Debug, thiserror::Error)]
pub enum CommandLineError {
    #[error("the kernel command line has no {ROOT_HASH}")]
    NoRootHash,
    #[error("the kernel command line's `{0}` is not understood")]
    Value(String),
}

impl BootSettings {
    /// The words for the command line.
    pub fn to_words(&self) -> String {
        let on_failure = match self.on_failure {
            OnFailure::Reboot => "reboot",
            OnFailure::Wait => "wait",
        };
        format!(
            "{ROOT_HASH}={} {ON_FAILURE}={on_failure} {TRIES}={} {DISK_WAIT}={} {STATE_MEBIBYTES_MAX}={}",
            self.root_hash,
            self.tries,
            self.disk_wait.as_secs(),
            self.state_mebibytes_max
        )
    }

    /// Reads `/proc/cmdline`. Words of others are passed over; the last of a repeated word counts.
    pub fn parse(line: &str) -> Result<Self, CommandLineError> {
        let mut root_hash = None;
        let mut found = Self {
            root_hash: Sha256::from([0; 32]),
            on_failure: OnFailure::Wait,
            tries: 3,
            disk_wait: Duration::from_secs(10),
            state_mebibytes_max: 4096,
        };
        for word in line.split_ascii_whitespace() {
            let Some((key, value)) = word.split_once('=') else { continue };
            let refuse = || CommandLineError::Value(word.to_owned());
            match key {
                ROOT_HASH => root_hash = Some(value.parse().map_err(|_| refuse())?),
                ON_FAILURE if value == "reboot" => found.on_failure = OnFailure::Reboot,
                ON_FAILURE if value == "wait" => found.on_failure = OnFailure::Wait,
                ON_FAILURE => return Err(refuse()),
                TRIES => found.tries = value.parse::<u32>().map_err(|_| refuse())?.max(1),
                DISK_WAIT => found.disk_wait = Duration::from_secs(value.parse().map_err(|_| refuse())?),
                STATE_MEBIBYTES_MAX => found.state_mebibytes_max = value.parse().map_err(|_| refuse())?,
                _ => {}
            }
        }
        found.root_hash = root_hash.ok_or(CommandLineError::NoRootHash)?;
        Ok(found)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_read_back_from_their_words() {
        let settings = BootSettings {
            root_hash: Sha256::of(b"root"),
            on_failure: OnFailure::Reboot,
            tries: 5,
            disk_wait: Duration::from_secs(7),
            state_mebibytes_max: 99,
        };
        let line = format!("console=ttyS0 quiet {} panic=30", settings.to_words());
        assert_eq!(BootSettings::parse(&line).unwrap(), settings);
    }

    #[test]
    fn only_the_exact_word_means_network() {
        assert!(is_from_network("quiet understudy.network=1 x"));
        assert!(!is_from_network("understudy.network=10 understudy.network xunderstudy.network=1"));
    }

    #[test]
    fn without_a_root_hash_nothing_runs() {
        assert!(matches!(BootSettings::parse("quiet"), Err(CommandLineError::NoRootHash)));
        let error = BootSettings::parse("understudy.roothash=12").unwrap_err();
        assert!(error.to_string().contains("understudy.roothash=12"));
    }
}
