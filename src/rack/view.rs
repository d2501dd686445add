//! The rack as operators see it: in JSON, and in the command's tables.

use crate::facts::Facts;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;
use understudy_core::model::epoch::Epoch;
use understudy_core::model::id::NodeId;
use understudy_core::model::name::Name;
use understudy_core::model::role::{ClusterKind, Exclusivity};
use understudy_plan::config::Declaration;
use understudy_plan::durable::{IdentityState, Outcome, Takeover, Volume};
use understudy_plan::key::Scope;
use understudy_plan::timings::Now;
use understudy_plan::{NodeState, State};
use utoipa::ToSchema;

/// Takeovers that are shown, the newest first.
const TAKEOVERS_MAX: usize = 50;

/// Everything that the rack agent knows.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct RackView {
    pub rack: String,
    /// Why nothing is changed at all at present; empty when all is well.
    pub halted: Vec<String>,
    pub clusters: Vec<ClusterView>,
    pub identities: Vec<IdentityView>,
    pub nodes: Vec<RackNodeView>,
    /// The newest first.
    pub takeovers: Vec<TakeoverView>,
    pub pauses: Vec<PauseView>,
    pub allowance: AllowanceView,
    /// What somebody was woken for since this process started, the newest first.
    pub pages: Vec<PageView>,
}

/// Identities of one role that serve together.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ClusterView {
    #[schema(value_type = String)]
    pub name: Name,
    #[schema(value_type = String)]
    pub role: Name,
    #[schema(value_type = String)]
    pub kind: ClusterKind,
    #[schema(value_type = Vec<String>)]
    pub identities: Vec<Name>,
    /// How many of them are held.
    pub held: usize,
}

/// One identity.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct IdentityView {
    #[schema(value_type = String)]
    pub name: Name,
    #[schema(value_type = String)]
    pub cluster: Name,
    #[schema(value_type = String)]
    pub exclusivity: Exclusivity,
    /// free, granting, held, suspect, fencing
    pub state: String,
    #[schema(value_type = u64)]
    pub epoch: Epoch,
    /// Its holder, also while that one is fenced.
    #[schema(value_type = Option<String>)]
    pub node: Option<NodeId>,
    /// Of the state; `None` before its first assignment.
    #[schema(value_type = Option<String>)]
    pub since: Option<Timestamp>,
    /// Where its data is, if it has any.
    pub volume: Option<VolumeView>,
    /// What a person should look at.
    pub attention: Option<String>,
}

/// The data of one identity.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct VolumeView {
    /// The epoch at which it was made.
    #[schema(value_type = u64)]
    pub born: Epoch,
    /// The nodes with a current copy: its identity goes to no other once it was served.
    #[schema(value_type = Vec<String>)]
    pub copies: BTreeSet<NodeId>,
    /// Whether its identity was ever served; before that a volume is made anew where it is needed.
    pub served: bool,
}

/// One node, as far as takeover is concerned.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct RackNodeView {
    #[schema(value_type = String)]
    pub id: NodeId,
    pub serial: String,
    /// absent, spare, assigned, suspect, fencing, fenced, fence-unconfirmed, quarantined, drained
    pub state: String,
    #[schema(value_type = Option<String>)]
    pub identity: Option<Name>,
    /// Since its last heartbeat; `None` if there was none since this process started.
    pub silent_ms: Option<u64>,
    pub bmc: Option<String>,
    /// What its BMC said last: on, off, other-machine, unreachable, refused, garbage
    pub bmc_says: Option<String>,
}

/// One takeover with its steps; seconds count from the step before.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct TakeoverView {
    #[schema(value_type = String)]
    pub identity: Name,
    /// The epoch that it ends.
    #[schema(value_type = u64)]
    pub epoch: Epoch,
    #[schema(value_type = String)]
    pub from: NodeId,
    #[schema(value_type = Option<String>)]
    pub to: Option<NodeId>,
    pub reason: String,
    #[schema(value_type = String)]
    pub begun: Timestamp,
    /// From the last word of the old holder to the decision.
    pub detected_s: Option<f64>,
    pub fenced_s: Option<f64>,
    pub assigned_s: Option<f64>,
    pub serving_s: Option<f64>,
    /// serving, spare-lost, given-up; `None` while it goes on.
    pub outcome: Option<String>,
}

/// What an operator has paused.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct PauseView {
    /// `the site`, `rack R`, `identity I`
    pub scope: String,
    pub by: String,
    pub reason: String,
    #[schema(value_type = String)]
    pub since: Timestamp,
}

/// How many nodes may still be fenced.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AllowanceView {
    pub fences_max: usize,
    pub left: usize,
    pub window_s: u64,
}

/// What somebody was woken for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PageView {
    #[schema(value_type = String)]
    pub at: Timestamp,
    pub text: String,
}

/// What of a cluster the plan does not need.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cluster {
    pub role: Name,
    pub kind: ClusterKind,
}

/// What a view is made of.
pub(crate) struct Sources<'a> {
    pub rack: &'a Name,
    pub state: &'a State,
    pub now: Now,
    pub clusters: &'a BTreeMap<Name, Cluster>,
    pub facts: &'a Facts,
    pub halted: Vec<String>,
    pub silences: BTreeMap<NodeId, Duration>,
    pub bmc_words: &'a BTreeMap<NodeId, String>,
    pub pages: Vec<PageView>,
}

impl Sources<'_> {
    pub fn view(self) -> RackView {
        RackView {
            rack: self.rack.to_string(),
            clusters: self.clusters.iter().map(|(name, cluster)| self.cluster(name, cluster)).collect(),
            identities: self.identities(),
            nodes: self.facts.keys().map(|id| self.node(id)).collect(),
            takeovers: self.takeovers(),
            pauses: self.pauses(),
            allowance: self.allowance(),
            halted: self.halted,
            pages: self.pages,
        }
    }

    fn cluster(&self, name: &Name, cluster: &Cluster) -> ClusterView {
        let declared = self.state.config().identities.iter();
        let identities: Vec<Name> =
            declared.filter(|(_, of)| of.cluster == *name).map(|(identity, _)| identity.clone()).collect();
        let is_held = |identity: &&Name| {
            let known = self.state.durable().identity(identity);
            known.is_some_and(|identity| matches!(identity.state, IdentityState::Held { .. }))
        };
        let held = identities.iter().filter(is_held).count();
        ClusterView { name: name.clone(), role: cluster.role.clone(), kind: cluster.kind, identities, held }
    }

    fn identities(&self) -> Vec<IdentityView> {
        let declared = self.state.config().identities.iter();
        declared.map(|(name, declaration)| self.identity(name, declaration)).collect()
    }

    fn identity(&self, name: &Name, declaration: &Declaration) -> IdentityView {
        let stored = self.state.durable().identity(name);
        let node = stored.and_then(|identity| identity.node());
        let is_suspect = node.is_some_and(|node| self.node_state(node) == NodeState::Suspect);
        let state = match stored.map(|identity| &identity.state) {
            Some(IdentityState::Held { .. } | IdentityState::Granting { .. }) if is_suspect => "suspect",
            Some(state) => state.name(),
            None => "free",
        };
        IdentityView {
            name: name.clone(),
            cluster: declaration.cluster.clone(),
            exclusivity: declaration.exclusivity,
            state: state.to_owned(),
            epoch: self.state.durable().epoch(name),
            node: node.cloned(),
            since: stored.map(|identity| identity.since),
            volume: self.state.durable().volume(name).map(VolumeView::of),
            attention: self.state.attention(name).map(str::to_owned),
        }
    }

    fn node_state(&self, id: &NodeId) -> NodeState {
        NodeState::of(self.state, id, self.now)
    }

    fn node(&self, id: &NodeId) -> RackNodeView {
        let facts = &self.facts[id];
        let identity = self.state.durable().identity_of(id).map(|(name, _)| name.clone());
        let silence = self.silences.get(id);
        RackNodeView {
            id: id.clone(),
            serial: facts.serial.clone(),
            state: self.node_state(id).name().to_owned(),
            identity,
            silent_ms: silence.map(|silence| u64::try_from(silence.as_millis()).unwrap_or(u64::MAX)),
            bmc: facts.bmc.as_ref().map(|bmc| bmc.url.to_string()),
            bmc_says: self.bmc_words.get(id).cloned(),
        }
    }

    fn takeovers(&self) -> Vec<TakeoverView> {
        let all = self.state.durable().takeovers();
        let mut takeovers: Vec<TakeoverView> =
            all.map(|(identity, epoch, takeover)| TakeoverView::of(identity, epoch, takeover)).collect();
        takeovers.sort_by_key(|takeover| std::cmp::Reverse(takeover.begun));
        takeovers.truncate(TAKEOVERS_MAX);
        takeovers
    }

    fn pauses(&self) -> Vec<PauseView> {
        let identities = self.state.config().identities.keys().cloned().map(Scope::Identity);
        let scopes = [Scope::Site, Scope::Rack(self.rack.clone())].into_iter().chain(identities);
        let shown = scopes.filter_map(|scope| {
            let pause = self.state.durable().pause(&scope)?;
            let (by, reason) = (pause.by.clone(), pause.reason.clone());
            Some(PauseView { scope: scope.to_string(), by, reason, since: pause.since })
        });
        shown.collect()
    }

    fn allowance(&self) -> AllowanceView {
        let policy = self.state.config().policy(self.rack);
        let used = self.state.durable().allowance(self.rack).used(policy.window, self.now.wall);
        AllowanceView {
            fences_max: policy.fences_max,
            left: policy.fences_max.saturating_sub(used),
            window_s: policy.window.as_secs(),
        }
    }
}

impl VolumeView {
    fn of(volume: &Volume) -> Self {
        Self { born: volume.born, copies: volume.copies.clone(), served: volume.served }
    }
}

impl TakeoverView {
    fn of(identity: &Name, epoch: Epoch, takeover: &Takeover) -> Self {
        let [detected_s, fenced_s, assigned_s, serving_s] = steps(takeover);
        let outcome = takeover.closed.as_ref().map(|closed| outcome_name(closed.outcome).to_owned());
        Self {
            identity: identity.clone(),
            epoch,
            from: takeover.from.clone(),
            to: takeover.to.clone(),
            reason: takeover.reason.to_string(),
            begun: takeover.begun,
            detected_s,
            fenced_s,
            assigned_s,
            serving_s,
            outcome,
        }
    }
}

/// Seconds of each step of a takeover: detected, fenced, assigned, serving.
pub(crate) fn steps(takeover: &Takeover) -> [Option<f64>; 4] {
    let closed = takeover.closed.as_ref().filter(|closed| closed.outcome == Outcome::Serving);
    [
        seconds(takeover.last_heard, Some(takeover.begun)),
        seconds(Some(takeover.begun), takeover.fenced),
        seconds(takeover.fenced, takeover.granted),
        seconds(takeover.granted, closed.map(|closed| closed.at)),
    ]
}

fn seconds(from: Option<Timestamp>, to: Option<Timestamp>) -> Option<f64> {
    Some(to?.duration_since(from?).as_secs_f64())
}

pub(crate) fn outcome_name(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Serving => "serving",
        Outcome::SpareLost => "spare-lost",
        Outcome::GivenUp => "given-up",
    }
}
