//! The nodes and the ledger, changed together.

use super::same_machine::Claims;
use super::wishes::Wishes;
use super::{HelloRequest, NodeAnswer, NodeError, OperatorError, ReportRequest, Rules};
use crate::events::{self, Chain, EventKind, EventsError};
use crate::lifecycle::{self, Effect, Event, Live, Moment, Node, State, Wanted};
use crate::shelf::Shelf;
use crate::view::NodeView;
use jiff::Timestamp;
use std::collections::BTreeMap;
use std::sync::Arc;
use tokio::sync::watch;
use tracing::{error, info};
use understudy_core::base::causes::with_causes;
use understudy_core::model::id::NodeId;
use understudy_core::protocol::instruction::{Action, Instruction};
use understudy_ledger::{
    Expected, Key, KeyError, Ledger, LedgerError, Outcome, PAGE_ENTRIES_MAX, Prefix, Revision, Txn,
};

/// Machines that nobody approved; a stranger can make up as many keys as it likes.
const DISCOVERED_MAX: usize = 256;
/// Bytes of a nonce: not to be guessed.
const NONCE_BYTES: usize = 16;

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

pub struct Book {
    ledger: Arc<dyn Ledger>,
    rules: Rules,
    shelf: watch::Receiver<Arc<Shelf>>,
    wishes: Wishes,
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
    ) -> Result<Self, BookError> {
        let chain = Chain::read(&*ledger).await?;
        let mut book = Self { ledger, rules, shelf, wishes, nodes: BTreeMap::new(), chain, is_stale: true };
        book.refresh().await?;
        Ok(book)
    }

    /// Reads everything again if the last write's end is unknown.
    async fn refresh(&mut self) -> Result<(), BookError> {
        if !self.is_stale {
            return Ok(());
        }
        self.chain = Chain::read(&*self.ledger).await?;
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
        Ok(())
    }

    pub async fn hello(&mut self, request: HelloRequest) -> NodeAnswer<Instruction> {
        self.refresh().await.map_err(|error| told(&error))?;
        let HelloRequest { id, code, address, hello, images_url } = request;
        let (kept, mut records) = match self.nodes.get(&id) {
            Some(kept) => (kept.clone(), Vec::new()),
            None => self.discover(&id, code, &hello)?,
        };
        let nonce = nonce().map_err(|error| told(&error))?;
        let mut moment = self.moment(images_url);
        moment.is_expected = self.is_expected(&kept.node, &hello.inventory);
        let event = Event::Hello { hello: Box::new(hello), address, nonce };
        let (after, effects) = lifecycle::step(kept.node.clone(), event, &moment);
        records.extend(effects.iter().filter_map(recorded));
        self.instruct(kept, after, records, effects).await
    }

    pub async fn report(&mut self, request: ReportRequest) -> NodeAnswer<Instruction> {
        self.refresh().await.map_err(|error| told(&error))?;
        let ReportRequest { id, address, report, images_url } = request;
        let Some(kept) = self.nodes.get(&id).cloned() else {
            return Ok(Instruction { action: Action::Greet, nonce: String::new(), report_in_ms: 1000 });
        };
        let moment = self.moment(images_url);
        let (after, effects) = lifecycle::step(kept.node.clone(), Event::Report { report, address }, &moment);
        let records = effects.iter().filter_map(recorded).collect();
        self.instruct(kept, after, records, effects).await
    }

    pub async fn order(&mut self, id: &NodeId, event: Event) -> Result<NodeView, OperatorError> {
        self.refresh().await.map_err(|error| {
            error!(error = with_causes(&error), "cannot read the ledger");
            OperatorError::Ledger
        })?;
        let kept = self.nodes.get(id).cloned().ok_or_else(|| OperatorError::NoSuchNode(id.clone()))?;
        let (after, effects) = lifecycle::step(kept.node.clone(), event, &self.moment(String::new()));
        if let Some(Effect::Decline(reason)) =
            effects.iter().find(|effect| matches!(effect, Effect::Decline(_)))
        {
            return Err(OperatorError::Declined(reason.clone()));
        }
        let records = effects.iter().filter_map(recorded).collect();
        self.store(kept, after, records, false).await.map_err(|error| {
            error!(node = %id, error = with_causes(&error), "cannot store an operator's order");
            OperatorError::Ledger
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
            let records: Vec<_> = effects.iter().filter_map(recorded).collect();
            let is_forgotten = effects.contains(&Effect::Forget);
            self.store(kept, after, records, is_forgotten).await?;
        }
        Ok(())
    }

    /// Adds an event about no node.
    pub async fn record(&mut self, kind: EventKind, text: &str) -> Result<(), BookError> {
        self.refresh().await?;
        let (txn, chain) = self.with_events(Txn::new(), None, &[(kind, text.to_owned())])?;
        self.commit(txn).await?;
        self.chain = chain;
        Ok(())
    }

    pub fn views(&self) -> Vec<NodeView> {
        let claims = Claims::of(self.nodes.values().map(|kept| &kept.node));
        let view = |kept: &Kept| NodeView::of(&kept.node, &claims.attention(&kept.node));
        let mut views: Vec<NodeView> = self.nodes.values().map(view).collect();
        views.sort_by(|a, b| (a.enrolled, &a.id).cmp(&(b.enrolled, &b.id)));
        views
    }

    pub fn event_count(&self) -> u64 {
        self.chain.len()
    }

    fn view(&self, id: &NodeId) -> Option<NodeView> {
        let claims = Claims::of(self.nodes.values().map(|kept| &kept.node));
        let node = &self.nodes.get(id)?.node;
        Some(NodeView::of(node, &claims.attention(node)))
    }

    /// A machine with a key that was never seen.
    fn discover(
        &self,
        id: &NodeId,
        code: Option<String>,
        hello: &understudy_core::protocol::report::Hello,
    ) -> NodeAnswer<(Kept, Vec<(EventKind, String)>)> {
        let waiting = self.nodes.values().filter(|kept| kept.node.state == State::Discovered).count();
        if waiting >= DISCOVERED_MAX {
            return Err(NodeError::Crowded);
        }
        let code = code.ok_or(NodeError::CodeNeeded)?;
        let text =
            format!("a machine with serial {} asks to join, code {code}", hello.inventory.system.serial);
        let node = Node::discovered(id.clone(), code, hello, Timestamp::now());
        let mut records = vec![(EventKind::Discovered, text)];
        let claims = Claims::of(self.nodes.values().map(|kept| &kept.node));
        let same = claims.attention(&node).into_iter().map(|text| (EventKind::SameMachine, text));
        records.extend(same);
        Ok((Kept { node, revision: None }, records))
    }

    /// Nobody is approved by a serial that two keys claim: one of them is not that machine.
    fn is_expected(&self, node: &Node, inventory: &understudy_core::protocol::inventory::Inventory) -> bool {
        let asking = Node { inventory: inventory.clone(), ..node.clone() };
        let claims = Claims::of(self.nodes.values().map(|kept| &kept.node));
        self.rules.serials.contains(&inventory.system.serial) && claims.others(&asking).is_empty()
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

    async fn instruct(
        &mut self,
        kept: Kept,
        after: Node,
        records: Vec<(EventKind, String)>,
        effects: Vec<Effect>,
    ) -> NodeAnswer<Instruction> {
        let (nonce, report_in_ms) = (after.nonce.clone(), report_in_ms(&after.state));
        self.store(kept, after, records, false).await.map_err(|error| told(&error))?;
        let action = effects.into_iter().find_map(|effect| match effect {
            Effect::Answer(action) => Some(action),
            _ => None,
        });
        let action = action.unwrap_or(Action::Wait { reason: "nothing to do".to_owned() });
        Ok(Instruction { action, nonce, report_in_ms })
    }

    /// Stores what changed of a node together with its events. What is only seen is not stored.
    async fn store(
        &mut self,
        before: Kept,
        after: Node,
        records: Vec<(EventKind, String)>,
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
            let (txn, chain) = self.with_events(txn, Some(&id), &records)?;
            let committed = self.commit(txn).await?;
            self.chain = chain;
            revision = if is_changed { Some(committed) } else { before.revision };
        }
        let moves =
            before.node.state != after.state || before.node.mac != after.mac || before.revision.is_none();
        match is_forgotten {
            true => drop(self.nodes.remove(&id)),
            false => drop(self.nodes.insert(id.clone(), Kept { node: after, revision })),
        }
        for (kind, text) in &records {
            info!(node = %id, ?kind, text, "a node's event");
        }
        if moves || is_forgotten {
            self.publish_wishes();
        }
        Ok(())
    }

    fn with_events(
        &self,
        mut txn: Txn,
        node: Option<&NodeId>,
        records: &[(EventKind, String)],
    ) -> Result<(Txn, Chain), BookError> {
        let mut chain = self.chain;
        for (kind, text) in records {
            let (event, next) = chain.next(Timestamp::now(), *kind, node.cloned(), text);
            let key = events::key(event.seq)?;
            let value = serde_json::to_value(&event).expect("our own struct has string keys");
            txn = txn.when(key.clone(), Expected::Absent).put(key, value);
            chain = next;
        }
        Ok((txn, chain))
    }

    async fn commit(&mut self, txn: Txn) -> Result<Revision, BookError> {
        // Until the answer is here, nobody knows whether it happened.
        self.is_stale = true;
        match self.ledger.txn(txn).await? {
            Outcome::Committed(revision) => {
                self.is_stale = false;
                Ok(revision)
            }
            Outcome::Refused(key) => Err(BookError::Moved(key)),
        }
    }

    fn publish_wishes(&self) {
        self.wishes.set(self.nodes.values().map(|kept| &kept.node));
    }
}

fn recorded(effect: &Effect) -> Option<(EventKind, String)> {
    match effect {
        Effect::Record(kind, text) => Some((*kind, text.clone())),
        _ => None,
    }
}

fn told(error: &BookError) -> NodeError {
    error!(error = with_causes(error), "cannot store what a node said");
    NodeError::Ledger
}

/// How soon a node speaks again: often while something moves, seldom while it rests.
fn report_in_ms(state: &State) -> u64 {
    match state {
        State::Installing { .. } | State::Approved => 2_000,
        State::Discovered | State::Installed { .. } => 3_000,
        State::Spare { .. } | State::Degraded { .. } => 10_000,
        State::Failed { .. } => 15_000,
        State::Retired => 60_000,
    }
}

fn nonce() -> Result<String, BookError> {
    use rustls::crypto::SecureRandom;
    let mut bytes = [0; NONCE_BYTES];
    let random: &dyn SecureRandom = rustls::crypto::ring::default_provider().secure_random;
    random.fill(&mut bytes).map_err(|_| BookError::Random)?;
    Ok(hex::encode(bytes))
}
