//! `understudy takeovers`: each with its steps, the newest first.

use super::Outcome;
use super::listing::{Listing, or_dash};
use super::operator::ListOptions;
use clap::Args;
use understudy_rack::view::TakeoverView;

const HEADER: [&str; 11] = [
    "BEGUN", "IDENTITY", "EPOCH", "FROM", "TO", "DETECTED", "FENCED", "ASSIGNED", "SERVING", "OUTCOME",
    "REASON",
];

/// Seconds count from the step before: detected from the last word of the old holder. With `--json` one array; with
/// `--watch` as well, one a line.
#[derive(Args)]
pub struct Arguments {
    #[command(flatten)]
    list: ListOptions,
}

pub fn run(arguments: &Arguments) -> Outcome {
    let listing = Listing {
        path: "/v1/takeovers",
        header: &HEADER,
        empty: "no identity has changed its node yet",
        row,
        news: TakeoverView::clone,
    };
    listing.run(&arguments.list)
}

fn row(takeover: &TakeoverView) -> Vec<String> {
    let seconds = |step: Option<f64>| or_dash(step.map(|step| format!("{step:.1} s")).unwrap_or_default());
    vec![
        takeover.begun.strftime("%F %TZ").to_string(),
        takeover.identity.to_string(),
        // The epoch that it ends.
        takeover.epoch.to_string(),
        takeover.from.to_string(),
        or_dash(takeover.to.as_ref().map(ToString::to_string).unwrap_or_default()),
        seconds(takeover.detected_s),
        seconds(takeover.fenced_s),
        seconds(takeover.assigned_s),
        seconds(takeover.serving_s),
        takeover.outcome.clone().unwrap_or_else(|| "goes on".to_owned()),
        takeover.reason.clone(),
    ]
}
