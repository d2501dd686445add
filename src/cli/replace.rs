//! `understudy replace`: moves an identity from its holder to a spare.

use super::Outcome;
use super::operator::Operator;
use super::order::OrderOptions;
use clap::Args;
use serde_json::json;
use understudy_core::model::name::Name;

/// The holder lets go, or is powered off; then a spare gets the identity at the next epoch.
#[derive(Args)]
pub struct Arguments {
    /// The identity
    identity: Name,
    /// Why, for the events
    #[arg(long, value_name = "TEXT")]
    reason: String,
    /// Go past pauses, the allowance, a storm and what waits for an acknowledgement; never past a missing fence
    #[arg(long)]
    force: bool,
    /// Vouch that its holder, this node, has no power and never acts again as it is: where nothing else can prove that
    #[arg(long, value_name = "NODE")]
    confirm_dead: Option<String>,
    #[command(flatten)]
    order: OrderOptions,
}

pub fn run(arguments: &Arguments) -> Outcome {
    let operator = Operator::find(&arguments.order.site)?;
    let dead = arguments.confirm_dead.as_ref().map(|named| operator.find_node(named)).transpose()?;
    let path = format!("/v1/identities/{}/replace", arguments.identity);
    let body = json!({
        "reason": arguments.reason,
        "force": arguments.force,
        "confirm_dead": dead.map(|node| node.id),
    });
    arguments.order.say(&operator, &path, body)
}
