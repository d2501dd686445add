//! What client and server agree on before a transfer (RFC 2347 and the options of RFC 2348, 2349 and 7440).
//!
//! Nothing is answered that was not asked, and an option whose value makes no sense is passed over, as if it
//! had not been known. Entry point: [`Terms::agree`].

use super::packet::TransferOption;
use std::time::Duration;

/// Without an option (RFC 1350, section 2).
const BLOCK_BYTES_DEFAULT: u16 = 512;
/// RFC 2348, "Blocksize Option Specification".
const BLOCK_BYTES_MIN: u16 = 8;
const BLOCK_BYTES_MAX: u16 = 65_464;
/// Until something is sent again, where the client does not say (RFC 1350 leaves it open).
const RESEND_AFTER_DEFAULT: Duration = Duration::from_secs(1);
/// More blocks on the way than this only fill the buffers of a small client.
pub const WINDOW_BLOCKS_MAX: u16 = 64;

/// How one transfer goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Terms {
    pub block_bytes: u16,
    /// Blocks that are sent before an acknowledgement is waited for.
    pub window_blocks: u16,
    pub resend_after: Duration,
    /// What to answer, in the order of the request; empty when nothing was asked that we know.
    pub acknowledged: Vec<TransferOption>,
}

impl Terms {
    /// For a file of this size over a path that carries blocks of at most `block_bytes_max` in one piece.
    pub fn agree(asked: &[TransferOption], file_bytes: u64, block_bytes_max: u16) -> Self {
        let mut terms = Self {
            block_bytes: BLOCK_BYTES_DEFAULT,
            window_blocks: 1,
            resend_after: RESEND_AFTER_DEFAULT,
            acknowledged: Vec::new(),
        };
        for option in asked {
            let name = option.name.to_ascii_lowercase();
            // RFC 2347: an option may be there only once.
            let is_again = terms.acknowledged.iter().any(|known| known.name.eq_ignore_ascii_case(&name));
            let answer = match name.as_str() {
                _ if is_again => None,
                "blksize" => terms.block_size(&option.value, block_bytes_max),
                "windowsize" => terms.window_size(&option.value),
                "timeout" => terms.timeout(&option.value),
                // RFC 2349: a reader says 0 and gets the size.
                "tsize" => Some(file_bytes.to_string()),
                _ => None,
            };
            let known = |value| TransferOption { name: option.name.clone(), value };
            terms.acknowledged.extend(answer.map(known));
        }
        terms
    }

    fn block_size(&mut self, value: &str, path_max: u16) -> Option<String> {
        let asked =
            value.parse::<u16>().ok().filter(|bytes| (BLOCK_BYTES_MIN..=BLOCK_BYTES_MAX).contains(bytes))?;
        self.block_bytes = asked.min(path_max.max(BLOCK_BYTES_MIN));
        Some(self.block_bytes.to_string())
    }

    /// RFC 7440, section 3: the answer is the asked or a smaller one.
    fn window_size(&mut self, value: &str) -> Option<String> {
        let asked = value.parse::<u16>().ok().filter(|blocks| *blocks > 0)?;
        self.window_blocks = asked.min(WINDOW_BLOCKS_MAX);
        Some(self.window_blocks.to_string())
    }

    /// RFC 2349, "Timeout Interval Option Specification": 1 to 255 seconds, taken as it is or not at all.
    fn timeout(&mut self, value: &str) -> Option<String> {
        let seconds = value.parse::<u8>().ok().filter(|seconds| *seconds > 0)?;
        self.resend_after = Duration::from_secs(u64::from(seconds));
        Some(seconds.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn agree(asked: &[(&str, &str)]) -> (Terms, Vec<(String, String)>) {
        let option = |(name, value): &(&str, &str)| TransferOption {
            name: (*name).to_owned(),
            value: (*value).to_owned(),
        };
        let terms = Terms::agree(&asked.iter().map(option).collect::<Vec<_>>(), 70_000, 1468);
        let answered = terms.acknowledged.iter().map(|known| (known.name.clone(), known.value.clone()));
        let answered = answered.collect();
        (terms, answered)
    }

    /// Catches the mutant that answers `tsize` to everybody: firmware then refuses the whole answer.
    #[test]
    fn n18_only_what_was_asked_is_answered() {
        assert_eq!(agree(&[]).1, []);
        assert_eq!(agree(&[("multicast", "")]).1, []);
        let (terms, answered) = agree(&[("tsize", "0"), ("blksize", "1468"), ("windowsize", "4")]);
        let wanted = [("tsize", "70000"), ("blksize", "1468"), ("windowsize", "4")];
        assert_eq!(answered, wanted.map(|(name, value)| (name.to_owned(), value.to_owned())));
        assert_eq!((terms.block_bytes, terms.window_blocks), (1468, 4));
    }

    #[test]
    fn n18_sizes_are_clamped_and_nonsense_is_passed_over() {
        for (name, value, answer) in [
            ("blksize", "8", Some("8")),
            ("blksize", "7", None),
            ("blksize", "65464", Some("1468")),
            ("blksize", "65465", None),
            ("blksize", "-1", None),
            ("BLKSIZE", "1024", Some("1024")),
            ("windowsize", "0", None),
            ("windowsize", "65535", Some("64")),
            ("timeout", "0", None),
            ("timeout", "255", Some("255")),
            ("timeout", "256", None),
        ] {
            let wanted: Vec<_> =
                answer.map(|value| (name.to_owned(), value.to_owned())).into_iter().collect();
            assert_eq!(agree(&[(name, value)]).1, wanted, "{name} {value}");
        }
    }

    #[test]
    fn an_option_that_is_there_twice_counts_once() {
        let (terms, answered) = agree(&[("blksize", "1024"), ("Blksize", "512")]);
        assert_eq!((terms.block_bytes, answered.len()), (1024, 1));
    }
}
