//! What is to be done outside.

use crate::intent::{Intent, Ticket};
use serde::{Deserialize, Serialize};
use std::time::Duration;
use understudy_core::model::epoch::Epoch;
use understudy_core::model::id::NodeId;
use understudy_core::model::name::Name;
use understudy_core::protocol::heartbeat::Order;

/// Something to do. Only [`Effect::Store`] changes what is durable; whatever follows from a transaction is an effect of
/// the step that learned that it is stored.
#[derive(Clone, Debug, PartialEq)]
pub enum Effect {
    /// Commit, and come back with [`crate::Event::Ledger`]. At most one is out at a time.
    Store(Box<Intent>),
    /// Read all durable entries, linearizably, and come back with [`crate::Event::Reread`].
    Reread(Ticket),
    /// The answer to the heartbeat of this step.
    Answer(Instruction),
    /// The same for a node that did not just ask: say it as soon as there is a way to.
    Instruct(Instruction),
    /// Let these peers look for the node; what they saw comes with their heartbeats.
    Probe {
        node: NodeId,
        via: Vec<NodeId>,
    },
    /// Read the power state and UUID of the node's BMC, and hand `asked` back with the answer.
    AskPower {
        node: NodeId,
        asked: Duration,
    },
    /// Force the node off: a stored fence says so, of this identity at this epoch.
    PowerOff {
        node: NodeId,
        identity: Name,
        epoch: Epoch,
        fence: u32,
        attempt: u32,
    },
    /// Tell whoever reads the events. Notes of what is stored come with their [`Intent`] instead.
    Record(Note),
    /// Wake somebody.
    Page(Note),
    /// The answer to an operator's command.
    Reply {
        id: u64,
        reply: Reply,
    },
    Measure(Metric),
}

/// What a node is to hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Instruction {
    pub node: NodeId,
    /// The boot that this is for; another boot must not hear it.
    pub boot: String,
    pub order: Order,
    /// Whether it takes the identity address. `false` only behind a virtual address.
    pub takes_address: bool,
}

/// One event, in words that a stranger understands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Note {
    pub kind: NoteKind,
    pub node: Option<NodeId>,
    pub identity: Option<Name>,
    pub epoch: Option<Epoch>,
    pub text: String,
}

/// What kind of thing happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum NoteKind {
    Assigned,
    Serving,
    Suspect,
    TakeoverBegun,
    Fenced,
    FenceUnconfirmed,
    /// The node took the address that was withheld.
    AddressMoved,
    GivenUp,
    /// An identity waits for something; the text says for what.
    Waiting,
    Storm,
    StormOver,
    CutOff,
    Reconnected,
    BmcDistrusted,
    Quarantined,
    Returned,
    Commanded,
    /// The ledger is older than what this agent has seen.
    LedgerWentBack,
    /// The agent itself did not run for a while.
    Stalled,
}

/// How a command ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reply {
    /// Stored; what follows from it goes on by itself.
    Done(String),
    /// Nothing was changed.
    Declined(String),
    /// The ledger did not say. Look before saying it again.
    Unknown,
}

/// What is counted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Metric {
    TakeoverBegun,
    /// From the decision to the evidence.
    FenceTook(Duration),
    FenceUnconfirmed,
    /// From the last word of the old holder, or the decision where that is unknown, to the first of the new one.
    TakeoverTook(Duration),
    Storm,
}
