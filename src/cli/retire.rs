//! `understudy retire`: ends a node. It gets nothing any more, and stays retired.

use super::operator::{Operator, SiteOptions};
use super::{Outcome, talk};
use clap::Args;
use serde_json::json;
use std::process::ExitCode;
use understudy_site::view::NodeView;

#[derive(Args)]
pub struct Arguments {
    /// The beginning of the node's id or short code
    node: String,
    /// Print the node as one JSON object
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    site: SiteOptions,
}

pub fn run(arguments: &Arguments) -> Outcome {
    let operator = Operator::find(&arguments.site)?;
    let node = operator.find_node(&arguments.node)?;
    let retired: NodeView = operator.post(&format!("/v1/nodes/{}/retire", node.id), &json!({}))?;
    match arguments.json {
        true => talk::json(&retired),
        false => talk::data(&format!("{} {} retired", retired.id, retired.code)),
    }
    Ok(ExitCode::SUCCESS)
}
