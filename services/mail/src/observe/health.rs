//! Whether a daemon can serve.

use serde_json::{Map, Value, json};

/// Looks when it is asked.
pub trait Health: Send + Sync + 'static {
    fn report(&self) -> impl Future<Output = Report> + Send;
}

/// What was looked at, and what was wrong with it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    checks: Vec<(String, Result<(), String>)>,
}

impl Report {
    #[must_use]
    pub fn with(mut self, check: impl Into<String>, result: Result<(), String>) -> Self {
        self.checks.push((check.into(), result));
        self
    }

    /// Whether nothing is wrong.
    pub fn is_healthy(&self) -> bool {
        self.checks.iter().all(|(_, result)| result.is_ok())
    }

    pub(super) fn json(&self) -> Value {
        let checks: Map<_, _> = self
            .checks
            .iter()
            .map(|(check, result)| (check.clone(), json!(result.as_ref().err().map_or("ok", String::as_str))))
            .collect();
        json!({ "healthy": self.is_healthy(), "checks": checks })
    }
}
