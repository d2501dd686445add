//! Numbers, texts and sets as octets: integers as LEB128, everything else with its length before it.

use super::decode::DecodeError;
use crate::flags::{Flags, KEYWORDS_MAX, Keyword};
use crate::number::{Uid, UidSet};

pub fn put_number(out: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        out.push(number as u8 | 0x80);
        number >>= 7;
    }
    out.push(number as u8);
}

/// Small numbers of either sign stay short.
pub fn put_signed(out: &mut Vec<u8>, number: i64) {
    put_number(out, ((number << 1) ^ (number >> 63)) as u64);
}

pub fn put_text(out: &mut Vec<u8>, text: &str) {
    put_number(out, text.len() as u64);
    out.extend_from_slice(text.as_bytes());
}

pub fn put_flags(out: &mut Vec<u8>, flags: &Flags) {
    out.push(flags.bits());
    put_number(out, flags.keywords.len() as u64);
    for keyword in &flags.keywords {
        put_text(out, keyword.as_str());
    }
}

/// Each run as its distance from the one before and its length.
pub fn put_uids(out: &mut Vec<u8>, uids: &UidSet) {
    let runs = uids.runs();
    put_number(out, runs.len() as u64);
    let mut behind = 0;
    for (first, last) in runs {
        put_number(out, u64::from(first.get() - behind));
        put_number(out, u64::from(last.get() - first.get()));
        behind = last.get();
    }
}

/// Takes what was put, from the front; anything else is an error and never a panic.
#[derive(Debug)]
pub struct Input<'a> {
    rest: &'a [u8],
}

impl<'a> Input<'a> {
    pub fn new(octets: &'a [u8]) -> Self {
        Self { rest: octets }
    }

    pub fn rest(&self) -> &'a [u8] {
        self.rest
    }

    pub fn octet(&mut self) -> Result<u8, DecodeError> {
        let (first, rest) = self.rest.split_first().ok_or(DecodeError::TooShort)?;
        self.rest = rest;
        Ok(*first)
    }

    pub fn octets(&mut self, count: usize) -> Result<&'a [u8], DecodeError> {
        let (taken, rest) = self.rest.split_at_checked(count).ok_or(DecodeError::TooShort)?;
        self.rest = rest;
        Ok(taken)
    }

    pub fn number(&mut self) -> Result<u64, DecodeError> {
        let mut number = 0;
        for shift in (0..64).step_by(7) {
            let octet = self.octet()?;
            let bits = u64::from(octet & 0x7f);
            if (bits << shift) >> shift != bits {
                return Err(DecodeError::Number);
            }
            number |= bits << shift;
            if octet < 0x80 {
                // One form for each number: no zeros at the end.
                return if octet == 0 && shift > 0 { Err(DecodeError::Number) } else { Ok(number) };
            }
        }
        Err(DecodeError::Number)
    }

    pub fn signed(&mut self) -> Result<i64, DecodeError> {
        self.number().map(|number| (number >> 1) as i64 ^ -((number & 1) as i64))
    }

    pub fn flag(&mut self) -> Result<bool, DecodeError> {
        match self.octet()? {
            0 => Ok(false),
            1 => Ok(true),
            _ => Err(DecodeError::Number),
        }
    }

    /// How many things follow, each of at least so many octets.
    pub fn count(&mut self, octets_min: usize) -> Result<usize, DecodeError> {
        let count = usize::try_from(self.number()?).map_err(|_| DecodeError::Number)?;
        if count > self.rest.len() / octets_min { Err(DecodeError::TooShort) } else { Ok(count) }
    }

    pub fn text(&mut self) -> Result<&'a str, DecodeError> {
        let count = self.count(1)?;
        std::str::from_utf8(self.octets(count)?).map_err(|_| DecodeError::Text)
    }

    pub fn flags(&mut self) -> Result<Flags, DecodeError> {
        let mut flags = Flags::from_bits(self.octet()?).ok_or(DecodeError::Flags)?;
        let count = self.count(2)?;
        for _ in 0..count {
            let keyword = Keyword::new(self.text()?).map_err(|_| DecodeError::Flags)?;
            if flags.keywords.last().is_some_and(|last| *last >= keyword) {
                return Err(DecodeError::Flags);
            }
            flags.keywords.insert(keyword);
        }
        if count <= KEYWORDS_MAX { Ok(flags) } else { Err(DecodeError::Flags) }
    }

    pub fn uids(&mut self) -> Result<UidSet, DecodeError> {
        let mut uids = UidSet::new();
        let runs = self.count(2)?;
        let mut behind = 0u64;
        for _ in 0..runs {
            let first = behind.checked_add(self.number()?).ok_or(DecodeError::Uid)?;
            let last = first.checked_add(self.number()?).ok_or(DecodeError::Uid)?;
            uids.insert_run(uid(first)?, uid(last)?);
            behind = last;
        }
        // Runs that touch or repeat are another way to say the same: nobody wrote that.
        if uids.runs().len() == runs { Ok(uids) } else { Err(DecodeError::Uid) }
    }
}

pub fn uid(number: u64) -> Result<Uid, DecodeError> {
    u32::try_from(number).ok().and_then(Uid::new).ok_or(DecodeError::Uid)
}
