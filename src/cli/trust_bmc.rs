//! `understudy trust-bmc`: what a node's BMC says counts again, after it was caught at a lie.

use super::Outcome;
use super::operator::Operator;
use super::order::OrderOptions;
use clap::Args;
use serde_json::json;

#[derive(Args)]
pub struct Arguments {
    /// The node: the beginning of its id or short code, or its serial
    node: String,
    #[command(flatten)]
    order: OrderOptions,
}

pub fn run(arguments: &Arguments) -> Outcome {
    let operator = Operator::find(&arguments.order.site)?;
    let node = operator.find_node(&arguments.node)?;
    arguments.order.say(&operator, &format!("/v1/nodes/{}/trust-bmc", node.id), json!({}))
}
