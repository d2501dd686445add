//! The number of a user whose files are on nodes' disks: the same in every image.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::ops::RangeInclusive;

/// Debian gives packages' users the numbers from 100 upward, and those below 1000 are nobody's who logs in (Debian policy, section 9.2.2); what a
/// package takes by itself comes nowhere near these.
const RANGE: RangeInclusive<u16> = 800..=899;

/// A user's number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "u16", into = "u16")]
pub struct SystemUid(u16);

/// The number is another kind of user's.
#[derive(Debug, thiserror::Error)]
#[error("{0} is no number for the user of a service; use one from {first} to {last}", first = RANGE.start(), last = RANGE.end())]
pub struct SystemUidError(u16);

impl TryFrom<u16> for SystemUid {
    type Error = SystemUidError;

    fn try_from(number: u16) -> Result<Self, SystemUidError> {
        if RANGE.contains(&number) { Ok(Self(number)) } else { Err(SystemUidError(number)) }
    }
}

impl From<SystemUid> for u16 {
    fn from(uid: SystemUid) -> Self {
        uid.0
    }
}

impl fmt::Display for SystemUid {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(out)
    }
}
