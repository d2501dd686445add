//! Many times of the same thing.

use serde_json::{Value, json};
use std::time::{Duration, Instant};

#[derive(Clone, Debug, Default)]
pub struct Spans(Vec<Duration>);

impl Spans {
    /// What somebody does, and how long it takes.
    pub fn time<T, E>(&mut self, act: impl FnOnce() -> Result<T, E>) -> Result<T, E> {
        let began = Instant::now();
        let done = act()?;
        self.0.push(began.elapsed());
        Ok(done)
    }

    pub fn add(&mut self, span: Duration) {
        self.0.push(span);
    }

    pub fn join(all: impl IntoIterator<Item = Self>) -> Self {
        Self(all.into_iter().flat_map(|spans| spans.0).collect())
    }

    pub fn count(&self) -> usize {
        self.0.len()
    }

    /// By nearest rank.
    pub fn summary(&self) -> Value {
        let mut sorted = self.0.clone();
        sorted.sort_unstable();
        let at = |percent: usize| {
            let rank = (sorted.len() * percent).div_ceil(100).max(1);
            sorted.get(rank - 1).map(|span| span.as_secs_f64() * 1e3)
        };
        json!({"count": sorted.len(), "p50_ms": at(50), "p99_ms": at(99), "max_ms": at(100)})
    }
}
