//! The ways in which a BMC can fail those who rely on it.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// How a BMC behaves.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Mode {
    /// It does what it says and says what is.
    #[default]
    Honest,
    /// It accepts every reset and does nothing.
    AcceptsButStaysOn,
    /// It says that its machine is off, whatever happens, and does nothing.
    SaysOff,
    /// It takes requests and never answers.
    Hangs,
    /// Nothing is at its address.
    Dead,
    /// It is another machine's, by a mistake in the cabling.
    ForeignUuid,
}

impl Mode {
    /// All of them.
    pub const ALL: [(&'static str, Self); 6] = [
        ("honest", Self::Honest),
        ("accepts-but-stays-on", Self::AcceptsButStaysOn),
        ("says-off", Self::SaysOff),
        ("hangs", Self::Hangs),
        ("dead", Self::Dead),
        ("foreign-uuid", Self::ForeignUuid),
    ];
}

/// The text is not a way to behave.
#[derive(Debug, thiserror::Error)]
#[error("`{text}` is not a behaviour of a BMC; there are {}", names())]
pub struct ModeError {
    text: String,
}

fn names() -> String {
    Mode::ALL.map(|(name, _)| name).join(", ")
}

impl FromStr for Mode {
    type Err = ModeError;

    fn from_str(text: &str) -> Result<Self, ModeError> {
        let found = Mode::ALL.iter().find(|(name, _)| *name == text);
        found.map(|(_, mode)| *mode).ok_or_else(|| ModeError { text: text.to_owned() })
    }
}

impl fmt::Display for Mode {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = Mode::ALL.iter().find(|(_, mode)| mode == self).map_or("", |(name, _)| name);
        out.pad(name)
    }
}
