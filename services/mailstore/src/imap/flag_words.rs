//! Flags as IMAP says them, and as they are kept.

use super::failure::Failure;
use crate::flags::{Flags, Keyword};
use mail::imap::command::Flag;

/// Those that every mailbox has.
pub(super) const SYSTEM: [Flag; 5] = [Flag::Answered, Flag::Flagged, Flag::Deleted, Flag::Seen, Flag::Draft];

/// For a client.
pub(super) fn said(flags: &Flags) -> Vec<Flag> {
    let system = [flags.answered, flags.flagged, flags.deleted, flags.seen, flags.draft];
    let system = SYSTEM.into_iter().zip(system).filter_map(|(flag, is_set)| is_set.then_some(flag));
    system.chain(flags.keywords.iter().map(|keyword| Flag::Keyword(keyword.as_str().to_owned()))).collect()
}

/// From a client.
pub(super) fn kept(said: &[Flag]) -> Result<Flags, Failure> {
    let mut flags = Flags::default();
    for flag in said {
        match flag {
            Flag::Answered => flags.answered = true,
            Flag::Deleted => flags.deleted = true,
            Flag::Draft => flags.draft = true,
            Flag::Flagged => flags.flagged = true,
            Flag::Seen => flags.seen = true,
            Flag::Keyword(word) => {
                flags.keywords.insert(Keyword::new(word).map_err(|_| Failure::Keyword)?);
            }
        }
    }
    Ok(flags)
}

/// Whether a message has a flag. A keyword that none can be, none has.
pub(super) fn has(flags: &Flags, flag: &Flag) -> bool {
    match flag {
        Flag::Answered => flags.answered,
        Flag::Deleted => flags.deleted,
        Flag::Draft => flags.draft,
        Flag::Flagged => flags.flagged,
        Flag::Seen => flags.seen,
        Flag::Keyword(word) => Keyword::new(word).is_ok_and(|keyword| flags.keywords.contains(&keyword)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_said_is_kept() {
        let flags = Flags {
            seen: true,
            draft: true,
            keywords: [Keyword::new("$Forwarded").unwrap()].into(),
            ..Flags::default()
        };
        assert_eq!(said(&flags), [Flag::Seen, Flag::Draft, Flag::Keyword("$Forwarded".to_owned())]);
        assert_eq!(kept(&said(&flags)).unwrap(), flags);
        for flag in SYSTEM {
            assert!(
                has(&kept(std::slice::from_ref(&flag)).unwrap(), &flag) && !has(&Flags::default(), &flag)
            );
        }
        assert!(has(&flags, &Flag::Keyword("$forwarded".to_owned())));
        assert!(matches!(kept(&[Flag::Keyword("x".repeat(1000))]), Err(Failure::Keyword)));
    }
}
