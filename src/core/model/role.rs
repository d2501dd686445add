//! What a server can do.

use super::name::Name;
use serde::{Deserialize, Serialize};

/// A role as the image declares it: a set of services that start together.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Role {
    /// The services that a holder runs, by name.
    pub services: Vec<Name>,
    /// How several holders serve together.
    pub cluster: ClusterKind,
    /// What a second holder would do.
    pub exclusivity: Exclusivity,
    /// Whether a holder keeps data on its node's disk; strict roles only.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub volume: bool,
}

/// How the identities of one role serve together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ClusterKind {
    /// Any number behind a virtual address.
    Balanced,
    /// Two, synchronous.
    Mirrored,
    /// One primary with live replicas.
    Replicated,
}

/// Whether two holders of one identity lose data or are a nuisance.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Exclusivity {
    /// Two holders would lose data.
    Strict,
    /// Two holders are a nuisance.
    Soft,
}
