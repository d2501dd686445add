//! `understudy identities`: who holds what.

use super::Outcome;
use super::listing::{Listing, or_dash};
use super::operator::ListOptions;
use clap::Args;
use understudy_rack::view::VolumeView;
use understudy_site::rack::IdentityDetails;

const HEADER: [&str; 10] = [
    "IDENTITY",
    "CLUSTER",
    "STATE",
    "EPOCH",
    "NODE",
    "SERIAL",
    "VOLUME",
    "ADDRESS",
    "HOST NAME",
    "ATTENTION",
];

/// With `--json` one array; with `--watch` as well, one a line.
#[derive(Args)]
pub struct Arguments {
    #[command(flatten)]
    list: ListOptions,
}

pub fn run(arguments: &Arguments) -> Outcome {
    let listing = Listing {
        path: "/v1/identities",
        header: &HEADER,
        empty: "site.toml declares no identity: [[clusters]] and [[clusters.identities]]",
        row,
        news: IdentityDetails::clone,
    };
    listing.run(&arguments.list)
}

fn row(identity: &IdentityDetails) -> Vec<String> {
    vec![
        identity.name.to_string(),
        identity.cluster.to_string(),
        identity.state.clone(),
        or_dash(identity.epoch.map(|epoch| epoch.to_string()).unwrap_or_default()),
        or_dash(identity.node.as_ref().map(ToString::to_string).unwrap_or_default()),
        or_dash(identity.serial.clone().unwrap_or_default()),
        or_dash(identity.volume.as_ref().map(places).unwrap_or_default()),
        identity.address.to_string(),
        identity.host_name.clone(),
        or_dash(identity.attention.join("; ")),
    ]
}

/// The nodes with the data.
fn places(volume: &VolumeView) -> String {
    let nodes: Vec<&str> = volume.copies.iter().map(|node| node.as_str()).collect();
    let nodes = nodes.join(", ");
    if volume.served { nodes } else { format!("{nodes} (never served)") }
}
