//! `understudy pause` and `understudy resume`: nothing is assigned, fenced or moved by itself in between.

use super::Outcome;
use super::operator::Operator;
use super::order::OrderOptions;
use clap::Args;
use serde_json::json;
use understudy_core::model::name::Name;
use understudy_site::operator_api::ScopeRequest;

/// Without `--identity` and `--rack` the whole site.
#[derive(Args)]
pub struct Pause {
    #[command(flatten)]
    scope: ScopeOptions,
    /// Why, for whoever looks at it next
    #[arg(long, value_name = "TEXT")]
    reason: String,
    #[command(flatten)]
    order: OrderOptions,
}

/// Without `--identity` and `--rack` the whole site.
#[derive(Args)]
pub struct Resume {
    #[command(flatten)]
    scope: ScopeOptions,
    #[command(flatten)]
    order: OrderOptions,
}

#[derive(Args)]
struct ScopeOptions {
    /// Only this identity
    #[arg(long, value_name = "NAME", conflicts_with = "rack")]
    identity: Option<Name>,
    /// Only the site's rack
    #[arg(long)]
    rack: bool,
}

impl ScopeOptions {
    fn scope(&self) -> ScopeRequest {
        match (&self.identity, self.rack) {
            (Some(name), _) => ScopeRequest::Identity(name.to_string()),
            (None, true) => ScopeRequest::Rack,
            (None, false) => ScopeRequest::Site,
        }
    }
}

pub fn pause(arguments: &Pause) -> Outcome {
    let operator = Operator::find(&arguments.order.site)?;
    let body = json!({ "scope": arguments.scope.scope(), "reason": arguments.reason });
    arguments.order.say(&operator, "/v1/pause", body)
}

pub fn resume(arguments: &Resume) -> Outcome {
    let operator = Operator::find(&arguments.order.site)?;
    arguments.order.say(&operator, "/v1/resume", json!({ "scope": arguments.scope.scope() }))
}
