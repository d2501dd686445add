//! `understudy nodes`: what the site knows of its nodes.

use super::operator::{ListOptions, Operator};
use super::{Outcome, table, talk};
use clap::Args;
use std::io::{self, IsTerminal};
use std::process::ExitCode;
use std::time::Duration;
use understudy_site::view::NodeView;

/// How often `--watch` looks.
const LOOK: Duration = Duration::from_secs(1);
const HEADER: [&str; 8] = ["ID", "CODE", "STATE", "SERIAL", "ADDRESS/MAC", "IMAGE", "PROGRESS", "ATTENTION"];

/// With `--json` one array; with `--watch` as well, one a line.
#[derive(Args)]
pub struct Arguments {
    #[command(flatten)]
    list: ListOptions,
}

pub fn run(arguments: &Arguments) -> Outcome {
    let arguments = &arguments.list;
    let operator = Operator::find(&arguments.site)?;
    let mut shown = None;
    loop {
        let nodes: Vec<NodeView> = operator.get("/v1/nodes")?;
        // What changes with every heartbeat is not news.
        let news: Vec<NodeView> =
            nodes.iter().map(|node| NodeView { last_seen: node.enrolled, ..node.clone() }).collect();
        if shown.as_ref() != Some(&news) {
            show(&nodes, arguments);
            shown = Some(news);
        }
        if !arguments.watch {
            return Ok(ExitCode::SUCCESS);
        }
        std::thread::sleep(LOOK);
    }
}

fn show(nodes: &[NodeView], arguments: &ListOptions) {
    if arguments.json {
        return if arguments.watch { talk::json_line(&nodes) } else { talk::json(&nodes) };
    }
    if arguments.watch && io::stdout().is_terminal() {
        // ECMA-48: cursor home, erase the page.
        talk::data("\u{1b}[H\u{1b}[2J");
    }
    if nodes.is_empty() {
        return talk::talk("no node has asked to join yet");
    }
    let rows: Vec<Vec<String>> = nodes.iter().map(row).collect();
    table::lines(&HEADER, &rows).iter().for_each(|line| talk::data(line));
}

fn row(node: &NodeView) -> Vec<String> {
    let or_dash = |text: &str| if text.is_empty() { "-".to_owned() } else { text.to_owned() };
    let address = node.address.map_or_else(|| "-".to_owned(), |address| address.to_string());
    let progress = node.progress.filter(|progress| progress.total_bytes > 0).map(|progress| {
        // Both numbers are the node's; wide arithmetic, whatever it says.
        format!("{} %", u128::from(progress.bytes) * 100 / u128::from(progress.total_bytes))
    });
    vec![
        node.id.to_string(),
        node.code.clone(),
        node.state.clone(),
        or_dash(&node.serial),
        format!("{address}/{}", node.mac),
        or_dash(node.image.as_deref().unwrap_or_default()),
        progress.unwrap_or_else(|| "-".to_owned()),
        or_dash(&node.attention.join("; ")),
    ]
}
