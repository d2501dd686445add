//! `understudy assign`: gives a free identity to a spare.

use super::Outcome;
use super::operator::Operator;
use super::order::OrderOptions;
use clap::Args;
use serde_json::json;
use understudy_core::model::name::Name;

#[derive(Args)]
pub struct Arguments {
    /// The identity
    identity: Name,
    /// The spare: the beginning of its id or short code, or its serial
    node: String,
    #[command(flatten)]
    order: OrderOptions,
}

pub fn run(arguments: &Arguments) -> Outcome {
    let operator = Operator::find(&arguments.order.site)?;
    let node = operator.find_node(&arguments.node)?;
    let path = format!("/v1/identities/{}/assign", arguments.identity);
    arguments.order.say(&operator, &path, json!({ "node": node.id }))
}
