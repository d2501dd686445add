//! Whether a daemon can serve.

use serde_json::{Map, Value, json};

/// Looks when it is asked.
pub trait Health: Send + Sync + 'static {
    fn report(&self) -> impl Future<Output = Report> + Send;
}

/// What was looked at, and what was wrong with it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    checks: Vec<Check>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Check {
    name: String,
    result: Result<(), String>,
    is_needed: bool,
}

impl Report {
    #[must_use]
    pub fn with(mut self, check: impl Into<String>, result: Result<(), String>) -> Self {
        self.checks.push(Check { name: check.into(), result, is_needed: true });
        self
    }

    /// Something without which the daemon still serves, and that another machine would not have either. It is told, and no more.
    #[must_use]
    pub fn with_remark(mut self, check: impl Into<String>, result: Result<(), String>) -> Self {
        self.checks.push(Check { name: check.into(), result, is_needed: false });
        self
    }

    /// Whether nothing is wrong that the daemon needs.
    pub fn is_healthy(&self) -> bool {
        self.checks.iter().all(|check| check.result.is_ok() || !check.is_needed)
    }

    pub(super) fn json(&self) -> Value {
        let checks: Map<_, _> = self
            .checks
            .iter()
            .map(|Check { name, result, .. }| {
                (name.clone(), json!(result.as_ref().err().map_or("ok", String::as_str)))
            })
            .collect();
        json!({ "healthy": self.is_healthy(), "checks": checks })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_remark_is_told_and_makes_nothing_unhealthy() {
        let report =
            Report::default().with("store", Ok(())).with_remark("directory", Err("is down".to_owned()));
        let expected = r#"{"healthy":true,"checks":{"store":"ok","directory":"is down"}}"#;
        assert_eq!(report.json().to_string(), expected);
        assert!(!report.with("incoming", Err("is full".to_owned())).is_healthy());
    }
}
