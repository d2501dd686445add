//! The loop: what happens becomes an event, the plan makes a step, what follows is done by `executor`. Nothing in it waits
//! but for the next thing to happen.

use crate::executor::ReadAgain;
use crate::facts::{self, Facts};
use crate::gateway::Gateway;
use crate::handle::{Carry, Done, Handle, Refused, Request, Shared, heard};
use crate::heartbeats::Heartbeats;
use crate::journal::{Journal, Waiting};
use crate::metrics::Metrics;
use crate::orders::Snapshot;
use crate::redfish::{Login, Redfish};
use crate::store::{self, StoreError};
use crate::view::{Cluster, PageView, RackView};
use jiff::Timestamp;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::{Arc, RwLock};
use std::time::Duration;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::{JoinError, JoinSet};
use tokio::time::{Instant, MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;
use tracing::{error, info};
use understudy_core::base::causes::with_causes;
use understudy_core::model::id::NodeId;
use understudy_core::model::name::Name;
use understudy_core::protocol::heartbeat::Order;
use understudy_ledger::{Key, Ledger, Revision};
use understudy_plan::config::{Declaration, RackPolicy};
use understudy_plan::effect::Reply;
use understudy_plan::event::Reach;
use understudy_plan::intent::Ticket;
use understudy_plan::timings::Now;
use understudy_plan::{Durable, Event, Intent, State, Timings, rehearse, step};

/// How often nothing happens; the plan wants to hear that at least every 250 ms.
pub(crate) const TICK: Duration = Duration::from_millis(50);
/// Commands that wait for the loop.
const REQUESTS_MAX: usize = 64;
/// Pages that are shown.
pub(crate) const PAGES_MAX: usize = 64;

/// What a rack agent is told once.
#[derive(Clone, Debug)]
pub struct Config {
    pub rack: Name,
    pub policy: RackPolicy,
    pub timings: Timings,
    /// Takeovers in flight at one time over the whole site.
    pub takeovers_max: usize,
    pub identities: BTreeMap<Name, Declaration>,
    pub clusters: BTreeMap<Name, Cluster>,
    /// How BMCs are logged in to; without it no BMC is used.
    pub login: Option<Login>,
    pub gateway: Gateway,
}

/// Why there is no rack agent.
#[derive(Debug, thiserror::Error)]
pub enum RackError {
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// A rack agent that leads already, and acts as soon as it runs.
pub struct Rack {
    pub(crate) config: Config,
    pub(crate) ledger: Arc<dyn Ledger>,
    pub(crate) journal: Arc<dyn Journal>,
    pub(crate) shared: Arc<Shared>,
    /// This agent's name in the leader's key.
    pub(crate) own: Arc<str>,
    pub(crate) lead: Revision,
    requests: mpsc::Receiver<Request>,
    facts: watch::Receiver<Facts>,
    pub(crate) known: Facts,
    /// `None` only within a step.
    state: Option<State>,
    pub(crate) started: Instant,
    pub(crate) tasks: JoinSet<Happened>,
    pub(crate) bmcs: BTreeMap<NodeId, Arc<Redfish>>,
    pub(crate) bmc_words: BTreeMap<NodeId, String>,
    pub(crate) waiting: Waiting,
    pub(crate) tell_after: Option<Instant>,
    pub(crate) replies: BTreeMap<u64, oneshot::Sender<Result<Done, Refused>>>,
    next_command: u64,
    pub(crate) standing: Standing,
    pub(crate) orders: BTreeMap<NodeId, (String, Order)>,
    /// By the peer that looks: who is looked for, until when.
    pub(crate) probes: BTreeMap<NodeId, BTreeMap<NodeId, Instant>>,
    pub(crate) pages: VecDeque<PageView>,
    pub(crate) durable: Arc<Durable>,
    pub(crate) view: (Arc<RackView>, Instant),
}

/// The agent's own standing.
#[derive(Debug)]
pub(crate) struct Standing {
    pub reach: Reach,
    /// Another agent leads: for good, as far as this process is concerned.
    pub is_deposed: bool,
    /// A write failed since the last one that did not.
    pub has_write_failed: bool,
    pub is_asking: bool,
    pub asked: Option<Instant>,
    pub gateway_problem: Option<String>,
    /// The plan waits for everything to be read again.
    pub rereading: Option<Ticket>,
    /// When that is tried again, after it failed.
    pub reread_at: Option<Instant>,
}

/// What a task ends with.
pub(crate) enum Happened {
    Event(Event),
    Stored { ended: store::Ended, intent: Box<Intent>, untold: Option<Key> },
    Reread { ticket: Ticket, read: Result<ReadAgain, StoreError> },
    Standing { ledger: store::Ended, gateway: Result<bool, String>, was_written: bool },
    Bmc { event: Event, node: NodeId, word: String },
    Told(bool),
}

/// Takes the lead, and reads what is stored.
pub async fn build(
    config: Config,
    ledger: Arc<dyn Ledger>,
    facts: watch::Receiver<Facts>,
    journal: Arc<dyn Journal>,
) -> Result<(Handle, Rack), RackError> {
    let own = store::own_name();
    let lead = store::lead(&*ledger, &own).await?;
    let durable = store::load(&*ledger).await?;
    let waiting = Waiting::load(&*ledger).await?;
    let (sender, requests) = mpsc::channel(REQUESTS_MAX);
    let started = Instant::now();
    let now = Now { elapsed: Duration::ZERO, wall: Timestamp::now() };
    let durable = Arc::new(durable);
    let state = State::new(plan_config(&config, &Facts::new()), (*durable).clone(), now);
    let view = Arc::new(RackView { rack: config.rack.to_string(), ..RackView::default() });
    let snapshot = Snapshot {
        durable: Arc::clone(&durable),
        is_known: false,
        orders: BTreeMap::new(),
        probes: BTreeMap::new(),
        urgent: BTreeSet::new(),
        nodes: BTreeMap::new(),
        view: Arc::clone(&view),
        made: started,
    };
    let shared = Arc::new(Shared {
        snapshot: RwLock::new(Arc::new(snapshot)),
        heartbeats: Heartbeats::default(),
        metrics: Metrics::default(),
        heartbeat_every: config.timings.heartbeat,
        age_max: config.timings.stall,
    });
    let handle = Handle { shared: Arc::clone(&shared), requests: sender };
    let rack = Rack {
        config,
        ledger,
        journal,
        shared,
        own: own.into(),
        lead,
        requests,
        facts,
        known: Facts::new(),
        state: Some(state),
        started,
        tasks: JoinSet::new(),
        bmcs: BTreeMap::new(),
        bmc_words: BTreeMap::new(),
        waiting,
        tell_after: None,
        replies: BTreeMap::new(),
        next_command: 1,
        standing: Standing::new(),
        orders: BTreeMap::new(),
        probes: BTreeMap::new(),
        pages: VecDeque::new(),
        durable,
        view: (view, started),
    };
    Ok((handle, rack))
}

fn plan_config(config: &Config, known: &Facts) -> understudy_plan::Config {
    understudy_plan::Config {
        timings: config.timings.clone(),
        identities: config.identities.clone(),
        racks: BTreeMap::from([(config.rack.clone(), config.policy.clone())]),
        nodes: facts::for_plan(known, &config.rack),
        takeovers_max: config.takeovers_max,
    }
}

impl Standing {
    fn new() -> Self {
        Self {
            reach: Reach { ledger: false, gateway: false },
            is_deposed: false,
            has_write_failed: false,
            is_asking: false,
            asked: None,
            gateway_problem: None,
            rereading: None,
            reread_at: None,
        }
    }
}

impl Rack {
    /// Runs until cancelled; every task is joined. What was under way goes on with the next start.
    pub async fn run(mut self, token: CancellationToken) {
        let mut tick = interval(TICK);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut has_facts = true;
        self.learn();
        info!(rack = %self.config.rack, "the rack agent runs");
        loop {
            let shared = Arc::clone(&self.shared);
            tokio::select! {
                () = token.cancelled() => break,
                Some(ended) = self.tasks.join_next(), if !self.tasks.is_empty() => self.ended(ended),
                Some(request) = self.requests.recv() => self.command(request),
                changed = self.facts.changed(), if has_facts => {
                    has_facts = changed.is_ok();
                    self.learn();
                }
                () = shared.heartbeats.arrived() => {}
                _ = tick.tick() => self.happened(Event::Clock),
            }
            self.hear();
            self.look_after();
            self.publish();
        }
        self.tasks.shutdown().await;
        info!(rack = %self.config.rack, "the rack agent has ended");
    }

    pub(crate) fn now(&self) -> Now {
        Now { elapsed: self.started.elapsed(), wall: Timestamp::now() }
    }

    pub(crate) fn state(&self) -> &State {
        self.state.as_ref().expect("it is put back before a step ends")
    }

    /// One step of the plan, and what follows from it.
    pub(crate) fn happened(&mut self, event: Event) {
        let now = self.now();
        let state = self.state.take().expect("it is put back before a step ends");
        let (state, effects) = step(state, event, now);
        self.state = Some(state);
        for effect in effects {
            self.perform(effect);
        }
    }

    /// What the registry says now.
    fn learn(&mut self) {
        let newest = self.facts.borrow_and_update().clone();
        let before = std::mem::replace(&mut self.known, newest);
        self.make_bmcs(&before);
        let config = plan_config(&self.config, &self.known);
        self.happened(Event::Configured(Box::new(config)));
        for event in facts::changes(&before, &self.known) {
            self.happened(event);
        }
        let known = &self.known;
        self.orders.retain(|node, _| known.contains_key(node));
        self.shared.heartbeats.retain(|node| known.contains_key(node));
    }

    fn hear(&mut self) {
        for (node, beat) in self.shared.heartbeats.take() {
            if self.known.contains_key(&node) {
                self.happened(Event::Heartbeat { node, beat });
            }
        }
    }

    fn command(&mut self, request: Request) {
        let Request { by, command, carry, reply } = request;
        match carry {
            Carry::Rehearse => {
                let lines = rehearse(self.state(), &by, command, self.now());
                let done = lines.map(|lines| Done { lines }).map_err(Refused::Declined);
                // Whoever asked may have stopped waiting.
                drop(reply.send(done));
            }
            Carry::Out => {
                let id = self.next_command;
                self.next_command += 1;
                self.replies.insert(id, reply);
                self.happened(Event::Command { id, by, command });
            }
        }
    }

    /// The answer to a command.
    pub(crate) fn reply(&mut self, id: u64, reply: Reply) {
        if let Some(waiting) = self.replies.remove(&id) {
            drop(waiting.send(heard(reply)));
        }
    }

    fn ended(&mut self, ended: Result<Happened, JoinError>) {
        let happened = match ended {
            Ok(happened) => happened,
            // The plan's deadlines cover an answer that never comes.
            Err(failure) => return error!(error = with_causes(&failure), "a task of the rack agent broke"),
        };
        match happened {
            Happened::Event(event) => self.happened(event),
            Happened::Bmc { event, node, word } => {
                self.shared.metrics.bmc(&word);
                self.bmc_words.insert(node, word);
                self.happened(event);
            }
            Happened::Stored { ended, intent, untold } => self.stored(ended, *intent, untold),
            Happened::Reread { ticket, read } => self.reread(ticket, read),
            Happened::Standing { ledger, gateway, was_written } => self.stands(ledger, gateway, was_written),
            Happened::Told(is_told) => self.told(is_told),
        }
    }
}
