//! `understudy clusters`: identities that serve together, and how many of them are held.

use super::Outcome;
use super::listing::{Listing, or_dash};
use super::operator::ListOptions;
use clap::Args;
use serde::Serialize;
use serde_json::Value;
use understudy_core::model::name::Name;
use understudy_site::rack::ClusterDetails;

const HEADER: [&str; 6] = ["CLUSTER", "ROLE", "KIND", "HELD", "IDENTITIES", "ATTENTION"];

/// With `--json` one array; with `--watch` as well, one a line.
#[derive(Args)]
pub struct Arguments {
    #[command(flatten)]
    list: ListOptions,
}

pub fn run(arguments: &Arguments) -> Outcome {
    let listing = Listing {
        path: "/v1/clusters",
        header: &HEADER,
        empty: "site.toml declares no cluster: [[clusters]]",
        row,
        news: ClusterDetails::clone,
    };
    listing.run(&arguments.list)
}

fn row(cluster: &ClusterDetails) -> Vec<String> {
    let names: Vec<&str> = cluster.identities.iter().map(Name::as_str).collect();
    vec![
        cluster.name.to_string(),
        cluster.role.to_string(),
        or_dash(word(&cluster.kind)),
        format!("{}/{}", cluster.held, cluster.identities.len()),
        names.join(" "),
        or_dash(cluster.attention.join("; ")),
    ]
}

/// As JSON writes it; nothing for nothing.
fn word(value: &impl Serialize) -> String {
    match serde_json::to_value(value) {
        Ok(Value::String(word)) => word,
        _ => String::new(),
    }
}
