//! What everybody else holds of the rack agent. Nothing here waits for the ledger, and only commands wait for the loop.

use crate::heartbeats::Heartbeats;
use crate::metrics::Metrics;
use crate::orders::{Granted, Snapshot};
use crate::view::RackView;
use std::collections::BTreeSet;
use std::net::IpAddr;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;
use tokio::sync::{mpsc, oneshot};
use tokio::time::timeout;
use understudy_core::model::epoch::Epoch;
use understudy_core::model::id::NodeId;
use understudy_core::model::name::Name;
use understudy_core::protocol::heartbeat::{Beat, Heartbeat, Order, Probe};
use understudy_plan::Durable;
use understudy_plan::effect::Reply;
use understudy_plan::event::Command;

/// How long an operator waits at most; the plan answers before, or says that nobody knows.
const COMMAND_MAX: Duration = Duration::from_secs(30);
/// How often a node speaks whose next word is waited for.
const URGENT: Duration = Duration::from_millis(100);

/// Whether a command is carried out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Carry {
    Out,
    /// `--dry-run`: only what it would do now.
    Rehearse,
}

/// What came of a command, or would: one line for each thing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Done {
    pub lines: Vec<String>,
}

/// Why a command was not carried out.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    #[error("{0}")]
    Declined(String),
    #[error("the ledger did not say whether it took the command; look before saying it again")]
    Unknown,
    #[error("too many commands wait")]
    Busy,
    #[error("the rack agent has ended")]
    Ended,
}

/// A command on its way to the loop.
pub(crate) struct Request {
    pub by: String,
    pub command: Command,
    pub carry: Carry,
    pub reply: oneshot::Sender<Result<Done, Refused>>,
}

/// What the loop and its callers share.
pub(crate) struct Shared {
    pub snapshot: RwLock<Arc<Snapshot>>,
    pub heartbeats: Heartbeats,
    pub metrics: Metrics,
    /// How often a node speaks when all is calm.
    pub heartbeat_every: Duration,
    /// How old a snapshot may be: longer means that the loop does not run.
    pub age_max: Duration,
}

/// The way to the rack agent; clones are cheap.
#[derive(Clone)]
pub struct Handle {
    pub(crate) shared: Arc<Shared>,
    pub(crate) requests: mpsc::Sender<Request>,
}

impl Shared {
    pub fn snapshot(&self) -> Arc<Snapshot> {
        Arc::clone(&self.snapshot.read().unwrap_or_else(PoisonError::into_inner))
    }

    pub fn publish(&self, snapshot: Snapshot) {
        *self.snapshot.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(snapshot);
    }
}

impl Handle {
    /// A node speaks. Answered from memory; whoever is not known hears `Keep`.
    pub fn heartbeat(&self, node: &NodeId, beat: Heartbeat, remote: IpAddr) -> Beat {
        let snapshot = self.shared.snapshot();
        let calm = self.shared.heartbeat_every;
        if !snapshot.nodes.contains_key(node) {
            return Beat { order: Order::Keep, probe: Vec::new(), next_in_ms: millis(calm) };
        }
        let order = snapshot.order(node, &beat, self.shared.age_max);
        let peers = snapshot.probes.get(node).into_iter().flatten();
        let address = |peer| {
            self.shared.heartbeats.remote(peer).or_else(|| snapshot.nodes.get(peer).copied().flatten())
        };
        let probe: Vec<Probe> =
            peers.filter_map(|peer| Some(Probe { node: peer.clone(), address: address(peer)? })).collect();
        let is_urgent = !probe.is_empty() || snapshot.urgent.contains(node);
        self.shared.heartbeats.put(node, beat, remote);
        Beat { order, probe, next_in_ms: millis(if is_urgent { URGENT.min(calm) } else { calm }) }
    }

    /// Whether a node is granted, or holds, exactly this identity at exactly this epoch: whether it may have its bundle.
    /// `false` while the ledger is away or another agent leads.
    pub fn may_have(&self, node: &NodeId, identity: &Name, epoch: Epoch) -> bool {
        self.shared.snapshot().may_have(node, identity, epoch)
    }

    /// The same, with what the bundle has to say of it.
    pub fn granted(&self, node: &NodeId, identity: &Name, epoch: Epoch) -> Option<Granted> {
        self.shared.snapshot().granted(node, identity, epoch)
    }

    /// What is stored, as this agent last knew it.
    pub fn durable(&self) -> Arc<Durable> {
        Arc::clone(&self.shared.snapshot().durable)
    }

    /// Nodes that hold something: these must not be installed anew.
    pub fn holders(&self) -> BTreeSet<NodeId> {
        let durable = self.durable();
        durable.identities().filter_map(|(_, identity)| identity.node().cloned()).collect()
    }

    /// What operators see.
    pub fn view(&self) -> Arc<RackView> {
        Arc::clone(&self.shared.snapshot().view)
    }

    /// Prometheus' text.
    pub fn metrics(&self) -> String {
        let snapshot = self.shared.snapshot();
        self.shared.metrics.text(&snapshot.view, snapshot.made.elapsed())
    }

    /// An operator's word; `by` is who says it.
    pub async fn command(&self, by: &str, command: Command, carry: Carry) -> Result<Done, Refused> {
        let (reply, answer) = oneshot::channel();
        let request = Request { by: by.to_owned(), command, carry, reply };
        self.requests.try_send(request).map_err(|error| match error {
            mpsc::error::TrySendError::Full(_) => Refused::Busy,
            mpsc::error::TrySendError::Closed(_) => Refused::Ended,
        })?;
        match timeout(COMMAND_MAX, answer).await {
            Ok(Ok(done)) => done,
            Ok(Err(_)) => Err(Refused::Ended),
            Err(_) => Err(Refused::Unknown),
        }
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// As whoever said the command hears it.
pub(crate) fn heard(reply: Reply) -> Result<Done, Refused> {
    match reply {
        Reply::Done(text) => Ok(Done { lines: vec![text] }),
        Reply::Declined(why) => Err(Refused::Declined(why)),
        Reply::Unknown => Err(Refused::Unknown),
    }
}
