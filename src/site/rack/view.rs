//! Identities and clusters as operators see them: as they are declared, with what the rack agent knows of them.

use super::Agent;
use crate::definition::{Cluster, Identity};
use crate::view::NodeView;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::net::IpAddr;
use understudy_core::model::epoch::Epoch;
use understudy_core::model::id::NodeId;
use understudy_core::model::name::Name;
use understudy_core::model::role::{ClusterKind, Exclusivity};
use understudy_rack::view::{RackView, VolumeView};
use utoipa::ToSchema;

/// What is shown while no agent says more.
const UNKNOWN: &str = "unknown";

/// One identity.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct IdentityDetails {
    #[schema(value_type = String)]
    pub name: Name,
    #[schema(value_type = String)]
    pub cluster: Name,
    #[schema(value_type = String)]
    pub role: Name,
    pub host_name: String,
    #[schema(value_type = String)]
    pub address: IpAddr,
    /// `strict` or `soft`, once an image has said so.
    #[schema(value_type = Option<String>)]
    pub exclusivity: Option<Exclusivity>,
    /// free, granting, held, suspect or fencing; unknown while no rack agent runs.
    pub state: String,
    /// Of its newest assignment.
    #[schema(value_type = Option<u64>)]
    pub epoch: Option<Epoch>,
    /// Its holder, also while that one is fenced.
    #[schema(value_type = Option<String>)]
    pub node: Option<NodeId>,
    /// Of that node.
    pub serial: Option<String>,
    /// Of the state.
    #[schema(value_type = Option<String>)]
    pub since: Option<Timestamp>,
    /// Where its data is, if it has any.
    pub volume: Option<VolumeView>,
    /// What a person should look at; the most important first.
    pub attention: Vec<String>,
}

/// Identities of one role that serve together.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ClusterDetails {
    #[schema(value_type = String)]
    pub name: Name,
    #[schema(value_type = String)]
    pub role: Name,
    /// `balanced`, `mirrored` or `replicated`, once an image has said so.
    #[schema(value_type = Option<String>)]
    pub kind: Option<ClusterKind>,
    #[schema(value_type = Vec<String>)]
    pub identities: Vec<Name>,
    /// How many of them are held.
    pub held: usize,
    /// What a person should look at.
    pub attention: Vec<String>,
}

/// All identities, by cluster in the order of the file.
pub fn identities(clusters: &[Cluster], agent: &Agent) -> Vec<IdentityDetails> {
    let (view, why) = (agent.view(), agent.running().err());
    let pairs = clusters.iter().flat_map(|of| of.identities.iter().map(move |one| (of, one)));
    let one = |(cluster, identity): (&Cluster, &Identity)| {
        let seen =
            view.as_ref().and_then(|view| view.identities.iter().find(|seen| seen.name == identity.name));
        let node = seen.and_then(|seen| seen.node.clone());
        let serial = view.as_ref().and_then(|view| serial(view, node.as_ref()?));
        let told = seen.and_then(|seen| seen.attention.clone());
        let attention = told.into_iter().chain(agent.problem(&cluster.name)).chain(why.clone());
        IdentityDetails {
            name: identity.name.clone(),
            cluster: cluster.name.clone(),
            role: cluster.role.clone(),
            host_name: identity.host_name.to_string(),
            address: identity.address.address,
            exclusivity: seen.map(|seen| seen.exclusivity),
            state: seen.map_or(UNKNOWN, |seen| seen.state.as_str()).to_owned(),
            epoch: seen.map(|seen| seen.epoch),
            node,
            serial,
            since: seen.and_then(|seen| seen.since),
            volume: seen.and_then(|seen| seen.volume.clone()),
            attention: attention.collect(),
        }
    };
    pairs.map(one).collect()
}

/// All clusters, in the order of the file.
pub fn clusters(clusters: &[Cluster], agent: &Agent) -> Vec<ClusterDetails> {
    let (view, why) = (agent.view(), agent.running().err());
    let one = |cluster: &Cluster| {
        let seen = view.as_ref().and_then(|view| view.clusters.iter().find(|seen| seen.name == cluster.name));
        ClusterDetails {
            name: cluster.name.clone(),
            role: cluster.role.clone(),
            kind: seen.map(|seen| seen.kind),
            identities: cluster.identities.iter().map(|identity| identity.name.clone()).collect(),
            held: seen.map_or(0, |seen| seen.held),
            attention: agent.problem(&cluster.name).into_iter().chain(why.clone()).collect(),
        }
    };
    clusters.iter().map(one).collect()
}

fn serial(view: &RackView, node: &NodeId) -> Option<String> {
    let known = view.nodes.iter().find(|known| known.id == *node);
    known.map(|known| known.serial.clone()).filter(|serial| !serial.is_empty())
}

/// Adds what the rack agent knows of a node: what it holds, and where it is in a takeover. The registry's state stays
/// where the agent has nothing more to say.
pub fn complete(node: &mut NodeView, view: &RackView) {
    let Some(seen) = view.nodes.iter().find(|seen| seen.id == node.id) else { return };
    node.identity = seen.identity.as_ref().map(ToString::to_string);
    let is_more = !matches!(seen.state.as_str(), "absent" | "spare");
    // A node that was given up, or never came so far, holds nothing.
    if is_more && matches!(node.state.as_str(), "spare" | "degraded" | "installed") {
        node.state.clone_from(&seen.state);
    }
}
