//! The ledger as the plan sees it: durable objects, transactions with tickets, and who leads.
//!
//! Every transaction compares the create revision of the leader's key, so that an agent that was followed by another
//! stores nothing any more. Notes of a transaction are stored with it, below [`untold`], until the journal has them.

use jiff::Timestamp;
use serde_json::{Value, json};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::time::timeout;
use understudy_ledger::{
    Entry, Expected, Key, KeyError, Ledger, LedgerError, Outcome, PAGE_ENTRIES_MAX, Prefix, Revision, Txn,
};
use understudy_plan::event::LedgerAnswer;
use understudy_plan::intent::Expected as PlanExpected;
use understudy_plan::key::{LedgerEntry, LoadError, PREFIXES};
use understudy_plan::{Durable, Intent};

const LEADER: &str = "/v1/controller/leader";
const PROBE: &str = "/v1/controller/probe";
/// Where events are that are stored and not told yet.
const UNTOLD: &str = "/v1/untold/";
/// Others may try to lead at the same time; more than that is no accident.
const LEAD_ATTEMPTS_MAX: usize = 3;

/// Why the ledger cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    #[error("cannot read the takeovers in the ledger")]
    Ledger(#[from] LedgerError),
    #[error("the ledger holds takeovers that cannot be understood")]
    Load(#[from] LoadError),
    #[error("a name in the ledger is not a key")]
    Key(#[from] KeyError),
    #[error("another agent leads this site")]
    Deposed,
    #[error("others take the lead of this site again and again")]
    Crowded,
    #[error("an event that was stored and not told cannot be understood")]
    Untold(#[source] serde_json::Error),
    #[error("the ledger did not answer within {} s", .0.as_secs())]
    Late(Duration),
}

/// How a transaction ended, and whether this agent was found not to lead any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ended {
    pub answer: LedgerAnswer,
    pub is_deposed: bool,
}

/// A name for an agent that nobody else has.
pub fn own_name() -> String {
    static AGENTS: AtomicU64 = AtomicU64::new(0);
    let number = AGENTS.fetch_add(1, Ordering::Relaxed);
    format!("{}-{number}-{}", std::process::id(), Timestamp::now().as_nanosecond())
}

/// Takes the lead from whoever had it: their transactions are refused from now on. The revision is this lead's name.
pub async fn lead(ledger: &dyn Ledger, own: &str) -> Result<Revision, StoreError> {
    take_lead(ledger, own, |_| true).await
}

/// Takes it anew, so that what was sent under the old one and may still be under way never lands. An agent that was
/// followed by another does not get it back.
pub async fn lead_again(ledger: &dyn Ledger, own: &str) -> Result<Revision, StoreError> {
    take_lead(ledger, own, |entry| is_own(entry, own)).await
}

async fn take_lead(
    ledger: &dyn Ledger,
    own: &str,
    may_end: impl Fn(&Entry) -> bool,
) -> Result<Revision, StoreError> {
    let leader = leader();
    for _ in 0..LEAD_ATTEMPTS_MAX {
        if let Some(before) = ledger.get(&leader).await? {
            if !may_end(&before) {
                return Err(StoreError::Deposed);
            }
            let end =
                Txn::new().when(leader.clone(), Expected::Modified(before.modified)).delete(leader.clone());
            ledger.txn(end).await?;
        }
        let value = json!({ "agent": own, "since": Timestamp::now() });
        let begin = Txn::new().when(leader.clone(), Expected::Absent).put(leader.clone(), value);
        if let Outcome::Committed(revision) = ledger.txn(begin).await? {
            return Ok(revision);
        }
    }
    Err(StoreError::Crowded)
}

fn is_own(entry: &Entry, own: &str) -> bool {
    entry.value.get("agent").and_then(Value::as_str) == Some(own)
}

/// Reads all durable objects.
pub async fn load(ledger: &dyn Ledger) -> Result<Durable, StoreError> {
    let mut entries = Vec::new();
    for prefix in PREFIXES {
        entries.extend(range(ledger, &prefix.parse()?).await?);
    }
    let entries = entries.into_iter().map(|entry| LedgerEntry {
        key: entry.key.as_str().to_owned(),
        value: entry.value,
        revision: entry.modified,
    });
    Ok(Durable::load(entries)?)
}

/// All entries below a prefix.
pub async fn range(ledger: &dyn Ledger, prefix: &Prefix) -> Result<Vec<Entry>, LedgerError> {
    let mut entries: Vec<Entry> = Vec::new();
    loop {
        let after = entries.last().map(|entry| entry.key.clone());
        let page = ledger.range(prefix, after.as_ref(), PAGE_ENTRIES_MAX).await?;
        entries.extend(page.entries);
        if !page.more {
            return Ok(entries);
        }
    }
}

/// The transaction of an intent, under a lead.
pub fn transaction(intent: &Intent, lead: Revision) -> Result<Txn, StoreError> {
    let mut txn = Txn::new().when(leader(), Expected::Created(lead));
    for compare in &intent.compares {
        let expected = match compare.expected {
            PlanExpected::Absent => Expected::Absent,
            PlanExpected::Modified(revision) => Expected::Modified(revision),
        };
        txn = txn.when(compare.key.to_string().parse()?, expected);
    }
    for write in &intent.writes {
        let key = write.key.to_string().parse()?;
        txn = match &write.object {
            Some(object) => txn.put(key, object.to_value()),
            None => txn.delete(key),
        };
    }
    if !intent.notes.is_empty() {
        let value = serde_json::to_value(&intent.notes).map_err(StoreError::Untold)?;
        txn = txn.put(untold_key(intent, lead)?, value);
    }
    Ok(txn)
}

/// Where the notes of an intent wait to be told; later ones behind earlier ones.
pub fn untold_key(intent: &Intent, lead: Revision) -> Result<Key, KeyError> {
    untold().key(&format!("{lead:020}.{:020}", intent.ticket.0))
}

/// Where all notes wait.
pub fn untold() -> Prefix {
    UNTOLD.parse().expect("a constant that follows the rules of prefixes")
}

/// Commits. Nobody knows how a transaction ended that is late or failed.
pub async fn commit(ledger: &dyn Ledger, own: &str, txn: Txn, longest: Duration) -> Ended {
    let ended = async {
        match ledger.txn(txn).await? {
            Outcome::Committed(revision) => {
                Ok::<_, LedgerError>(Ended { answer: LedgerAnswer::Stored { revision }, is_deposed: false })
            }
            Outcome::Refused(key) if key == leader() => {
                // This agent itself may have taken the lead anew meanwhile.
                let leads = ledger.get(&key).await?;
                let is_deposed = leads.is_some_and(|entry| !is_own(&entry, own));
                Ok(Ended { answer: LedgerAnswer::Lost, is_deposed })
            }
            Outcome::Refused(_) => Ok(Ended { answer: LedgerAnswer::Lost, is_deposed: false }),
        }
    };
    match timeout(longest, ended).await {
        Ok(Ok(ended)) => ended,
        Ok(Err(
            LedgerError::KeyTwice(_) | LedgerError::OperationsTooMany(_) | LedgerError::ValueTooLarge { .. },
        )) => Ended { answer: LedgerAnswer::Lost, is_deposed: false },
        Ok(Err(_)) | Err(_) => Ended { answer: LedgerAnswer::Unknown, is_deposed: false },
    }
}

/// Whether the ledger answers and this lead stands. `is_written` asks for a real write: a full disk still reads.
pub async fn probe(
    ledger: &dyn Ledger,
    own: &str,
    lead: Revision,
    is_written: bool,
    longest: Duration,
) -> Ended {
    let mut txn = Txn::new().when(leader(), Expected::Created(lead));
    if is_written {
        let key = PROBE.parse().expect("a constant that follows the rules of keys");
        txn = txn.put(key, json!({ "at": Timestamp::now() }));
    }
    commit(ledger, own, txn, longest).await
}

fn leader() -> Key {
    LEADER.parse().expect("a constant that follows the rules of keys")
}
