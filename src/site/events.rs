//! What happened, in order, for ever: each event holds the SHA-256 of the one before, so that none can be
//! changed, dropped or put in between without the rest showing it.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use understudy_core::base::sha256::Sha256;
use understudy_core::model::epoch::Epoch;
use understudy_core::model::id::NodeId;
use understudy_core::model::name::Name;
use understudy_ledger::{Entry, Key, KeyError, Ledger, LedgerError, PAGE_ENTRIES_MAX, Prefix};
use utoipa::ToSchema;

/// How much text one event holds.
pub const TEXT_CHARS_MAX: usize = 1000;

/// One event.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Event {
    /// Counts from 1 without a gap.
    pub seq: u64,
    #[schema(value_type = String)]
    pub at: Timestamp,
    pub kind: EventKind,
    #[schema(value_type = Option<String>)]
    pub node: Option<NodeId>,
    // Left out where there is none, here and below: the digests of older events were made without it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub identity: Option<Name>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<u64>)]
    pub epoch: Option<Epoch>,
    /// The operator who wanted it, such as `token ci` or `socket uid 0`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
    pub text: String,
    /// Of the JSON of the event before; zeros for the first.
    #[schema(value_type = String)]
    pub previous: Sha256,
}

/// What kind of thing happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum EventKind {
    SiteStarted,
    SiteStopped,
    ImageVerified,
    ImageRefused,
    Discovered,
    Approved,
    Blocked,
    InstallBegun,
    InstallFailed,
    Installed,
    Spare,
    Degraded,
    Restarted,
    Silent,
    Back,
    Overdue,
    Failed,
    Retired,
    Forgotten,
    SameMachine,
    KeyMisused,
    Netboot,
    TokenMade,
    TokenRevoked,
    AccessRefused,
    RoleMissing,
    Assigned,
    Serving,
    Suspect,
    TakeoverBegun,
    Fenced,
    FenceUnconfirmed,
    AddressMoved,
    GivenUp,
    Waiting,
    Storm,
    StormOver,
    CutOff,
    Reconnected,
    BmcDistrusted,
    Quarantined,
    Returned,
    Commanded,
    LedgerWentBack,
    Stalled,
}

/// What an event is about, and who wanted it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct About {
    pub node: Option<NodeId>,
    pub identity: Option<Name>,
    pub epoch: Option<Epoch>,
    pub by: Option<String>,
}

/// Why the events cannot be gone on with.
#[derive(Debug, thiserror::Error)]
pub enum EventsError {
    #[error("cannot read the events")]
    Ledger(#[from] LedgerError),
    #[error("event {0} is missing or is not what the events behind it say: the ledger was changed")]
    Broken(u64),
}

/// Where the chain ends.
#[derive(Clone, Copy, Debug)]
pub struct Chain {
    seq: u64,
    digest: Sha256,
}

/// Where events stand in the ledger.
pub fn prefix() -> Prefix {
    "/v1/event/".parse().expect("a constant that follows the rules of prefixes")
}

/// The key of one event; zeros in front keep the order of numbers.
pub fn key(seq: u64) -> Result<Key, KeyError> {
    prefix().key(&format!("{seq:020}"))
}

impl Chain {
    /// Reads all events and checks that none is missing or changed.
    pub async fn read(ledger: &dyn Ledger) -> Result<Self, EventsError> {
        let mut chain = Self { seq: 0, digest: Sha256::from([0; 32]) };
        let mut after: Option<Key> = None;
        loop {
            let page = ledger.range(&prefix(), after.as_ref(), PAGE_ENTRIES_MAX).await?;
            for entry in &page.entries {
                chain.follow(entry)?;
            }
            match page.entries.last() {
                Some(last) if page.more => after = Some(last.key.clone()),
                _ => return Ok(chain),
            }
        }
    }

    /// How many events there are.
    pub fn len(&self) -> u64 {
        self.seq
    }

    /// Whether nothing has happened yet.
    pub fn is_empty(&self) -> bool {
        self.seq == 0
    }

    fn follow(&mut self, entry: &Entry) -> Result<(), EventsError> {
        let seq = self.seq + 1;
        let event: Event =
            serde_json::from_value(entry.value.clone()).map_err(|_| EventsError::Broken(seq))?;
        if event.seq != seq || event.previous != self.digest {
            return Err(EventsError::Broken(seq));
        }
        *self = Self { seq, digest: digest(&event) };
        Ok(())
    }

    /// The next event; the chain goes on from it only once it is stored.
    pub fn next(&self, at: Timestamp, kind: EventKind, about: About, text: &str) -> (Event, Self) {
        let text = text.chars().take(TEXT_CHARS_MAX).collect();
        let About { node, identity, epoch, by } = about;
        let (seq, previous) = (self.seq + 1, self.digest);
        let event = Event { seq, at, kind, node, identity, epoch, by, text, previous };
        let chain = Self { seq, digest: digest(&event) };
        (event, chain)
    }
}

fn digest(event: &Event) -> Sha256 {
    let text = serde_json::to_vec(event).expect("our own struct has string keys and no failing parts");
    Sha256::of(&text)
}
