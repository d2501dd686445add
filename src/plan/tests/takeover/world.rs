//! A small site around the core: machines, a ledger, BMCs, a network and an agent that may be killed. It performs the effects,
//! and after each one looks whether something that must never be has come about.

use crate::ledger::Ledger;
use crate::machine::{BmcKind, Machine};
use crate::watchers;
use jiff::Timestamp;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;
use understudy_core::model::epoch::Epoch;
use understudy_core::model::id::NodeId;
use understudy_core::model::name::Name;
use understudy_core::protocol::heartbeat::{Heartbeat, Order, Seen};
use understudy_plan::durable::Holder;
use understudy_plan::effect::{Instruction, Note, Reply};
use understudy_plan::event::{BmcAnswer, LedgerAnswer, Power, Reach};
use understudy_plan::intent::Ticket;
use understudy_plan::{Config, Durable, Effect, Event, Intent, Now, State, step};

/// Time between two looks of the agent at its clock.
pub const TICK: Duration = Duration::from_millis(250);

/// How the next transaction fares.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Fate {
    Stored,
    /// Stored, and the answer is lost.
    AnswerLost,
    /// Lost on its way.
    NeverArrives,
    /// Its answer is lost, and it is applied later.
    Late,
    /// Somebody else writes first.
    Contended,
}

#[derive(Clone, Debug, PartialEq)]
pub struct World {
    pub now: Duration,
    pub jumped: Duration,
    pub config: Config,
    pub ledger: Ledger,
    pub state: State,
    pub machines: BTreeMap<NodeId, Machine>,
    pub reach: Reach,
    /// What the site's registry has as the newest proven boot of each node.
    pub registry: BTreeMap<NodeId, String>,
    pub store: Option<Intent>,
    pub limbo: Option<Intent>,
    pub reread: Option<Ticket>,
    pub asks: Vec<(NodeId, Duration)>,
    pub offs: Vec<NodeId>,
    pub probes: BTreeMap<NodeId, BTreeSet<NodeId>>,
    /// Whether what peers send to look for each other is lost.
    pub are_echoes_lost: bool,
    pub fate: Fate,
    /// Who was given which identity at which epoch, ever.
    pub granted: BTreeMap<(Name, Epoch), Holder>,
    /// The newest order to hold something, by node: it may come a second time.
    pub mail: BTreeMap<NodeId, Instruction>,
    /// When a heartbeat was last taken in.
    pub beats: BTreeMap<NodeId, Duration>,
    pub keeps_notes: bool,
    pub notes: Vec<Note>,
    pub pages: Vec<Note>,
    pub replies: BTreeMap<u64, Reply>,
    pub power_offs: u32,
    pub said: u64,
    /// What must never be, and is.
    pub broken: Option<String>,
}

impl World {
    pub fn new(config: Config, bmcs: &[BmcKind]) -> Self {
        let nodes = config.nodes.keys().cloned();
        let kinds = bmcs.iter().copied().chain(std::iter::repeat(BmcKind::Honest));
        let machines = nodes.zip(kinds).map(|(id, bmc)| (id.clone(), Machine::new(id, bmc))).collect();
        let now = Duration::from_secs(100);
        let state = State::new(config.clone(), Durable::default(), at(now));
        let mut world = Self {
            now,
            jumped: Duration::ZERO,
            config,
            ledger: Ledger::default(),
            state,
            machines,
            reach: Reach { ledger: true, gateway: true },
            registry: BTreeMap::new(),
            store: None,
            limbo: None,
            reread: None,
            asks: Vec::new(),
            offs: Vec::new(),
            probes: BTreeMap::new(),
            are_echoes_lost: false,
            fate: Fate::Stored,
            granted: BTreeMap::new(),
            mail: BTreeMap::new(),
            beats: BTreeMap::new(),
            keeps_notes: true,
            notes: Vec::new(),
            pages: Vec::new(),
            replies: BTreeMap::new(),
            power_offs: 0,
            said: 0,
            broken: None,
        };
        world.take(Event::Reach(world.reach));
        world
    }

    pub fn moment(&self) -> Now {
        Now { wall: at(self.now).wall + self.jumped, ..at(self.now) }
    }

    /// The wall clock jumps; no other clock does.
    pub fn jump(&mut self, duration: Duration) {
        self.jumped += duration;
    }

    /// The agent takes one event, and what it wants is put where it will be done.
    pub fn take(&mut self, event: Event) {
        let (state, effects) = step(self.state.clone(), event, self.moment());
        self.state = state;
        for effect in effects {
            self.perform(effect);
        }
        watchers::holders(self);
    }

    fn perform(&mut self, effect: Effect) {
        match effect {
            Effect::Store(intent) => {
                if self.store.replace(*intent).is_some() {
                    self.broken = Some("two transactions at one time".into());
                }
            }
            Effect::Reread(ticket) => self.reread = Some(ticket),
            Effect::Answer(told) | Effect::Instruct(told) => self.tell(told),
            Effect::Probe { node, via } => {
                for peer in via {
                    self.probes.entry(peer).or_default().insert(node.clone());
                }
            }
            Effect::AskPower { node, asked } => self.asks.push((node, asked)),
            Effect::PowerOff { node, identity, epoch, fence, .. } => {
                watchers::power_off(self, &node, &identity, epoch, fence);
                self.power_offs += 1;
                self.offs.push(node);
            }
            Effect::Record(note) => self.note(note),
            Effect::Page(note) => {
                if self.keeps_notes {
                    self.pages.push(note);
                }
            }
            Effect::Reply { id, reply } => {
                if self.replies.insert(id, reply).is_some() {
                    self.broken = Some("two replies to one command".into());
                }
            }
            Effect::Measure(_) => {}
        }
    }

    fn note(&mut self, note: Note) {
        if self.keeps_notes {
            self.notes.push(note);
        }
    }

    fn tell(&mut self, told: Instruction) {
        watchers::order(self, &told);
        if matches!(told.order, Order::Hold { .. }) {
            self.mail.insert(told.node.clone(), told.clone());
        }
        self.deliver(&told);
    }

    /// A node hears an order, and fetches what it needs for it: where there is a volume, the bundle says which, and it is given
    /// to the holder of the newest epoch alone.
    fn deliver(&mut self, told: &Instruction) {
        let durable = self.ledger.read();
        let volume = match &told.order {
            Order::Hold { identity, epoch } => {
                durable.volume(identity).map(|volume| (volume, identity, epoch))
            }
            _ => None,
        };
        if volume.is_some_and(|(_, identity, epoch)| durable.epoch(identity) != *epoch) {
            return;
        }
        let born = volume.map(|(volume, ..)| volume.born);
        if let Some(machine) = self.machines.get_mut(&told.node) {
            machine.hear(told, born);
        }
        watchers::holders(self);
    }

    /// The network brings an old order to hold something a second time.
    pub fn redeliver(&mut self, node: &NodeId) {
        if let Some(told) = self.mail.get(node).cloned() {
            self.deliver(&told);
        }
    }

    pub fn serve_ledger(&mut self) {
        if let Some(intent) = self.store.take() {
            self.serve_store(intent);
        }
        if let Some(ticket) = self.reread.take() {
            // The driver takes a new leader key before it reads: what was under way compares with the old one.
            self.limbo = None;
            let durable = Box::new(self.ledger.read());
            self.take(Event::Reread { ticket, durable });
        }
    }

    fn serve_store(&mut self, intent: Intent) {
        let ticket = intent.ticket;
        let answer = match std::mem::replace(&mut self.fate, Fate::Stored) {
            Fate::Stored => self.commit(&intent),
            Fate::AnswerLost => {
                self.commit(&intent);
                LedgerAnswer::Unknown
            }
            Fate::NeverArrives => LedgerAnswer::Unknown,
            Fate::Late => {
                self.limbo = Some(intent);
                LedgerAnswer::Unknown
            }
            Fate::Contended => {
                let mut keys = intent.compares.iter().map(|compare| compare.key.to_string());
                let known = keys.rfind(|key| self.ledger.entries.contains_key(key));
                if let Some((_, revision)) = known.and_then(|key| self.ledger.entries.get_mut(&key)) {
                    self.ledger.revision += 1;
                    *revision = self.ledger.revision;
                }
                self.commit(&intent)
            }
        };
        self.take(Event::Ledger { ticket, answer });
    }

    fn commit(&mut self, intent: &Intent) -> LedgerAnswer {
        let before = self.ledger.read();
        let Some(revision) = self.ledger.commit(intent) else { return LedgerAnswer::Lost };
        for note in intent.notes.clone() {
            self.note(note);
        }
        watchers::commit(self, &before);
        LedgerAnswer::Stored { revision }
    }

    /// A transaction whose answer was lost is applied after all, if its compares still hold.
    pub fn apply_late(&mut self) {
        if let Some(intent) = self.limbo.take() {
            self.commit(&intent);
        }
    }

    pub fn serve_bmcs(&mut self) {
        for node in std::mem::take(&mut self.offs) {
            let Some(machine) = self.machines.get_mut(&node) else { continue };
            let answer = match machine.bmc {
                BmcKind::Honest => {
                    machine.cut();
                    BmcAnswer::Accepted
                }
                BmcKind::AcceptsOnly | BmcKind::SaysOff => BmcAnswer::Accepted,
                BmcKind::Foreign => {
                    self.broken = Some("another machine was powered off".into());
                    BmcAnswer::Accepted
                }
                BmcKind::Dead => BmcAnswer::Failed { why: "no route to host".into() },
            };
            self.take(Event::Bmc { node, answer });
        }
        for (node, asked) in std::mem::take(&mut self.asks) {
            let Some(machine) = self.machines.get(&node) else { continue };
            let power = if machine.is_on { Power::On } else { Power::Off };
            let uuid = self.config.nodes[&node].uuid.clone();
            let answer = match machine.bmc {
                BmcKind::Honest | BmcKind::AcceptsOnly => BmcAnswer::Power { asked, power, uuid },
                BmcKind::SaysOff => BmcAnswer::Power { asked, power: Power::Off, uuid },
                BmcKind::Foreign => {
                    BmcAnswer::Power { asked, power: Power::On, uuid: Some("another".into()) }
                }
                BmcKind::Dead => BmcAnswer::Failed { why: "no route to host".into() },
            };
            self.take(Event::Bmc { node, answer });
        }
    }

    /// A quarter of a second: machines start, nodes speak, the agent looks at its clock.
    pub fn tick(&mut self) {
        self.tick_of(|_| true);
    }

    /// The same, with the heartbeats of one node lost on their way.
    pub fn tick_without_beats_of(&mut self, silent: &NodeId) {
        self.tick_of(|id| id != silent);
    }

    fn tick_of(&mut self, is_carried: impl Fn(&NodeId) -> bool) {
        self.now += TICK;
        let ids: Vec<NodeId> = self.machines.keys().cloned().collect();
        for id in ids.into_iter().filter(is_carried) {
            let machine = &self.machines[&id];
            let boot = machine.boot_id();
            let has_started = self.now - machine.booted >= Duration::from_secs(2);
            if !machine.can_talk() || !has_started {
                continue;
            }
            if self.registry.get(&id) != Some(&boot) {
                self.registry.insert(id.clone(), boot.clone());
                self.take(Event::Booted { node: id.clone(), boot: boot.clone() });
                self.take(Event::Ready { node: id.clone(), boot });
            }
            if self.now.as_millis().is_multiple_of(500) {
                self.beat(&id);
            }
        }
        self.take(Event::Clock);
    }

    fn beat(&mut self, id: &NodeId) {
        let targets = self.probes.remove(id).unwrap_or_default();
        let seen = targets.into_iter().map(|node| {
            let can_talk = self.machines.get(&node).is_some_and(Machine::can_talk);
            let is_reachable = can_talk && !self.are_echoes_lost;
            Seen { node, is_reachable, age_ms: 10 }
        });
        let seen = seen.collect();
        let now = self.now;
        let Some(machine) = self.machines.get_mut(id) else { return };
        let beat = machine.beat(now, seen);
        self.beats.insert(id.clone(), now);
        self.take(Event::Heartbeat { node: id.clone(), beat });
    }

    /// The network brings a heartbeat a second time. An agent that has started since cannot know that it is old; outside of
    /// this world its connection ended with the agent that heard it.
    pub fn repeat(&mut self, id: &NodeId, beat: Heartbeat) {
        self.beats.entry(id.clone()).or_insert(self.now);
        self.take(Event::Heartbeat { node: id.clone(), beat });
    }

    /// Time passes, and everybody answers at once.
    pub fn pass(&mut self, duration: Duration) {
        let end = self.now + duration;
        while self.now < end {
            self.tick();
            self.serve();
        }
    }

    pub fn serve(&mut self) {
        self.serve_bmcs();
        // A transaction leads to the next; a grant is three of them.
        for _ in 0..8 {
            self.serve_ledger();
        }
    }

    pub fn pass_until(&mut self, most: Duration, what: impl Fn(&Self) -> bool) -> bool {
        let end = self.now + most;
        while self.now < end && !what(self) {
            self.pass(TICK);
        }
        what(self)
    }
}

/// The wall clock goes with the other one, unless it jumps.
fn at(elapsed: Duration) -> Now {
    Now { elapsed, wall: Timestamp::from_second(1_800_000_000).unwrap() + elapsed }
}
