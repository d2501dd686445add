//! What operators have said and what stays said.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// Nothing is begun, fenced or granted by itself while it stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pause {
    pub by: String,
    pub reason: String,
    pub since: Timestamp,
}

/// The node gives up what it holds and is no spare.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Drain {
    pub by: String,
    pub since: Timestamp,
}

/// What the node's BMC says counts for nothing, until an operator trusts it again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Distrust {
    pub why: String,
    pub since: Timestamp,
}
