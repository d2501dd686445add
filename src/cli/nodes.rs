//! `understudy nodes`: what the site knows of its nodes, and what they hold.

use super::Outcome;
use super::listing::{Listing, or_dash};
use super::operator::ListOptions;
use clap::Args;
use understudy_site::view::NodeView;

const HEADER: [&str; 9] =
    ["ID", "CODE", "STATE", "IDENTITY", "SERIAL", "ADDRESS/MAC", "IMAGE", "PROGRESS", "ATTENTION"];

/// With `--json` one array; with `--watch` as well, one a line.
#[derive(Args)]
pub struct Arguments {
    #[command(flatten)]
    list: ListOptions,
}

pub fn run(arguments: &Arguments) -> Outcome {
    let listing = Listing {
        path: "/v1/nodes",
        header: &HEADER,
        empty: "no node has asked to join yet",
        row,
        // What changes with every report is not news.
        news: |node: &NodeView| NodeView { last_seen: node.enrolled, ..node.clone() },
    };
    listing.run(&arguments.list)
}

fn row(node: &NodeView) -> Vec<String> {
    let address = node.address.map_or_else(|| "-".to_owned(), |address| address.to_string());
    let progress = node.progress.filter(|progress| progress.total_bytes > 0).map(|progress| {
        // Both numbers are the node's; wide arithmetic, whatever it says.
        format!("{} %", u128::from(progress.bytes) * 100 / u128::from(progress.total_bytes))
    });
    vec![
        node.id.to_string(),
        node.code.clone(),
        node.state.clone(),
        or_dash(node.identity.clone().unwrap_or_default()),
        or_dash(node.serial.clone()),
        format!("{address}/{}", node.mac),
        or_dash(node.image.clone().unwrap_or_default()),
        or_dash(progress.unwrap_or_default()),
        or_dash(node.attention.join("; ")),
    ]
}
