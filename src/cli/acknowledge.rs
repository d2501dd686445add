//! `understudy acknowledge`: lets an identity move again, so soon after it moved.

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
    #[command(flatten)]
    order: OrderOptions,
}

pub fn run(arguments: &Arguments) -> Outcome {
    let operator = Operator::find(&arguments.order.site)?;
    let path = format!("/v1/identities/{}/acknowledge", arguments.identity);
    arguments.order.say(&operator, &path, json!({}))
}
