//! What follows from a step, done: transactions, BMCs, the journal, what nodes are told. All of it as tasks with a
//! deadline; how they end comes back to the loop.

use crate::driver::{Happened, PAGES_MAX, Rack};
use crate::facts::Facts;
use crate::gateway::Gateway;
use crate::journal::{self, JournalError, Told};
use crate::redfish::{Patience, Power, Redfish, RedfishError, Reset, Word};
use crate::store::{self, Ended, StoreError};
use crate::view::PageView;
use jiff::Timestamp;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Instant, timeout};
use tracing::{error, info, warn};
use understudy_core::base::causes::with_causes;
use understudy_core::model::id::NodeId;
use understudy_ledger::{Key, Ledger, Revision};
use understudy_plan::effect::{Instruction, Note};
use understudy_plan::event::{BmcAnswer, LedgerAnswer, Power as PlanPower, Reach};
use understudy_plan::intent::Ticket;
use understudy_plan::{Durable, Effect, Event, Intent};

/// How often the agent looks whether it is the one that is cut off.
const STANDING_EVERY: Duration = Duration::from_secs(1);
/// Pause after a read of everything that failed.
const REREAD_PAUSE: Duration = Duration::from_millis(500);
/// Pause after the journal failed.
const TELL_PAUSE: Duration = Duration::from_secs(1);
/// How long the gateway may take.
const GATEWAY_MAX: Duration = Duration::from_millis(500);

impl Rack {
    pub(crate) fn perform(&mut self, effect: Effect) {
        match effect {
            Effect::Store(intent) => self.store(*intent),
            Effect::Reread(ticket) => self.read_again(ticket),
            Effect::Answer(instruction) | Effect::Instruct(instruction) => self.order(instruction),
            Effect::Probe { node, via } => self.probe(&node, via),
            Effect::AskPower { node, asked } => self.ask_power(node, asked),
            Effect::PowerOff { node, identity, epoch, fence, attempt } => {
                warn!(%node, %identity, %epoch, fence, attempt, "the node is powered off");
                self.power_off(node);
            }
            Effect::Record(note) => self.record(Told { notes: vec![note], stored: None }),
            Effect::Page(note) => self.page(&note),
            Effect::Reply { id, reply } => self.reply(id, reply),
            Effect::Measure(metric) => self.shared.metrics.measure(&metric),
        }
    }

    fn order(&mut self, instruction: Instruction) {
        let Instruction { node, boot, order, .. } = instruction;
        self.orders.insert(node, (boot, order));
    }

    /// Peers look for the node as long as the plan says it again, and one sighting longer.
    fn probe(&mut self, node: &NodeId, via: Vec<NodeId>) {
        let until = Instant::now() + self.config.timings.sighting_max;
        for peer in via {
            self.probes.entry(peer).or_default().insert(node.clone(), until);
        }
    }

    fn store(&mut self, intent: Intent) {
        info!(purpose = intent.purpose, ticket = intent.ticket.0, "a transaction");
        let (ledger, own) = (Arc::clone(&self.ledger), Arc::clone(&self.own));
        let longest = self.config.timings.ledger_answer_max;
        let txn = store::transaction(&intent, self.lead);
        let untold = store::untold_key(&intent, self.lead).ok().filter(|_| !intent.notes.is_empty());
        self.tasks.spawn(async move {
            let ended = match txn {
                Ok(txn) => store::commit(&*ledger, &own, txn, longest).await,
                Err(failure) => {
                    error!(error = with_causes(&failure), "a transaction cannot be written down");
                    Ended { answer: LedgerAnswer::Lost, is_deposed: false }
                }
            };
            Happened::Stored { ended, intent: Box::new(intent), untold }
        });
    }

    pub(crate) fn stored(&mut self, ended: Ended, intent: Intent, untold: Option<Key>) {
        let ticket = intent.ticket;
        let (name, has_failed) = match ended.answer {
            LedgerAnswer::Stored { .. } => ("stored", false),
            LedgerAnswer::Lost => ("lost", false),
            LedgerAnswer::Unknown => ("unknown", true),
        };
        self.shared.metrics.transaction(name);
        self.standing.has_write_failed = has_failed;
        if matches!(ended.answer, LedgerAnswer::Stored { .. }) && !intent.notes.is_empty() {
            self.record(Told { notes: intent.notes, stored: untold });
        }
        if has_failed {
            warn!(purpose = intent.purpose, "nobody knows whether the ledger took a transaction");
            self.ask_standing();
        }
        self.depose(ended.is_deposed);
        self.happened(Event::Ledger { ticket, answer: ended.answer });
    }

    fn read_again(&mut self, ticket: Ticket) {
        self.standing.rereading = Some(ticket);
        self.standing.reread_at = None;
        let (ledger, own) = (Arc::clone(&self.ledger), Arc::clone(&self.own));
        let longest = self.config.timings.ledger_answer_max;
        self.tasks.spawn(async move {
            let read = timeout(longest, read_all(&*ledger, &own)).await;
            Happened::Reread { ticket, read: read.unwrap_or(Err(StoreError::Late(longest))) }
        });
    }

    pub(crate) fn reread(&mut self, ticket: Ticket, read: Result<ReadAgain, StoreError>) {
        if self.standing.rereading != Some(ticket) {
            return;
        }
        match read {
            Ok(ReadAgain { lead, durable, untold }) => {
                (self.lead, self.standing.rereading) = (lead, None);
                self.waiting.find(untold);
                self.happened(Event::Reread { ticket, durable });
            }
            Err(StoreError::Deposed) => self.depose(true),
            Err(failure) => {
                warn!(error = with_causes(&failure), "the ledger cannot be read again");
                self.standing.reread_at = Some(Instant::now() + REREAD_PAUSE);
            }
        }
    }

    /// What is due by time alone.
    pub(crate) fn look_after(&mut self) {
        let now = Instant::now();
        if self.standing.asked.is_none_or(|asked| now >= asked + STANDING_EVERY) {
            self.ask_standing();
        }
        if let Some(ticket) = self.standing.rereading
            && self.standing.reread_at.take_if(|at| now >= *at).is_some()
        {
            self.read_again(ticket);
        }
        if self.tell_after.is_none_or(|after| now >= after)
            && let Some(told) = self.waiting.take_next()
        {
            let (journal, ledger) = (Arc::clone(&self.journal), Arc::clone(&self.ledger));
            self.tasks.spawn(async move {
                let told = timeout(journal::ANSWER_MAX, journal::tell(journal, ledger, told)).await;
                let told = told.unwrap_or_else(|late| Err(JournalError(Box::new(late))));
                if let Err(failure) = &told {
                    error!(error = with_causes(failure), "an event cannot be told");
                }
                Happened::Told(told.is_ok())
            });
        }
    }

    pub(crate) fn told(&mut self, is_told: bool) {
        self.waiting.ended(is_told);
        self.tell_after = self.waiting.has_failed().then(|| Instant::now() + TELL_PAUSE);
    }

    fn record(&mut self, told: Told) {
        for note in &told.notes {
            let Note { kind, node, identity, epoch, text } = note;
            info!(?kind, ?node, ?identity, ?epoch, text, "told");
        }
        self.waiting.push(told);
        self.shared.metrics.notes_lost(self.waiting.lost);
    }

    fn page(&mut self, note: &Note) {
        error!(kind = ?note.kind, text = note.text, "somebody should look");
        self.journal.page(note);
        self.pages.push_front(PageView { at: Timestamp::now(), text: note.text.clone() });
        self.pages.truncate(PAGES_MAX);
    }

    /// Ledger and gateway, one question at a time.
    fn ask_standing(&mut self) {
        if self.standing.is_asking || self.standing.is_deposed {
            return;
        }
        (self.standing.is_asking, self.standing.asked) = (true, Some(Instant::now()));
        let (ledger, own) = (Arc::clone(&self.ledger), Arc::clone(&self.own));
        let (lead, gateway) = (self.lead, self.config.gateway);
        let (longest, was_written) = (self.config.timings.ledger_answer_max, self.standing.has_write_failed);
        self.tasks.spawn(async move {
            let (ledger, gateway) = tokio::join!(
                store::probe(&*ledger, &own, lead, was_written, longest),
                gateway_answers(gateway)
            );
            Happened::Standing { ledger, gateway, was_written }
        });
    }

    pub(crate) fn stands(&mut self, ledger: Ended, gateway: Result<bool, String>, was_written: bool) {
        self.standing.is_asking = false;
        let is_stored = matches!(ledger.answer, LedgerAnswer::Stored { .. });
        // A write that failed after the question was asked is not made good by it.
        if is_stored && was_written {
            self.standing.has_write_failed = false;
        }
        let gateway = match gateway {
            Ok(answers) => {
                self.standing.gateway_problem = None;
                answers
            }
            Err(problem) => {
                self.standing.gateway_problem = Some(problem);
                false
            }
        };
        self.depose(ledger.is_deposed);
        if self.standing.has_write_failed && !was_written {
            self.ask_standing();
        }
        // Refused without having been followed: this agent has just taken the lead anew, and the ledger answers.
        let has_answered = ledger.answer != LedgerAnswer::Unknown;
        let is_usable = has_answered && !self.standing.has_write_failed && !self.standing.is_deposed;
        self.reach(Reach { ledger: is_usable, gateway });
    }

    /// Another agent took the lead: this one never does anything again.
    fn depose(&mut self, is_deposed: bool) {
        if is_deposed && !self.standing.is_deposed {
            error!("another agent leads this site; this one does nothing any more");
            self.standing.is_deposed = true;
            self.reach(Reach { ledger: false, ..self.standing.reach });
        }
    }

    fn reach(&mut self, reach: Reach) {
        if reach != self.standing.reach {
            info!(ledger = reach.ledger, gateway = reach.gateway, "what this agent reaches has changed");
        }
        self.standing.reach = reach;
        self.happened(Event::Reach(reach));
    }

    /// Clients for the BMCs that are new, or that changed.
    pub(crate) fn make_bmcs(&mut self, before: &Facts) {
        let known = &self.known;
        self.bmcs.retain(|id, _| known.get(id).is_some_and(|facts| !facts.is_retired && facts.bmc.is_some()));
        self.bmc_words.retain(|id, _| known.contains_key(id));
        let Some(login) = &self.config.login else { return };
        let half = self.config.timings.bmc_answer_max / 2;
        let patience = Patience { connect_max: half, answer_max: half };
        for (id, facts) in &self.known {
            let was = before.get(id);
            let is_same = was.is_some_and(|was| was.bmc == facts.bmc && was.uuid == facts.uuid);
            let Some(bmc) = facts.bmc.as_ref().filter(|_| !facts.is_retired) else { continue };
            if is_same && self.bmcs.contains_key(id) {
                continue;
            }
            let uuid = facts.uuid.clone();
            match Redfish::new(bmc.url.clone(), bmc.certificate, login.clone(), patience, uuid) {
                Ok(client) => drop(self.bmcs.insert(id.clone(), Arc::new(client))),
                Err(failure) => {
                    self.bmcs.remove(id);
                    error!(node = %id, error = with_causes(&failure), "the node's BMC cannot be used");
                }
            }
        }
    }

    fn ask_power(&mut self, node: NodeId, asked: Duration) {
        self.with_bmc(node, |bmc| async move {
            match bmc.look().await {
                Ok(seen) => {
                    let (power, word) = match seen.power {
                        Power::On => (PlanPower::On, Word::On.to_string()),
                        Power::Off => (PlanPower::Off, Word::Off.to_string()),
                        Power::Other => (PlanPower::Other, "changing".to_owned()),
                    };
                    let word = if bmc.is_ours(&seen) { word } else { Word::OtherMachine.to_string() };
                    (BmcAnswer::Power { asked, power, uuid: seen.uuid }, word)
                }
                Err(failure) => failed(&failure),
            }
        });
    }

    fn power_off(&mut self, node: NodeId) {
        self.with_bmc(node, |bmc| async move {
            match bmc.order(Reset::ForceOff).await {
                Ok(()) => (BmcAnswer::Accepted, Word::Accepted.to_string()),
                Err(failure) => failed(&failure),
            }
        });
    }

    fn with_bmc<F>(&mut self, node: NodeId, ask: impl FnOnce(Arc<Redfish>) -> F)
    where
        F: Future<Output = (BmcAnswer, String)> + Send + 'static,
    {
        let Some(bmc) = self.bmcs.get(&node).cloned() else {
            let why = "there is no way to use it: the site file names no login, or no trust".to_owned();
            self.tasks.spawn(async move {
                Happened::Event(Event::Bmc { node, answer: BmcAnswer::Failed { why } })
            });
            return;
        };
        let longest = self.config.timings.bmc_answer_max;
        let asked = timeout(longest, ask(bmc));
        self.tasks.spawn(async move {
            let late = || {
                (
                    BmcAnswer::Failed { why: "it did not answer in time".to_owned() },
                    Word::Unreachable.to_string(),
                )
            };
            let (answer, word) = asked.await.unwrap_or_else(|_| late());
            Happened::Bmc { event: Event::Bmc { node: node.clone(), answer }, node, word }
        });
    }
}

/// Everything, read again under a lead that was taken anew.
pub(crate) struct ReadAgain {
    lead: Revision,
    durable: Box<Durable>,
    /// What is stored and was not told.
    untold: Vec<Told>,
}

async fn read_all(ledger: &dyn Ledger, own: &str) -> Result<ReadAgain, StoreError> {
    let lead = store::lead_again(ledger, own).await?;
    let durable = Box::new(store::load(ledger).await?);
    Ok(ReadAgain { lead, durable, untold: journal::stored(ledger).await? })
}

fn failed(failure: &RedfishError) -> (BmcAnswer, String) {
    (BmcAnswer::Failed { why: with_causes(failure) }, failure.word().to_string())
}

async fn gateway_answers(gateway: Gateway) -> Result<bool, String> {
    if gateway == Gateway::None {
        return Ok(true);
    }
    let asked = tokio::task::spawn_blocking(move || gateway.answers(GATEWAY_MAX)).await;
    match asked {
        Ok(answered) => answered.map_err(|error| format!("cannot ask the gateway: {error}")),
        Err(broken) => Err(format!("cannot ask the gateway: {broken}")),
    }
}
