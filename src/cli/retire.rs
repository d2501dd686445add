//! `understudy retire`: ends a node. It gets nothing any more, and stays retired.

use super::operator::{NodeOptions, Operator};
use super::{Outcome, talk};
use clap::Args;
use serde_json::json;
use std::process::ExitCode;
use understudy_site::view::NodeView;

#[derive(Args)]
pub struct Arguments {
    #[command(flatten)]
    node: NodeOptions,
}

pub fn run(arguments: &Arguments) -> Outcome {
    let arguments = &arguments.node;
    let operator = Operator::find(&arguments.site)?;
    let node = operator.find_node(&arguments.node)?;
    let retired: NodeView = operator.post(&format!("/v1/nodes/{}/retire", node.id), &json!({}))?;
    match arguments.json {
        true => talk::json(&retired),
        false => talk::data(&format!("{} {} retired", retired.id, retired.code)),
    }
    Ok(ExitCode::SUCCESS)
}
