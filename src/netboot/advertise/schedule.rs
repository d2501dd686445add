//! When to advertise, and to whom. Pure.

use std::net::Ipv6Addr;
use std::time::{Duration, Instant};

/// RFC 4861, section 6.2.1: MaxRtrAdvInterval.
const INTERVAL: Duration = Duration::from_secs(600);
/// RFC 4861, section 10: MIN_DELAY_BETWEEN_RAS, for those to everybody.
const PAUSE: Duration = Duration::from_secs(3);

/// Who is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Target {
    Everybody,
    One(Ipv6Addr),
}

/// Keeps advertisements to everybody apart. Answers are not delayed at random (section 6.2.6), as there is no
/// other router with which they could collide.
#[derive(Debug)]
pub struct Schedule {
    next: Instant,
    last: Option<Instant>,
}

impl Schedule {
    /// Everybody is told at the start.
    pub fn new(now: Instant) -> Self {
        Self { next: now, last: None }
    }

    /// When everybody is told next.
    pub fn next(&self) -> Instant {
        self.next
    }

    /// The moment has come, if it has.
    pub fn due(&mut self, now: Instant) -> Option<Target> {
        (now >= self.next).then(|| self.everybody(now))
    }

    /// Somebody asks; one without an address can only be told together with everybody.
    pub fn solicited(&mut self, now: Instant, source: Ipv6Addr) -> Option<Target> {
        if !source.is_unspecified() {
            return Some(Target::One(source));
        }
        match self.last {
            Some(last) if now < last + PAUSE => {
                self.next = last + PAUSE;
                None
            }
            _ => Some(self.everybody(now)),
        }
    }

    /// Everybody should have been told and was not.
    pub fn retry(&mut self, now: Instant) {
        self.next = now + PAUSE;
    }

    fn everybody(&mut self, now: Instant) -> Target {
        (self.last, self.next) = (Some(now), now + INTERVAL);
        Target::Everybody
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everybody_is_told_at_the_start_and_then_rarely() {
        let start = Instant::now();
        let mut schedule = Schedule::new(start);
        assert_eq!(schedule.due(start), Some(Target::Everybody));
        assert_eq!(schedule.due(start + INTERVAL / 2), None);
        assert_eq!(schedule.due(start + INTERVAL), Some(Target::Everybody));
    }

    #[test]
    fn one_with_an_address_is_told_at_once() {
        let (start, source) = (Instant::now(), "fe80::1".parse().unwrap());
        let mut schedule = Schedule::new(start);
        schedule.due(start);
        for _ in 0..3 {
            assert_eq!(schedule.solicited(start, source), Some(Target::One(source)));
        }
    }

    #[test]
    fn a_storm_of_nameless_askers_gets_one_answer_per_pause() {
        let start = Instant::now();
        let mut schedule = Schedule::new(start);
        schedule.due(start);
        let mut told = 0;
        for millisecond in 0..10_000 {
            let now = start + Duration::from_millis(millisecond);
            told += usize::from(schedule.solicited(now, Ipv6Addr::UNSPECIFIED).is_some());
            told += usize::from(schedule.due(now).is_some());
        }
        assert_eq!(told, 3);
    }
}
