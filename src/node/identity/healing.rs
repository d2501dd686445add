//! When a service that does not answer is started again, and when that is over. Pure.

use std::collections::VecDeque;
use std::time::Duration;

/// Failures in a row after which the role is started again.
const FAILURES_MAX: u32 = 3;
/// How often within [`WINDOW`]; after that a restart is no cure.
const RESTARTS_MAX: usize = 2;
const WINDOW: Duration = Duration::from_secs(300);

/// The recent health of one tenure.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Healing {
    failures: u32,
    restarts: VecDeque<Duration>,
    /// From the restart until a check passes again.
    unhealthy: Option<String>,
}

/// What a check means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    Fine,
    /// Not enough to act on.
    Watch,
    Restart,
    GiveUp {
        reason: String,
    },
}

impl Healing {
    /// Takes the result of one check.
    pub fn judge(&mut self, now: Duration, result: Result<(), String>) -> Verdict {
        let Err(reason) = result else {
            self.failures = 0;
            self.unhealthy = None;
            return Verdict::Fine;
        };
        self.failures += 1;
        if self.failures < FAILURES_MAX {
            return Verdict::Watch;
        }
        self.failures = 0;
        self.unhealthy = Some(reason.clone());
        self.restarts.retain(|at| now.saturating_sub(*at) < WINDOW);
        if self.restarts.len() >= RESTARTS_MAX {
            return Verdict::GiveUp { reason: format!("{reason}; {RESTARTS_MAX} restarts did not help") };
        }
        self.restarts.push_back(now);
        Verdict::Restart
    }

    /// Why it is not healthy, for the site.
    pub fn unhealthy(&self) -> Option<&str> {
        self.unhealthy.as_deref()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fail(healing: &mut Healing, second: u64) -> Verdict {
        healing.judge(Duration::from_secs(second), Err("no answer".into()))
    }

    /// Catches the mutant that never gives up, which restarts for ever.
    #[test]
    fn three_failures_restart_and_the_third_time_is_the_end() {
        let mut healing = Healing::default();
        assert_eq!([fail(&mut healing, 1), fail(&mut healing, 2)], [Verdict::Watch, Verdict::Watch]);
        assert_eq!(healing.judge(Duration::from_secs(3), Ok(())), Verdict::Fine);
        assert_eq!([fail(&mut healing, 4), fail(&mut healing, 5)], [Verdict::Watch, Verdict::Watch]);
        assert_eq!(healing.unhealthy(), None);
        assert_eq!(fail(&mut healing, 6), Verdict::Restart);
        assert_eq!(healing.unhealthy(), Some("no answer"));
        assert_eq!(healing.judge(Duration::from_secs(7), Ok(())), Verdict::Fine);
        assert_eq!(healing.unhealthy(), None);
        let verdicts: Vec<Verdict> = (8..14).map(|second| fail(&mut healing, second)).collect();
        assert_eq!(verdicts[2], Verdict::Restart);
        assert!(matches!(verdicts[5], Verdict::GiveUp { .. }), "{verdicts:?}");
    }

    #[test]
    fn restarts_of_another_hour_do_not_count() {
        let mut healing = Healing::default();
        for hour in 0..10 {
            let verdicts: Vec<Verdict> =
                (0..3).map(|second| fail(&mut healing, hour * 3600 + second)).collect();
            assert_eq!(verdicts[2], Verdict::Restart);
        }
    }
}
