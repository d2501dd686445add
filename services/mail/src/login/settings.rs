//! The `[logins]` table of a configuration file: how many wrong passwords may be tried.
//!
//! ```toml
//! [logins]
//! wrong_per_client_max = 100
//! wrong_per_client_and_account_max = 20
//! wrong_per_account_max = 300
//! window = "15min"
//! ```

use super::attempts::Limits;
use crate::config::{Period, Problem};
use serde::Deserialize;
use std::time::Duration;

const WRONG_MAX: u32 = 10_000;
const WINDOW_MIN: Duration = Duration::from_secs(10);
const WINDOW_MAX: Duration = Duration::from_secs(24 * 60 * 60);

/// See [`Limits`]; what is not said is as there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LoginSettings {
    pub wrong_per_client_max: u32,
    pub wrong_per_client_and_account_max: u32,
    pub wrong_per_account_max: u32,
    pub window: Period,
}

impl Default for LoginSettings {
    fn default() -> Self {
        let limits = Limits::default();
        Self {
            wrong_per_client_max: limits.per_client_max,
            wrong_per_client_and_account_max: limits.per_client_and_account_max,
            wrong_per_account_max: limits.per_account_max,
            window: Period(limits.window),
        }
    }
}

impl LoginSettings {
    pub fn limits(&self) -> Limits {
        Limits {
            per_client_max: self.wrong_per_client_max,
            per_client_and_account_max: self.wrong_per_client_and_account_max,
            per_account_max: self.wrong_per_account_max,
            window: self.window.0,
        }
    }

    /// What is wrong with the table, which stands at `key` of its file.
    pub fn problems(&self, key: &str) -> Vec<Problem> {
        let numbers = [
            ("wrong_per_client_max", self.wrong_per_client_max),
            ("wrong_per_client_and_account_max", self.wrong_per_client_and_account_max),
            ("wrong_per_account_max", self.wrong_per_account_max),
        ];
        let mut problems = Vec::new();
        for (name, number) in numbers {
            if !(1..=WRONG_MAX).contains(&number) {
                let (what, hint) = ("nobody could log in, or everybody could guess", "write 1 to 10000");
                problems.push(Problem::new(&format!("{key}.{name}"), what, hint));
            }
        }
        if !(WINDOW_MIN..=WINDOW_MAX).contains(&self.window.0) {
            let what = "wrong passwords would be forgotten too soon, or slips for too long";
            problems.push(Problem::new(&format!("{key}.window"), what, "write 10s to 1d, such as 15min"));
        }
        problems
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> LoginSettings {
        toml::from_str(text).unwrap()
    }

    #[test]
    fn what_is_not_said_has_a_good_value() {
        assert_eq!(read("").limits(), Limits::default());
        assert_eq!(read("").problems("logins"), []);
        let settings = read("wrong_per_account_max = 7\nwindow = '1h'");
        let expected = Limits { per_account_max: 7, window: Duration::from_secs(3600), ..Limits::default() };
        assert_eq!(settings.limits(), expected);
        assert!(toml::from_str::<LoginSettings>("wrong = 1").is_err());
    }

    #[test]
    fn limits_that_limit_nothing_or_everybody_are_named() {
        let bad = read("wrong_per_client_max = 0\nwrong_per_account_max = 10001\nwindow = '2d'");
        let keys: Vec<_> = bad.problems("logins").into_iter().map(|problem| problem.key).collect();
        assert_eq!(keys, ["logins.wrong_per_client_max", "logins.wrong_per_account_max", "logins.window"]);
        assert_eq!(read("window = '9s'").problems("logins")[0].key, "logins.window");
    }
}
