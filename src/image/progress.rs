//! What a build tells while it runs. The command decides how that looks.

use serde::Serialize;
use std::time::Instant;
use understudy_core::base::byte_count::ByteCount;

/// Hears about a build; implemented by the command.
pub trait Progress: Sync {
    /// A stage begins.
    fn begin(&self, stage: &'static str);
    /// Something to know about the running stage.
    fn note(&self, text: &str);
    /// The stage that began last has ended well.
    fn end(&self, report: &StageReport);
}

/// How a stage went.
#[derive(Clone, Debug, Serialize)]
pub struct StageReport {
    /// The stage's name.
    pub name: &'static str,
    /// Seconds on the wall clock.
    pub seconds: f64,
    /// Whether its result was there already, from an earlier build.
    pub cached: bool,
    /// What it made, for people.
    pub result: String,
}

/// The result of a stage, with what people should hear about it.
pub struct Outcome<T> {
    /// What the next stage needs.
    pub value: T,
    /// Whether it was there already.
    pub cached: bool,
    /// For people.
    pub result: String,
}

impl<T> Outcome<T> {
    /// Made just now.
    pub fn made(value: T, result: impl Into<String>) -> Self {
        Self { value, cached: false, result: result.into() }
    }
}

/// Runs stages one after the other and keeps their reports.
pub struct Stages<'a> {
    progress: &'a dyn Progress,
    reports: Vec<StageReport>,
}

impl<'a> Stages<'a> {
    /// No stage has run yet.
    pub fn new(progress: &'a dyn Progress) -> Self {
        Self { progress, reports: Vec::new() }
    }

    /// Runs one stage and reports its end.
    pub fn run<T, E>(
        &mut self,
        name: &'static str,
        work: impl FnOnce(&dyn Progress) -> Result<Outcome<T>, E>,
    ) -> Result<T, E> {
        self.progress.begin(name);
        let started = Instant::now();
        let Outcome { value, cached, result } = work(self.progress)?;
        let report = StageReport { name, seconds: started.elapsed().as_secs_f64(), cached, result };
        self.progress.end(&report);
        self.reports.push(report);
        Ok(value)
    }

    /// The reports, in order.
    pub fn finish(self) -> Vec<StageReport> {
        self.reports
    }
}

/// `bytes` for people.
pub fn sized(bytes: u64) -> String {
    ByteCount::bytes(bytes).to_string()
}
