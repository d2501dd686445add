//! What everybody else sees of the agent: one snapshot after each step, from which heartbeats and operators are answered.

use crate::driver::{Rack, TICK};
use crate::orders::Snapshot;
use crate::view::{RackView, Sources};
use std::collections::BTreeSet;
use std::sync::Arc;
use tokio::time::Instant;
use understudy_core::model::id::NodeId;
use understudy_plan::durable::IdentityState;

impl Rack {
    /// What everybody else sees from now on.
    pub(crate) fn publish(&mut self) {
        if *self.durable != *self.state().durable() {
            self.measure_closed();
            self.durable = Arc::new(self.state().durable().clone());
            self.view.1 = self.started;
        }
        let now = Instant::now();
        for targets in self.probes.values_mut() {
            targets.retain(|_, until| *until > now);
        }
        self.probes.retain(|_, targets| !targets.is_empty());
        if self.view.1.elapsed() >= TICK {
            self.view = (Arc::new(self.make_view()), now);
        }
        let targets =
            self.probes.iter().map(|(via, targets)| (via.clone(), targets.keys().cloned().collect()));
        let nodes = self.known.iter().filter(|(_, facts)| !facts.is_retired);
        let snapshot = Snapshot {
            durable: Arc::clone(&self.durable),
            is_known: self.is_known(),
            orders: self.orders.clone(),
            probes: targets.collect(),
            urgent: self.urgent(),
            nodes: nodes.map(|(id, facts)| (id.clone(), facts.address)).collect(),
            view: Arc::clone(&self.view.0),
            made: now,
        };
        self.shared.publish(snapshot);
    }

    fn is_known(&self) -> bool {
        let standing = &self.standing;
        standing.reach.ledger && standing.rereading.is_none() && self.state().halted().is_none()
    }

    /// While something moves: whoever is about to get it, and the spares.
    fn urgent(&self) -> BTreeSet<NodeId> {
        let moving = |state: &IdentityState| {
            matches!(state, IdentityState::Granting { .. } | IdentityState::Fencing { .. })
        };
        if !self.durable.identities().any(|(_, identity)| moving(&identity.state)) {
            return BTreeSet::new();
        }
        let has_settled = |id: &NodeId| {
            let identity = self.durable.identity_of(id);
            identity.is_some_and(|(_, identity)| matches!(identity.state, IdentityState::Held { .. }))
        };
        self.known.keys().filter(|id| !has_settled(id)).cloned().collect()
    }

    fn measure_closed(&self) {
        for (identity, epoch, takeover) in self.state().durable().takeovers() {
            let before = self.durable.takeover(identity, epoch);
            if takeover.closed.is_some() && before.is_some_and(|before| before.closed.is_none()) {
                self.shared.metrics.closed(takeover);
            }
        }
    }

    fn make_view(&self) -> RackView {
        let mut halted: Vec<String> = self.state().halted().map(str::to_owned).into_iter().collect();
        let standing = &self.standing;
        if standing.is_deposed {
            halted.push("another agent leads this site".to_owned());
        } else if !standing.reach.ledger {
            halted.push("the ledger does not answer, or cannot be written to".to_owned());
        }
        if !standing.reach.gateway {
            let problem = standing.gateway_problem.clone();
            halted.push(problem.unwrap_or_else(|| "the gateway does not answer".to_owned()));
        }
        let last = self.shared.heartbeats.last();
        let sources = Sources {
            rack: &self.config.rack,
            state: self.state(),
            now: self.now(),
            clusters: &self.config.clusters,
            facts: &self.known,
            halted,
            silences: last.into_iter().map(|(node, at)| (node, at.elapsed())).collect(),
            bmc_words: &self.bmc_words,
            pages: self.pages.iter().cloned().collect(),
        };
        sources.view()
    }
}
