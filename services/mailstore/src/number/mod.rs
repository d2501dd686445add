//! Numbers that IMAP clients remember between sessions (RFC 9051 section 2.3.1.1, RFC 7162 section 3.1).
//!
//! None of them is ever given twice: not after an expunge, not after a crash, not by a rebuilt index.

mod uid_set;

pub use uid_set::{Places, UidSet};

use std::fmt;
use std::num::NonZeroU32;

/// A message's number in its mailbox. They only grow.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Uid(NonZeroU32);

/// Changes when a mailbox's UIDs mean other messages than before: a mailbox that was deleted and made again has a greater one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UidValidity(NonZeroU32);

/// A moment in the life of a mailbox: every change of it takes the next one. An empty, new mailbox is at 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ModSeq(u64);

impl Uid {
    pub const MIN: Self = Self(NonZeroU32::MIN);
    pub const MAX: Self = Self(NonZeroU32::MAX);

    /// None for 0, which is no UID.
    pub const fn new(number: u32) -> Option<Self> {
        match NonZeroU32::new(number) {
            Some(number) => Some(Self(number)),
            None => None,
        }
    }

    pub const fn get(self) -> u32 {
        self.0.get()
    }

    /// None behind the last UID that there can be.
    pub const fn next(self) -> Option<Self> {
        match self.0.checked_add(1) {
            Some(number) => Some(Self(number)),
            None => None,
        }
    }
}

impl UidValidity {
    pub const MIN: Self = Self(NonZeroU32::MIN);

    /// None for 0, which is no UIDVALIDITY.
    pub const fn new(number: u32) -> Option<Self> {
        match NonZeroU32::new(number) {
            Some(number) => Some(Self(number)),
            None => None,
        }
    }

    pub const fn get(self) -> u32 {
        self.0.get()
    }
}

impl ModSeq {
    /// Of a mailbox in which nothing has happened yet. Clients may not see 0 (RFC 7162 section 3.1.2.1).
    pub const FIRST: Self = Self(1);
    /// Clients may count on 63 bits (RFC 7162 section 7).
    pub const MAX: Self = Self(i64::MAX as u64);

    /// None for what no mailbox can have.
    pub const fn new(number: u64) -> Option<Self> {
        if number == 0 || number > Self::MAX.0 { None } else { Some(Self(number)) }
    }

    pub const fn get(self) -> u64 {
        self.0
    }

    /// None behind the last moment that there can be.
    pub const fn next(self) -> Option<Self> {
        Self::new(self.0 + 1)
    }
}

impl From<NonZeroU32> for Uid {
    fn from(number: NonZeroU32) -> Self {
        Self(number)
    }
}

impl From<Uid> for NonZeroU32 {
    fn from(uid: Uid) -> Self {
        uid.0
    }
}

impl From<UidValidity> for NonZeroU32 {
    fn from(validity: UidValidity) -> Self {
        validity.0
    }
}

impl fmt::Display for Uid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Display for UidValidity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Display for ModSeq {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
