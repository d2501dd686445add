//! What is only seen, never stored: heartbeats, silences, sightings, power readings, and what was asked of whom.
//! A process that starts again begins with an empty view and listens.

use crate::event::{Command, Power, Reach};
use crate::intent::{Intent, Ticket};
use crate::key::Key;
use crate::ledger::Draft;
use jiff::Timestamp;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;
use understudy_core::model::epoch::Epoch;
use understudy_core::model::id::NodeId;
use understudy_core::model::name::Name;
use understudy_core::protocol::heartbeat::Held;

/// Everything volatile.
#[derive(Clone, Debug, PartialEq)]
pub struct View {
    pub(crate) started: Duration,
    pub(crate) stepped: Duration,
    pub(crate) reach: Reach,
    pub(crate) nodes: BTreeMap<NodeId, NodeView>,
    pub(crate) racks: BTreeMap<Name, RackView>,
    /// By identity and client.
    pub(crate) clients: BTreeMap<(Name, String), Sighting>,
    /// The one transaction that is out.
    pub(crate) pending: Option<Pending>,
    /// The read that must come before anything else is decided.
    pub(crate) reread: Option<(Ticket, Duration)>,
    pub(crate) tickets: u64,
    pub(crate) commands: VecDeque<Said>,
    /// What a person should look at, by identity, as it was told.
    pub(crate) attention: BTreeMap<Name, String>,
    /// When this process first saw an entry as it is now, with its revision: deadlines count from here.
    pub(crate) watched: BTreeMap<Key, (u64, Duration)>,
    /// The ledger is older than what was seen: nothing is done any more.
    pub(crate) halted: Option<String>,
}

/// One node.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct NodeView {
    /// The newest.
    pub boot: Option<String>,
    pub past_boots: BTreeSet<String>,
    pub boot_seen: Duration,
    /// Whether it proved to be healthy in that boot.
    pub is_ready: bool,
    /// The last heartbeat of that boot, and the clock of the node in it.
    pub heard: Option<Duration>,
    /// The same, but never moved by a stall: that this agent slept does not make anybody heard.
    pub beat: Option<Duration>,
    pub heard_wall: Option<Timestamp>,
    pub uptime_ms: u64,
    pub held: Option<Held>,
    pub unhealthy_since: Option<Duration>,
    /// A boot that is over, or fenced, spoke: told once.
    pub ghost_told: bool,
    /// What peers last saw.
    pub sightings: BTreeMap<NodeId, Sighting>,
    pub probed: Option<Duration>,
    pub bmc: BmcView,
}

/// When somebody last looked for a node or a server, and last found it: what is lost on its way now says less than what
/// came back just before.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Sighting {
    pub looked: Duration,
    pub found: Option<Duration>,
}

impl Sighting {
    /// Takes what was seen then, in whatever order it comes.
    pub(crate) fn see(&mut self, at: Duration, is_found: bool) {
        self.looked = self.looked.max(at);
        if is_found {
            self.found = self.found.max(Some(at));
        }
    }
}

/// What a BMC said, and what was asked of it.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct BmcView {
    pub asked: Option<Duration>,
    pub is_waiting: bool,
    pub reading: Option<Reading>,
    /// Heartbeats that came well after it said "off".
    pub beats_while_off: u32,
    /// Until when it was not believed.
    pub distrusted: Option<Duration>,
    pub trouble: Option<String>,
    /// The newest power-off order: for which fence, when, and the how manieth.
    pub ordered: Option<(u32, Duration, u32)>,
    pub was_accepted: bool,
}

/// One power state that was read.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Reading {
    pub asked: Duration,
    pub answered: Duration,
    pub power: Power,
    pub uuid: Option<String>,
}

/// One rack.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct RackView {
    /// Since when this agent is not cut off from it.
    pub able_since: Option<Duration>,
    /// Whether it ever listened long enough to believe a silence.
    pub has_settled: bool,
    pub cut_off: Option<&'static str>,
    pub cut_off_told: bool,
    /// Which nodes fell silent when, within the window of the storm rule.
    pub onsets: BTreeMap<NodeId, Duration>,
    pub frozen_until: Option<Duration>,
}

/// A transaction whose answer has not come.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Pending {
    pub intent: Intent,
    pub draft: Draft,
    pub since: Duration,
}

/// A command that has not been answered.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Said {
    pub id: u64,
    pub by: String,
    pub command: Command,
    pub attempts: u32,
}

impl View {
    pub(crate) fn new(now: Duration) -> Self {
        Self {
            started: now,
            stepped: now,
            reach: Reach::default(),
            nodes: BTreeMap::new(),
            racks: BTreeMap::new(),
            clients: BTreeMap::new(),
            pending: None,
            reread: None,
            tickets: 0,
            commands: VecDeque::new(),
            attention: BTreeMap::new(),
            watched: BTreeMap::new(),
            halted: None,
        }
    }

    pub(crate) fn node(&self, id: &NodeId) -> Option<&NodeView> {
        self.nodes.get(id)
    }

    /// How long nobody heard the node's newest boot. A node that was never heard counts from its boot, or the start of this process.
    pub(crate) fn silence(&self, id: &NodeId, now: Duration) -> Duration {
        let heard = self.node(id).map(|node| node.heard.unwrap_or(node.boot_seen)).unwrap_or_default();
        now.saturating_sub(heard.max(self.started))
    }

    /// Whether the node spoke within this.
    pub(crate) fn was_heard(&self, id: &NodeId, within: Duration, now: Duration) -> bool {
        self.node(id).and_then(|node| node.beat).is_some_and(|beat| now.saturating_sub(beat) < within)
    }

    /// What the node says about this identity at this epoch, in this boot.
    pub(crate) fn held(&self, id: &NodeId, boot: &str, identity: &Name, epoch: Epoch) -> Option<&Held> {
        let node = self.node(id).filter(|node| node.boot.as_deref() == Some(boot))?;
        node.held.as_ref().filter(|held| held.identity == *identity && held.epoch == epoch)
    }
}
