//! One name for a message, from the first server that takes it to the mailbox: in every log line as `mail`, and behind
//! `id` in its Received fields. Not the Message-ID of its header, which a stranger wrote.
//!
//! Entry points: [`MessageId::new`], its `Display` and `FromStr`.

use ring::rand::{SecureRandom, SystemRandom};
use std::fmt;
use std::str::FromStr;

const OCTETS: usize = 16;
/// Base32 (RFC 4648, section 6) in lower case and without padding.
const ALPHABET: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";
const LETTER_BITS: usize = 5;
/// As it is written.
pub const LETTERS: usize = (OCTETS * 8).div_ceil(LETTER_BITS);

/// Random: no two messages have the same, and none tells how many there were.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct MessageId(u128);

/// The text is no message id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a message id has {LETTERS} letters of base32 in lower case")]
pub struct NoMessageId;

impl MessageId {
    /// A new one.
    ///
    /// # Panics
    ///
    /// Where the system has no random numbers.
    #[expect(clippy::new_without_default, reason = "no two are the same")]
    pub fn new() -> Self {
        let mut octets = [0; OCTETS];
        SystemRandom::new().fill(&mut octets).expect("every system that serves mail has random numbers");
        Self(u128::from_be_bytes(octets))
    }
}

impl fmt::Display for MessageId {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut rest = self.0;
        let mut letters = [0; LETTERS];
        for letter in letters.iter_mut().rev() {
            *letter = ALPHABET[(rest & 31) as usize];
            rest >>= LETTER_BITS;
        }
        out.write_str(std::str::from_utf8(&letters).expect("all of them are ASCII"))
    }
}

impl FromStr for MessageId {
    type Err = NoMessageId;

    fn from_str(text: &str) -> Result<Self, NoMessageId> {
        if text.len() != LETTERS {
            return Err(NoMessageId);
        }
        let mut number: u128 = 0;
        for byte in text.bytes() {
            let digit = ALPHABET.iter().position(|&letter| letter == byte).ok_or(NoMessageId)?;
            // 26 letters hold two bits more than there are: the first one has none of them.
            number = number.checked_mul(32).ok_or(NoMessageId)? | digit as u128;
        }
        Ok(Self(number))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_is_no_id_is_not_read() {
        let good = "aaaaaaaaaaaaaaaaaaaaaaaaab";
        assert_eq!(good.parse(), Ok(MessageId(1)));
        for text in
            ["", "aaaaaaaaaaaaaaaaaaaaaaaaa", "Aaaaaaaaaaaaaaaaaaaaaaaaab", "77777777777777777777777777"]
        {
            assert_eq!(text.parse::<MessageId>(), Err(NoMessageId), "{text}");
        }
        assert_ne!(MessageId::new(), MessageId::new());
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(number in any::<u128>()) {
            prop_assert_eq!(MessageId(number).to_string().parse(), Ok(MessageId(number)));
        }
    }
}
