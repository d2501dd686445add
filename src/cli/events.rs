//! `understudy events`: what happened at the site, the oldest first.

use super::operator::{ListOptions, Operator};
use super::{Outcome, table, talk};
use clap::Args;
use serde_json::Value;
use std::process::ExitCode;
use std::time::Duration;
use understudy_site::events::Event;

/// How often `--watch` looks.
const LOOK: Duration = Duration::from_millis(500);
/// How many events one question brings.
const PAGE_EVENTS: usize = 500;

#[derive(Args)]
pub struct Arguments {
    /// Only events behind this number
    #[arg(long, value_name = "SEQ", default_value_t = 0)]
    after: u64,
    #[command(flatten)]
    list: ListOptions,
}

pub fn run(arguments: &Arguments) -> Outcome {
    let operator = Operator::find(&arguments.list.site)?;
    let mut after = arguments.after;
    loop {
        let events: Vec<Event> = operator.get(&format!("/v1/events?after={after}&limit={PAGE_EVENTS}"))?;
        for event in &events {
            show(event, arguments.list.json);
            after = event.seq;
        }
        match (events.len() < PAGE_EVENTS, arguments.list.watch) {
            (true, false) => return Ok(ExitCode::SUCCESS),
            (true, true) => std::thread::sleep(LOOK),
            (false, _) => {}
        }
    }
}

fn show(event: &Event, as_json: bool) {
    if as_json {
        return talk::json_line(event);
    }
    let kind = match serde_json::to_value(event.kind) {
        Ok(Value::String(kind)) => kind,
        other => unreachable!("kinds are written as texts: {other:?}"),
    };
    let node = event.node.as_ref().map_or("-", |node| node.as_str());
    let at = event.at.strftime("%F %TZ");
    let by = event.by.as_ref().map_or_else(String::new, |by| format!(" ({by})"));
    let text = format!("{:>5}  {at}  {kind:17}  {node:16}  {}{by}", event.seq, event.text);
    talk::data(&table::printable(&text));
}
