//! `understudy drain`: takes a node out of service, or back into it.

use super::Outcome;
use super::operator::Operator;
use super::order::OrderOptions;
use clap::Args;
use serde_json::json;

/// The node gives up what it holds, which goes to a spare, and is no spare itself until `--undo`.
#[derive(Args)]
pub struct Arguments {
    /// The node: the beginning of its id or short code, or its serial
    node: String,
    /// Let it be a spare again
    #[arg(long)]
    undo: bool,
    #[command(flatten)]
    order: OrderOptions,
}

pub fn run(arguments: &Arguments) -> Outcome {
    let operator = Operator::find(&arguments.order.site)?;
    let node = operator.find_node(&arguments.node)?;
    arguments.order.say(&operator, &format!("/v1/nodes/{}/drain", node.id), json!({ "undo": arguments.undo }))
}
