//! What the agent's loops tell each other: the newest word of the site, what is held, what was seen of peers, and that
//! each loop still turns. No loop waits for another; who holds the lock does nothing else.

use crate::identity::Word;
use std::sync::{Condvar, Mutex, MutexGuard};
use std::time::{Duration, Instant};
use understudy_core::protocol::heartbeat::{Held, Probe, Seen};

/// A loop of the agent, with how long one of its turns may take before systemd's watchdog is left to act.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Turning {
    Heartbeat,
    /// One act at a time, the longest of them a systemctl that waits for its service.
    Tenant,
}

impl Turning {
    const ALL: [Self; 2] = [Self::Heartbeat, Self::Tenant];

    fn turn_max(self) -> Duration {
        match self {
            Self::Heartbeat => Duration::from_secs(15),
            Self::Tenant => Duration::from_secs(60),
        }
    }
}

/// Which way something goes that a loop wakes up for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum News {
    /// From the site: an order, peers to look for.
    Inward,
    /// To the site: what is held, what was seen.
    Outward,
}

/// The board that all loops share.
pub struct Board {
    state: Mutex<State>,
    changed: Condvar,
}

struct State {
    word: Word,
    held: Option<Held>,
    probes: Vec<Probe>,
    seen: Vec<(Seen, Instant)>,
    turned: [Instant; 2],
    /// Grows with the news of each direction.
    versions: [u64; 2],
}

impl Board {
    /// Of an agent that has heard nothing and holds `held`.
    pub fn new(held: Option<Held>) -> Self {
        let state = State {
            word: Word::SILENCE,
            held,
            probes: Vec::new(),
            seen: Vec::new(),
            turned: [Instant::now(); 2],
            versions: [0; 2],
        };
        Self { state: Mutex::new(state), changed: Condvar::new() }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // A loop that panicked left whole values; the watchdog ends the agent.
        self.state.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    /// The newest word, and the version that it was read at.
    pub fn word(&self) -> (Word, u64) {
        let state = self.state();
        (state.word.clone(), state.versions[News::Inward as usize])
    }

    /// Takes a site's answer.
    pub fn hear(&self, word: Word, probes: Vec<Probe>) {
        let mut state = self.state();
        let is_new = state.word.order != word.order || state.probes != probes;
        (state.word, state.probes) = (word, probes);
        if is_new {
            self.wake(&mut state, News::Inward);
        }
    }

    /// What the next heartbeat says, and the version that it was read at.
    pub fn report(&self) -> (Option<Held>, Vec<Seen>, u64) {
        let state = self.state();
        let aged = |(seen, at): &(Seen, Instant)| {
            let age_ms = u64::try_from(at.elapsed().as_millis()).unwrap_or(u64::MAX);
            Seen { age_ms: seen.age_ms.saturating_add(age_ms), ..seen.clone() }
        };
        (state.held.clone(), state.seen.iter().map(aged).collect(), state.versions[News::Outward as usize])
    }

    /// What is held now; a change is told at once.
    pub fn hold(&self, held: Option<Held>) {
        let mut state = self.state();
        if state.held != held {
            state.held = held;
            self.wake(&mut state, News::Outward);
        }
    }

    /// Whom to probe, and the version that it was read at.
    pub fn probes(&self) -> (Vec<Probe>, u64) {
        let state = self.state();
        (state.probes.clone(), state.versions[News::Inward as usize])
    }

    /// What became of the probes; of peers that nobody asks about any more nothing is kept. News are told at once.
    pub fn see(&self, seen: Vec<Seen>) {
        let mut state = self.state();
        let now = Instant::now();
        let is_same = |(old, new): (&(Seen, Instant), &Seen)| {
            old.0.node == new.node && old.0.is_reachable == new.is_reachable
        };
        let is_news = state.seen.len() != seen.len() || !state.seen.iter().zip(&seen).all(is_same);
        state.seen = seen.into_iter().map(|seen| (seen, now)).collect();
        if is_news {
            self.wake(&mut state, News::Outward);
        }
    }

    /// Sleeps until there are newer news than `version`, for `limit` at most.
    pub fn wait(&self, news: News, version: u64, limit: Duration) {
        let is_same = |state: &mut State| state.versions[news as usize] == version;
        drop(self.changed.wait_timeout_while(self.state(), limit, is_same));
    }

    /// A loop begins another turn.
    pub fn turned(&self, which: Turning) {
        self.state().turned[which as usize] = Instant::now();
    }

    /// Whether all loops turn.
    pub fn is_alive(&self) -> bool {
        let state = self.state();
        Turning::ALL.iter().all(|which| state.turned[*which as usize].elapsed() < which.turn_max())
    }

    fn wake(&self, state: &mut State, news: News) {
        state.versions[news as usize] += 1;
        self.changed.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use understudy_core::model::epoch::Epoch;
    use understudy_core::protocol::heartbeat::{Order, Phase};

    #[test]
    fn only_news_wake_a_loop() {
        let board = Board::new(None);
        let ((_, inward), (_, _, outward)) = (board.word(), board.report());
        let hold = Order::Hold { identity: "a".parse().unwrap(), epoch: Epoch::new(1) };
        board.hear(Word { order: hold.clone(), sent: Duration::from_secs(1) }, Vec::new());
        let (word, newer) = board.word();
        assert!(newer > inward && word.order == hold);
        board.wait(News::Inward, inward, Duration::from_secs(600));
        board.hear(Word { order: hold, sent: Duration::from_secs(2) }, Vec::new());
        assert_eq!(board.word().0.sent, Duration::from_secs(2), "the confirmation is renewed");
        assert_eq!(board.word().1, newer, "and nobody wakes for it");
        assert_eq!(board.report().2, outward, "the site knows its own word");
        board.hold(Some(Held {
            identity: "a".parse().unwrap(),
            epoch: Epoch::new(1),
            phase: Phase::Activating,
        }));
        assert!(board.report().2 > outward);
        assert_eq!(board.word().1, newer, "the tenant knows what it holds");
    }

    /// Catches the mutant that feeds the watchdog while a loop hangs.
    #[test]
    fn a_loop_that_hangs_is_noticed() {
        let board = Board::new(None);
        assert!(board.is_alive());
        for which in Turning::ALL {
            let long_ago = Instant::now().checked_sub(which.turn_max()).unwrap();
            board.state().turned[which as usize] = long_ago;
            assert!(!board.is_alive(), "{which:?}");
            board.turned(which);
            assert!(board.is_alive());
        }
    }
}
