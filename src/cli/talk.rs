//! Printing: data on standard output, talk on standard error, stages with their times.

use indicatif::{ProgressBar, ProgressStyle};
use serde::Serialize;
use std::io::{self, IsTerminal, Write};
use std::sync::Mutex;
use std::time::Duration;
use understudy_image::progress::{Progress, StageReport};

/// Writes a line of data. A reader that went away ends the program like any other.
pub fn data(text: &str) {
    if writeln!(io::stdout(), "{text}").is_err() {
        std::process::exit(1);
    }
}

/// Writes one JSON object.
pub fn json(value: &impl Serialize) {
    match serde_json::to_string_pretty(value) {
        Ok(text) => data(&text),
        Err(error) => unreachable!("our own structs have string keys and no failing parts: {error}"),
    }
}

/// Writes one JSON value as one line.
pub fn json_line(value: &impl Serialize) {
    match serde_json::to_string(value) {
        Ok(text) => data(&text),
        Err(error) => unreachable!("our own structs have string keys and no failing parts: {error}"),
    }
}

/// Writes a line for people.
pub fn talk(text: &str) {
    // Nobody listening is no reason to stop working.
    let _ = writeln!(io::stderr(), "{text}");
}

/// Tells about stages: a spinner on a terminal, plain lines elsewhere.
pub struct StageTalk {
    spinner: Option<Mutex<ProgressBar>>,
}

impl StageTalk {
    /// Looks at standard error to choose.
    pub fn new() -> Self {
        let spinner = io::stderr().is_terminal().then(|| Mutex::new(ProgressBar::hidden()));
        Self { spinner }
    }

    fn spin(&self, act: impl FnOnce(&mut ProgressBar)) -> bool {
        let Some(spinner) = &self.spinner else { return false };
        // A panic while holding it has ended the program already.
        if let Ok(mut bar) = spinner.lock() {
            act(&mut bar);
        }
        true
    }
}

impl Progress for StageTalk {
    fn begin(&self, stage: &'static str) {
        self.spin(|bar| {
            *bar = ProgressBar::new_spinner();
            bar.set_style(
                ProgressStyle::with_template("{spinner} {prefix:14} {elapsed:>7}  {msg}")
                    .unwrap_or_else(|_| ProgressStyle::default_spinner()),
            );
            bar.set_prefix(stage);
            bar.enable_steady_tick(Duration::from_millis(120));
        });
    }

    fn note(&self, text: &str) {
        if !self.spin(|bar| bar.set_message(text.to_owned())) {
            talk(&format!("  {text}"));
        }
    }

    fn end(&self, report: &StageReport) {
        self.spin(|bar| bar.finish_and_clear());
        let StageReport { name, seconds, cached, result } = report;
        let time = if *cached { "cached".to_owned() } else { format!("{seconds:.1} s") };
        talk(&format!("{name:14} {time:>8}  {result}"));
    }
}
