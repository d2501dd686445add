//! What is counted and measured, in Prometheus' text format (version 0.0.4).

use crate::view::{self, RackView};
use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use understudy_plan::durable::Takeover;
use understudy_plan::effect::Metric;

/// Upper bounds in seconds: the aims of takeover.md (3.5 s, 6 s, 20 s) are among them.
const BOUNDS: [f64; 10] = [0.1, 0.25, 0.5, 1.0, 2.0, 3.5, 6.0, 10.0, 20.0, 60.0];
const STEPS: [&str; 4] = ["detected", "fenced", "assigned", "serving"];

/// Since the start of this process.
#[derive(Debug, Default)]
pub struct Metrics {
    counts: Mutex<Counts>,
}

#[derive(Debug, Default)]
struct Counts {
    begun: u64,
    fences: u64,
    unconfirmed: u64,
    storms: u64,
    notes_lost: u64,
    outcomes: BTreeMap<&'static str, u64>,
    steps: BTreeMap<&'static str, Histogram>,
    bmc_answers: BTreeMap<String, u64>,
    transactions: BTreeMap<&'static str, u64>,
}

#[derive(Debug, Default)]
struct Histogram {
    buckets: [u64; BOUNDS.len()],
    sum: f64,
    count: u64,
}

impl Histogram {
    fn add(&mut self, seconds: f64) {
        for (bucket, bound) in self.buckets.iter_mut().zip(BOUNDS) {
            *bucket += u64::from(seconds <= bound);
        }
        self.sum += seconds;
        self.count += 1;
    }

    fn write(&self, text: &mut String, name: &str, step: &str) {
        for (bucket, bound) in self.buckets.iter().zip(BOUNDS) {
            // Writing to a string does not fail.
            let _ = writeln!(text, "{name}_bucket{{step=\"{step}\",le=\"{bound}\"}} {bucket}");
        }
        let (sum, count) = (self.sum, self.count);
        let _ = writeln!(text, "{name}_bucket{{step=\"{step}\",le=\"+Inf\"}} {count}");
        let _ =
            writeln!(text, "{name}_sum{{step=\"{step}\"}} {sum}\n{name}_count{{step=\"{step}\"}} {count}");
    }
}

impl Metrics {
    /// What the plan measures.
    pub fn measure(&self, metric: &Metric) {
        let mut counts = self.counts();
        match metric {
            Metric::TakeoverBegun => counts.begun += 1,
            Metric::FenceTook(_) => counts.fences += 1,
            Metric::FenceUnconfirmed => counts.unconfirmed += 1,
            Metric::TakeoverTook(took) => counts.add("whole", took.as_secs_f64()),
            Metric::Storm => counts.storms += 1,
        }
    }

    /// A takeover has ended.
    pub fn closed(&self, takeover: &Takeover) {
        let Some(closed) = &takeover.closed else { return };
        let mut counts = self.counts();
        *counts.outcomes.entry(view::outcome_name(closed.outcome)).or_default() += 1;
        for (step, seconds) in STEPS.into_iter().zip(view::steps(takeover)) {
            if let Some(seconds) = seconds {
                counts.add(step, seconds);
            }
        }
    }

    /// What a BMC answered, in one word.
    pub fn bmc(&self, word: &str) {
        *self.counts().bmc_answers.entry(word.to_owned()).or_default() += 1;
    }

    /// How a transaction ended: stored, lost, unknown.
    pub fn transaction(&self, ended: &'static str) {
        *self.counts().transactions.entry(ended).or_default() += 1;
    }

    /// How many notes were never told.
    pub fn notes_lost(&self, count: u64) {
        self.counts().notes_lost = count;
    }

    /// All of it as text; gauges come from the view.
    pub fn text(&self, view: &RackView, age: Duration) -> String {
        let mut text = self.counts().text();
        let states = |state: &str| view.nodes.iter().filter(|node| node.state == state).count();
        for (name, value) in [
            ("understudy_rack_suspects", states("suspect")),
            ("understudy_rack_spares", states("spare")),
            ("understudy_rack_fence_unconfirmed", states("fence-unconfirmed")),
            ("understudy_rack_allowance_left", view.allowance.left),
            ("understudy_rack_halted", usize::from(!view.halted.is_empty())),
            ("understudy_rack_paused", view.pauses.len()),
            (
                "understudy_rack_identities_attention",
                view.identities.iter().filter(|identity| identity.attention.is_some()).count(),
            ),
        ] {
            let _ = writeln!(text, "# TYPE {name} gauge\n{name} {value}");
        }
        text.push_str("# TYPE understudy_rack_identities gauge\n");
        for state in ["free", "granting", "held", "suspect", "fencing"] {
            let count = view.identities.iter().filter(|identity| identity.state == state).count();
            let _ = writeln!(text, "understudy_rack_identities{{state=\"{state}\"}} {count}");
        }
        let age = age.as_secs_f64();
        let name = "understudy_rack_turn_age_seconds";
        let _ = writeln!(text, "# TYPE {name} gauge\n{name} {age}");
        text
    }

    fn counts(&self) -> MutexGuard<'_, Counts> {
        // Counters have no state that a panic could leave half changed in a way that matters.
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Counts {
    fn add(&mut self, step: &'static str, seconds: f64) {
        self.steps.entry(step).or_default().add(seconds);
    }

    fn text(&self) -> String {
        let mut text = String::new();
        for (name, value) in [
            ("understudy_rack_takeovers_begun_total", self.begun),
            ("understudy_rack_fences_confirmed_total", self.fences),
            ("understudy_rack_fences_unconfirmed_total", self.unconfirmed),
            ("understudy_rack_storms_total", self.storms),
            ("understudy_rack_notes_lost_total", self.notes_lost),
        ] {
            let _ = writeln!(text, "# TYPE {name} counter\n{name} {value}");
        }
        text.push_str("# TYPE understudy_rack_takeovers_total counter\n");
        for outcome in ["serving", "spare-lost", "given-up"] {
            let count = self.outcomes.get(outcome).copied().unwrap_or_default();
            let _ = writeln!(text, "understudy_rack_takeovers_total{{outcome=\"{outcome}\"}} {count}");
        }
        text.push_str("# TYPE understudy_rack_bmc_answers_total counter\n");
        for (word, count) in &self.bmc_answers {
            let _ = writeln!(text, "understudy_rack_bmc_answers_total{{word=\"{word}\"}} {count}");
        }
        text.push_str("# TYPE understudy_rack_transactions_total counter\n");
        for (ended, count) in &self.transactions {
            let _ = writeln!(text, "understudy_rack_transactions_total{{ended=\"{ended}\"}} {count}");
        }
        let name = "understudy_rack_takeover_seconds";
        let _ = writeln!(text, "# TYPE {name} histogram");
        for (step, histogram) in &self.steps {
            histogram.write(&mut text, name, step);
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_duration_is_in_every_bucket_that_holds_it() {
        let metrics = Metrics::default();
        metrics.measure(&Metric::TakeoverTook(Duration::from_millis(3000)));
        let text = metrics.text(&RackView::default(), Duration::ZERO);
        for line in [
            "understudy_rack_takeover_seconds_bucket{step=\"whole\",le=\"2\"} 0",
            "understudy_rack_takeover_seconds_bucket{step=\"whole\",le=\"3.5\"} 1",
            "understudy_rack_takeover_seconds_bucket{step=\"whole\",le=\"+Inf\"} 1",
            "understudy_rack_takeover_seconds_sum{step=\"whole\"} 3",
            "understudy_rack_takeovers_total{outcome=\"serving\"} 0",
        ] {
            assert!(text.lines().any(|other| other == line), "{line}\n{text}");
        }
    }
}
