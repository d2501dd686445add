//! What a node that speaks is answered: who it is, what changed with that, what it should do now.

use super::super::same_machine::Claims;
use super::super::{HelloRequest, NodeAnswer, NodeError, ReportRequest};
use super::{Book, BookError, Kept, Record, recorded};
use crate::events::EventKind;
use crate::lifecycle::{self, Effect, Event, Node, State};
use jiff::Timestamp;
use tracing::error;
use understudy_core::base::causes::with_causes;
use understudy_core::model::id::NodeId;
use understudy_core::model::ssh_key::SshPublicKey;
use understudy_core::protocol::instruction::{Action, Instruction};
use understudy_core::protocol::inventory::Inventory;
use understudy_core::protocol::report::Hello;

/// Machines that nobody approved; a stranger can make up as many keys as it likes.
const DISCOVERED_MAX: usize = 256;
/// Bytes of a nonce: not to be guessed.
const NONCE_BYTES: usize = 16;

impl Book {
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
        records.extend(recorded(&effects, None));
        self.instruct(kept, after, records, effects).await
    }

    pub async fn report(&mut self, request: ReportRequest) -> NodeAnswer<Instruction> {
        self.refresh().await.map_err(|error| told(&error))?;
        let ReportRequest { id, address, report, images_url } = request;
        let Some(kept) = self.nodes.get(&id).cloned() else {
            return Ok(Instruction {
                action: Action::Greet,
                nonce: String::new(),
                report_in_ms: 1000,
                operator_keys: None,
            });
        };
        let moment = self.moment(images_url);
        let (after, effects) = lifecycle::step(kept.node.clone(), Event::Report { report, address }, &moment);
        let records = recorded(&effects, None);
        self.instruct(kept, after, records, effects).await
    }

    /// A machine with a key that was never seen.
    fn discover(&self, id: &NodeId, code: Option<String>, hello: &Hello) -> NodeAnswer<(Kept, Vec<Record>)> {
        let waiting = self.nodes.values().filter(|kept| kept.node.state == State::Discovered).count();
        if waiting >= DISCOVERED_MAX {
            return Err(NodeError::Crowded);
        }
        let code = code.ok_or(NodeError::CodeNeeded)?;
        let text =
            format!("a machine with serial {} asks to join, code {code}", hello.inventory.system.serial);
        let node = Node::discovered(id.clone(), code, hello, Timestamp::now());
        let mut records = vec![Record { kind: EventKind::Discovered, text, by: None }];
        let claims = Claims::of(self.nodes.values().map(|kept| &kept.node));
        let same = |text| Record { kind: EventKind::SameMachine, text, by: None };
        let same = claims.attention(&node).into_iter().map(same);
        records.extend(same);
        Ok((Kept { node, revision: None }, records))
    }

    /// Nobody is approved by a serial that two keys claim: one of them is not that machine.
    fn is_expected(&self, node: &Node, inventory: &Inventory) -> bool {
        let asking = Node { inventory: inventory.clone(), ..node.clone() };
        let claims = Claims::of(self.nodes.values().map(|kept| &kept.node));
        self.rules.serials.contains(&inventory.system.serial) && claims.others(&asking).is_empty()
    }

    async fn instruct(
        &mut self,
        kept: Kept,
        after: Node,
        records: Vec<Record>,
        effects: Vec<Effect>,
    ) -> NodeAnswer<Instruction> {
        let (nonce, report_in_ms) = (after.nonce.clone(), report_in_ms(&after.state));
        let operator_keys = self.operator_keys(&after);
        self.store(kept, after, records, false).await.map_err(|error| told(&error))?;
        let action = effects.into_iter().find_map(|effect| match effect {
            Effect::Answer(action) => Some(action),
            _ => None,
        });
        let action = action.unwrap_or(Action::Wait { reason: "nothing to do".to_owned() });
        Ok(Instruction { action, nonce, report_in_ms, operator_keys })
    }

    /// Who may log in to a node. Of one that is still to be approved the site knows nothing: it may be a node of ours
    /// whose approval was lost, and its operators are not locked out by that.
    fn operator_keys(&self, node: &Node) -> Option<Vec<SshPublicKey>> {
        match node.state {
            State::Discovered => None,
            State::Retired => Some(Vec::new()),
            _ => node.is_approved().then(|| self.rules.operator_keys.clone()),
        }
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
