//! The ports of the role that is active: a set in the image's ruleset that only this program fills.

use std::collections::BTreeSet;
use std::time::Duration;
use understudy_core::base::process::{Process, ProcessError};
use understudy_core::formats::service::Port;

/// The set in the image's `nftables.conf`; its elements are a protocol and a port.
const SET: &str = "inet understudy role_ports";
const PATIENCE: Duration = Duration::from_secs(5);

/// The ruleset is not as it is to be.
#[derive(Debug, thiserror::Error)]
#[error("nft does not take the role's ports")]
pub struct FirewallError(#[source] ProcessError);

/// Lets exactly these in; nothing, for none. One transaction: no packet meets half of it.
pub fn let_in(ports: &BTreeSet<Port>) -> Result<(), FirewallError> {
    let elements: Vec<String> =
        ports.iter().map(|port| format!("{} . {}", port.transport, port.number)).collect();
    let mut rules = format!("flush set {SET};");
    if !elements.is_empty() {
        rules += &format!(" add element {SET} {{ {} }};", elements.join(", "));
    }
    Process::new("nft").arg(rules).run_within(PATIENCE).map(drop).map_err(FirewallError)
}
