//! `understudy approve`: lets a node have the image.

use super::operator::{Operator, SiteOptions};
use super::{Outcome, table, talk};
use clap::Args;
use serde_json::json;
use std::process::ExitCode;
use understudy_site::view::NodeView;

#[derive(Args)]
pub struct Arguments {
    /// The beginning of the node's id or short code
    node: String,
    /// Overwrite data of others on the disks that the node has now
    #[arg(long)]
    wipe: bool,
    /// Install the site's image even if the node has trusted a newer one
    #[arg(long)]
    allow_older: bool,
    /// Also a node that has its image, or had it until its disk was lost: it may get it once more from the network
    #[arg(long)]
    again: bool,
    /// Print the node as one JSON object
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    site: SiteOptions,
}

pub fn run(arguments: &Arguments) -> Outcome {
    let operator = Operator::find(&arguments.site)?;
    let node = operator.find_node(&arguments.node)?;
    let path = format!("/v1/nodes/{}/approve", node.id);
    let Arguments { wipe, allow_older, again, .. } = *arguments;
    let request = json!({ "wipe": wipe, "allow_older": allow_older, "again": again });
    let approved: NodeView = operator.post(&path, &request)?;
    if arguments.json {
        talk::json(&approved);
        return Ok(ExitCode::SUCCESS);
    }
    talk::data(&format!("{} {} approved", approved.id, approved.code));
    for disk in &node.disks {
        talk::talk(&table::printable(&disk.line()));
    }
    let is_foreign = node.disks.iter().any(|disk| disk.is_foreign);
    match (is_foreign, arguments.wipe) {
        (true, true) => talk::talk("the data on the disk that gets the image will be overwritten"),
        (true, false) => talk::talk(&format!(
            "a disk with data of others is not overwritten; to allow that: understudy approve {} --wipe",
            node.code
        )),
        (false, _) => {}
    }
    Ok(ExitCode::SUCCESS)
}
