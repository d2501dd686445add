//! How much a client may say before it is known, and how long a wrong password takes.

use std::time::Duration;

/// Of everything that a client says.
pub const INPUT_OCTETS_MAX: usize = 64 * 1024;
/// Of commands that are none, or come too early.
pub const ERRORS_MAX: u32 = 10;
/// Of wrong passwords.
pub const WRONG_MAX: u32 = 3;
/// Of logins, whatever became of them: each may ask a directory and a pair.
pub const ATTEMPTS_MAX: u32 = 10;
/// Before a wrong password is answered; twice as long the next time. Three take what a person does not notice, and a guesser's session
/// seven seconds. The limits of [`mail::login`] count across sessions.
const PAUSE: Duration = Duration::from_secs(1);

/// Of one session.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Patience {
    octets: usize,
    errors: u32,
    wrong: u32,
    attempts: u32,
}

/// Whether the session goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    GoOn,
    Enough,
}

impl Patience {
    pub(super) fn hear(&mut self, octets: usize) -> Verdict {
        self.octets += octets;
        verdict(self.octets <= INPUT_OCTETS_MAX)
    }

    pub(super) fn error(&mut self) -> Verdict {
        self.errors += 1;
        verdict(self.errors < ERRORS_MAX)
    }

    /// A login that was refused, for no fault of the client's.
    pub(super) fn refused(&mut self) -> Verdict {
        self.attempts += 1;
        verdict(self.attempts < ATTEMPTS_MAX)
    }

    /// A wrong password, with the time that its answer takes.
    pub(super) fn wrong(&mut self) -> (Duration, Verdict) {
        self.wrong += 1;
        let pause = PAUSE * 2_u32.pow(self.wrong.min(WRONG_MAX) - 1);
        let is_enough = self.refused() == Verdict::Enough || self.wrong >= WRONG_MAX;
        (pause, verdict(!is_enough))
    }
}

fn verdict(is_fine: bool) -> Verdict {
    if is_fine { Verdict::GoOn } else { Verdict::Enough }
}
