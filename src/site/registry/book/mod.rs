//! The nodes and the ledger, changed together.

mod answers;

use super::same_machine::Claims;
use super::standing::Standings;
use super::wishes::Wishes;
use super::{OperatorError, Rules, tokens};
use crate::access::{Actor, Tokens};
use crate::events::{self, About, Chain, EventKind, EventsError};
use crate::lifecycle::{self, Effect, Event, Live, Moment, Node, Wanted};
use crate::shelf::Shelf;
use crate::view::NodeView;
use jiff::Timestamp;
use std::collections::BTreeMap;
use std::sync::Arc;
use tokio::sync::watch;
use tracing::{error, info};
use understudy_core::base::causes::with_causes;
use understudy_core::model::id::NodeId;
use understudy_ledger::{
    Expected, Key, KeyError, Ledger, LedgerError, Outcome, PAGE_ENTRIES_MAX, Prefix, Revision, Txn,
};

/// Why the book cannot be opened or written.
#[derive(Debug, thiserror::Error)]
pub enum BookError {
    #[error("cannot use the ledger")]
    Ledger(#[from] LedgerError),
    #[error(transparent)]
    Events(#[from] EventsError),
    #[error("the node in {key} of the ledger is not understood")]
    Node {
        key: Key,
        #[source]
        source: serde_json::Error,
    },
    #[error("the token in {key} of the ledger is not understood")]
    Token {
        key: Key,
        #[source]
        source: serde_json::Error,
    },
    #[error("cannot name an entry of the ledger")]
    Key(#[from] KeyError),
    #[error("{0} was changed in the ledger by somebody else")]
    Moved(Key),
    #[error("the kernel gives no random bytes")]
    Random,
}

/// A node and the revision at which the ledger has it; none while it is new.
#[derive(Clone, Debug)]
struct Kept {
    node: Node,
    revision: Option<Revision>,
}

/// Something that happened, on its way to the events.
#[derive(Clone, Debug)]
pub struct Record {
    pub kind: EventKind,
    pub text: String,
    /// The operator who wanted it.
    pub by: Option<Actor>,
}

/// Something that happened, about anything.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    pub kind: EventKind,
    pub about: About,
    pub text: String,
}

pub struct Book {
    ledger: Arc<dyn Ledger>,
    rules: Rules,
    shelf: watch::Receiver<Arc<Shelf>>,
    wishes: Wishes,
    standings: Standings,
    tokens: Tokens,
    nodes: BTreeMap<NodeId, Kept>,
    chain: Chain,
    /// After a write of which nobody knows whether it happened, everything is read again first.
    is_stale: bool,
}

fn nodes_prefix() -> Prefix {
    "/v1/node/".parse().expect("a constant that follows the rules of prefixes")
}

impl Book {
    pub async fn open(
        ledger: Arc<dyn Ledger>,
        rules: Rules,
        shelf: watch::Receiver<Arc<Shelf>>,
        wishes: Wishes,
        standings: Standings,
        tokens: Tokens,
    ) -> Result<Self, BookError> {
        let chain = Chain::read(&*ledger).await?;
        let nodes = BTreeMap::new();
        let mut book = Self { ledger, rules, shelf, wishes, standings, tokens, nodes, chain, is_stale: true };
        book.refresh().await?;
        Ok(book)
    }

    /// Reads everything again if the last write's end is unknown.
    pub async fn refresh(&mut self) -> Result<(), BookError> {
        if !self.is_stale {
            return Ok(());
        }
        self.chain = Chain::read(&*self.ledger).await?;
        self.tokens.set(tokens::read(&*self.ledger).await?);
        let (now, mut nodes, mut after) = (Timestamp::now(), BTreeMap::new(), None);
        loop {
            let page = self.ledger.range(&nodes_prefix(), after.as_ref(), PAGE_ENTRIES_MAX).await?;
            after = page.entries.last().map(|entry| entry.key.clone());
            for entry in page.entries {
                let mut node: Node = serde_json::from_value(entry.value)
                    .map_err(|source| BookError::Node { key: entry.key, source })?;
                let live = self.nodes.get(&node.id).map(|kept| kept.node.live.clone());
                node.live = live.unwrap_or_else(|| Live::from(now));
                nodes.insert(node.id.clone(), Kept { node, revision: Some(entry.modified) });
            }
            if !page.more {
                break;
            }
        }
        self.nodes = nodes;
        self.is_stale = false;
        self.publish_wishes();
        self.standings.set(self.nodes.values().map(|kept| &kept.node));
        Ok(())
    }

    pub async fn order(&mut self, id: &NodeId, event: Event, by: &Actor) -> Result<NodeView, OperatorError> {
        self.refresh().await.map_err(|error| {
            error!(error = with_causes(&error), "cannot read the ledger");
            OperatorError::of(&error)
        })?;
        let kept = self.nodes.get(id).cloned().ok_or_else(|| OperatorError::NoSuchNode(id.clone()))?;
        let (after, effects) = lifecycle::step(kept.node.clone(), event, &self.moment(String::new()));
        if let Some(Effect::Decline(reason)) =
            effects.iter().find(|effect| matches!(effect, Effect::Decline(_)))
        {
            return Err(OperatorError::Declined(reason.clone()));
        }
        let records = recorded(&effects, Some(by));
        self.store(kept, after, records, false).await.map_err(|error| {
            error!(node = %id, error = with_causes(&error), "cannot store an operator's order");
            OperatorError::of(&error)
        })?;
        self.view(id).ok_or_else(|| OperatorError::NoSuchNode(id.clone()))
    }

    /// Looks at every node's deadlines.
    pub async fn tick(&mut self) {
        if let Err(error) = self.try_tick().await {
            error!(error = with_causes(&error), "cannot look at deadlines");
        }
    }

    async fn try_tick(&mut self) -> Result<(), BookError> {
        self.refresh().await?;
        let moment = self.moment(String::new());
        for id in self.nodes.keys().cloned().collect::<Vec<_>>() {
            let Some(kept) = self.nodes.get(&id).cloned() else { continue };
            let (after, effects) = lifecycle::step(kept.node.clone(), Event::Clock, &moment);
            let records = recorded(&effects, None);
            let is_forgotten = effects.contains(&Effect::Forget);
            self.store(kept, after, records, is_forgotten).await?;
        }
        Ok(())
    }

    /// Adds an event about no node.
    pub async fn record(&mut self, kind: EventKind, text: &str) -> Result<(), BookError> {
        self.refresh().await?;
        self.commit_with(Txn::new(), None, &[Record { kind, text: text.to_owned(), by: None }]).await?;
        Ok(())
    }

    pub fn views(&self) -> Vec<NodeView> {
        let claims = Claims::of(self.nodes.values().map(|kept| &kept.node));
        let view = |kept: &Kept| NodeView::of(&kept.node, &claims.attention(&kept.node));
        let mut views: Vec<NodeView> = self.nodes.values().map(view).collect();
        views.sort_by(|a, b| (a.enrolled, &a.id).cmp(&(b.enrolled, &b.id)));
        views
    }

    /// The tokens of the site's operators.
    pub fn tokens(&self) -> &Tokens {
        &self.tokens
    }

    pub fn event_count(&self) -> u64 {
        self.chain.len()
    }

    fn view(&self, id: &NodeId) -> Option<NodeView> {
        let claims = Claims::of(self.nodes.values().map(|kept| &kept.node));
        let node = &self.nodes.get(id)?.node;
        Some(NodeView::of(node, &claims.attention(node)))
    }

    fn moment(&self, images_url: String) -> Moment {
        let wanted = self
            .shelf
            .borrow()
            .wanted(&self.rules.image)
            .map(|image| Wanted { image: image.reference(), disk_bytes: image.disk_bytes() });
        Moment {
            now: Timestamp::now(),
            wanted,
            disk: self.rules.disk.clone(),
            foreign_data: self.rules.foreign_data,
            is_expected: false,
            images_url,
        }
    }

    /// Stores what changed of a node together with its events. What is only seen is not stored.
    async fn store(
        &mut self,
        before: Kept,
        after: Node,
        records: Vec<Record>,
        is_forgotten: bool,
    ) -> Result<(), BookError> {
        let id = after.id.clone();
        let json = |node: &Node| serde_json::to_value(node).expect("our own struct has string keys");
        let value = json(&after);
        let mut revision = before.revision;
        let is_changed = before.revision.is_none() || value != json(&before.node) || is_forgotten;
        if is_changed || !records.is_empty() {
            let key = nodes_prefix().key(id.as_str())?;
            let expected = before.revision.map_or(Expected::Absent, Expected::Modified);
            let mut txn = Txn::new().when(key.clone(), expected);
            txn = match (is_changed, is_forgotten) {
                (_, true) => txn.delete(key),
                (true, false) => txn.put(key, value),
                (false, false) => txn,
            };
            let committed = self.commit_with(txn, Some(&id), &records).await?;
            revision = if is_changed { Some(committed) } else { before.revision };
        }
        let moves =
            before.node.state != after.state || before.node.mac != after.mac || before.revision.is_none();
        // A node is forgotten only before it was approved: then it has no standing.
        self.standings.set_one(&after);
        match is_forgotten {
            true => drop(self.nodes.remove(&id)),
            false => drop(self.nodes.insert(id.clone(), Kept { node: after, revision })),
        }
        for Record { kind, text, .. } in &records {
            info!(node = %id, ?kind, text, "a node's event");
        }
        if moves || is_forgotten {
            self.publish_wishes();
        }
        Ok(())
    }

    /// Changes the ledger and adds events about a node, both or neither.
    pub async fn commit_with(
        &mut self,
        txn: Txn,
        node: Option<&NodeId>,
        records: &[Record],
    ) -> Result<Revision, BookError> {
        let note = |record: &Record| {
            let by = record.by.as_ref().map(ToString::to_string);
            let about = About { node: node.cloned(), by, ..About::default() };
            Note { kind: record.kind, about, text: record.text.clone() }
        };
        self.commit_noted(txn, &records.iter().map(note).collect::<Vec<_>>()).await
    }

    /// Changes the ledger and adds events about anything, both or neither.
    pub async fn commit_noted(&mut self, mut txn: Txn, notes: &[Note]) -> Result<Revision, BookError> {
        let mut chain = self.chain;
        for Note { kind, about, text } in notes {
            let (event, next) = chain.next(Timestamp::now(), *kind, about.clone(), text);
            let key = events::key(event.seq)?;
            let value = serde_json::to_value(&event).expect("our own struct has string keys");
            txn = txn.when(key.clone(), Expected::Absent).put(key, value);
            chain = next;
        }
        // Until the answer is here, nobody knows whether it happened.
        self.is_stale = true;
        match self.ledger.txn(txn).await? {
            Outcome::Committed(revision) => {
                (self.is_stale, self.chain) = (false, chain);
                Ok(revision)
            }
            Outcome::Refused(key) => Err(BookError::Moved(key)),
        }
    }

    fn publish_wishes(&self) {
        self.wishes.set(self.nodes.values().map(|kept| &kept.node));
    }
}

fn recorded(effects: &[Effect], by: Option<&Actor>) -> Vec<Record> {
    let record = |effect: &Effect| match effect {
        Effect::Record(kind, text) => Some(Record { kind: *kind, text: text.clone(), by: by.cloned() }),
        _ => None,
    };
    effects.iter().filter_map(record).collect()
}
