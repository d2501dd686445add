//! `understudy approve`: lets a node have the image.

use super::operator::{NodeOptions, Operator};
use super::{Outcome, table, talk};
use clap::Args;
use serde_json::json;
use std::process::ExitCode;
use understudy_site::view::NodeView;

#[derive(Args)]
pub struct Arguments {
    #[command(flatten)]
    node: NodeOptions,
    /// Overwrite data of others on the disks that the node has now
    #[arg(long)]
    wipe: bool,
}

pub fn run(arguments: &Arguments) -> Outcome {
    let operator = Operator::find(&arguments.node.site)?;
    let node = operator.find_node(&arguments.node.node)?;
    let path = format!("/v1/nodes/{}/approve", node.id);
    let approved: NodeView = operator.post(&path, &json!({ "wipe": arguments.wipe }))?;
    if arguments.node.json {
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
