//! What happens to a site. Any event may come late, twice, or in another order than it was sent, except where
//! it says otherwise.

use crate::config::Config;
use crate::durable::{Durable, Strength};
use crate::intent::Ticket;
use crate::key::Scope;
use std::time::Duration;
use understudy_core::model::id::NodeId;
use understudy_core::model::name::Name;
use understudy_core::protocol::heartbeat::Heartbeat;

/// Something happened.
#[derive(Clone, Debug, PartialEq)]
pub enum Event {
    /// Time has passed. At least every 250 ms; a gap counts as a stall of the agent itself.
    Clock,
    /// The site file or the registry changed.
    Configured(Box<Config>),
    /// Whether this agent may trust what it sees. Until the first one it does nothing.
    Reach(Reach),
    /// A node has started and is not healthy yet.
    Booted { node: NodeId, boot: String },
    /// A node has proven, with a fresh nonce, that it runs healthily from its disk in this boot, and is approved. From the
    /// registry, so never older than what it said before; also once for every such node after a start of the agent.
    Ready { node: NodeId, boot: String },
    /// A node is gone for good, or not healthy any more.
    NotReady { node: NodeId },
    /// A node speaks. The answer is the [`crate::Effect::Answer`] of this step.
    Heartbeat { node: NodeId, beat: Heartbeat },
    /// A client of the role asked the identity: did it answer? `age` is how long ago that was.
    Client { identity: Name, client: String, is_served: bool, age: Duration },
    /// A BMC answered.
    Bmc { node: NodeId, answer: BmcAnswer },
    /// An operator speaks. Exactly one [`crate::Effect::Reply`] follows, in this step or a later one.
    Command { id: u64, by: String, command: Command },
    /// How a transaction ended.
    Ledger { ticket: Ticket, answer: LedgerAnswer },
    /// All durable entries, read linearizably after the [`crate::Effect::Reread`] with this ticket.
    Reread { ticket: Ticket, durable: Box<Durable> },
    /// Somebody else may have written: a watch woke.
    LedgerChanged,
}

/// The agent's own standing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Reach {
    /// The ledger answers, and this agent holds the leader key.
    pub ledger: bool,
    /// The agent's own gateway answers.
    pub gateway: bool,
}

/// What a BMC says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BmcAnswer {
    /// To [`crate::Effect::AskPower`]; `asked` is that effect's. The UUID is compared as text with the node's, so it comes in the
    /// node's writing where it is the same (SMBIOS and Redfish order its first three fields differently).
    Power { asked: Duration, power: Power, uuid: Option<String> },
    /// To [`crate::Effect::PowerOff`]: it took the order. No proof of anything.
    Accepted,
    /// It refused, cannot be reached, or did not answer in time.
    Failed { why: String },
}

/// PowerState (DMTF DSP0266, ComputerSystem).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Power {
    On,
    Off,
    /// `PoweringOff`, `PoweringOn`, or what we do not know.
    Other,
}

/// How a transaction ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LedgerAnswer {
    Stored {
        revision: u64,
    },
    /// A compare did not hold: nothing was written, and what this agent knows is old.
    Lost,
    /// Nobody knows. The driver takes a new leader key before it reads everything again: what may still be under way compares
    /// with the old one, so it can never land after that read.
    Unknown,
}

/// What operators say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    /// Give a free identity to this spare.
    Assign {
        identity: Name,
        node: NodeId,
    },
    /// Move what the node holds to a spare: it lets go, or it is powered off. By force past pause, allowance, storm and
    /// acknowledgement; nothing goes past a missing fence or an agent that is cut off.
    Replace {
        node: NodeId,
        reason: String,
        strength: Strength,
    },
    /// The operator vouches that the node has no power, or will never act again.
    ConfirmDead {
        node: NodeId,
    },
    /// The node gives up what it holds, and is no spare.
    Drain {
        node: NodeId,
    },
    /// It may be a spare again.
    Undrain {
        node: NodeId,
    },
    Pause {
        scope: Scope,
        reason: String,
    },
    Resume {
        scope: Scope,
    },
    /// Another takeover of this identity may begin.
    Acknowledge {
        identity: Name,
    },
    /// What the node's BMC says counts again.
    TrustBmc {
        node: NodeId,
    },
}
