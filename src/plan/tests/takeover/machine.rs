//! A node as the core meets it: a machine with a power button, an agent and a BMC, each of which may fail in its own way.

use std::collections::BTreeMap;
use std::time::Duration;
use understudy_core::model::epoch::Epoch;
use understudy_core::model::id::NodeId;
use understudy_core::model::name::Name;
use understudy_core::protocol::heartbeat::{Heartbeat, Held, Order, Phase, Seen};
use understudy_plan::effect::Instruction;

/// How a BMC behaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum BmcKind {
    Honest,
    /// Accepts every order and does nothing.
    AcceptsOnly,
    /// Says off, whatever is true.
    SaysOff,
    /// It is another machine's, which runs and really obeys.
    Foreign,
    Dead,
}

/// What a node does with what it is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Mood {
    Serves,
    Unhealthy,
    /// Cannot activate, or be healed.
    Fails,
    /// Never lets go.
    Stubborn,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Machine {
    pub id: NodeId,
    pub is_on: bool,
    pub is_frozen: bool,
    pub is_plugged: bool,
    pub boot: u32,
    pub booted: Duration,
    pub bmc: BmcKind,
    pub mood: Mood,
    /// What it acts under, and whether it has the identity address.
    pub acts: Option<(Name, Epoch, bool)>,
    /// The highest epoch that it saw of each identity, and whether it let go of it.
    seen: BTreeMap<Name, (Epoch, bool)>,
    released: Option<(Name, Epoch)>,
    /// The volumes on its disk, each with the epoch at which it was made.
    pub volumes: BTreeMap<Name, Epoch>,
    fails: Option<(Name, Epoch)>,
    pub last_beat: Option<Heartbeat>,
}

impl Machine {
    pub fn new(id: NodeId, bmc: BmcKind) -> Self {
        Self {
            id,
            is_on: true,
            is_frozen: false,
            is_plugged: true,
            boot: 1,
            booted: Duration::ZERO,
            bmc,
            mood: Mood::Serves,
            acts: None,
            seen: BTreeMap::new(),
            released: None,
            volumes: BTreeMap::new(),
            fails: None,
            last_beat: None,
        }
    }

    pub fn boot_id(&self) -> String {
        format!("{}-{}", &self.id.as_str()[..4], self.boot)
    }

    pub fn runs(&self) -> bool {
        self.is_on && !self.is_frozen
    }

    pub fn can_talk(&self) -> bool {
        self.runs() && self.is_plugged
    }

    pub fn cut(&mut self) {
        (self.is_on, self.is_frozen) = (false, false);
        (self.acts, self.released, self.fails, self.last_beat) = (None, None, None, None);
    }

    pub fn start(&mut self, now: Duration) {
        self.cut();
        self.seen.clear();
        (self.is_on, self.boot, self.booted) = (true, self.boot + 1, now);
    }

    pub fn beat(&mut self, now: Duration, seen: Vec<Seen>) -> Heartbeat {
        let held = match (&self.acts, &self.released, &self.fails) {
            (Some((identity, epoch, _)), ..) => {
                let phase = match self.mood {
                    Mood::Unhealthy => Phase::Unhealthy { reason: "no answer".into() },
                    Mood::Fails => Phase::Failed { reason: "unit failed".into() },
                    Mood::Serves | Mood::Stubborn => Phase::Serving,
                };
                Some(Held { identity: identity.clone(), epoch: *epoch, phase })
            }
            (None, Some((identity, epoch)), _) => {
                Some(Held { identity: identity.clone(), epoch: *epoch, phase: Phase::Released })
            }
            (None, None, Some((identity, epoch))) => {
                let phase = Phase::Failed { reason: "unit failed".into() };
                Some(Held { identity: identity.clone(), epoch: *epoch, phase })
            }
            (None, None, None) => None,
        };
        let uptime_ms = (now - self.booted).as_millis() as u64 + 1;
        let beat = Heartbeat { boot_id: self.boot_id(), uptime_ms, held, seen };
        self.last_beat = Some(beat.clone());
        beat
    }

    /// What the agent does when it is told something; it refuses what it knows to be old. `born` is of the volume in the bundle
    /// that it fetches.
    pub fn hear(&mut self, told: &Instruction, born: Option<Epoch>) {
        if !self.can_talk() || told.boot != self.boot_id() {
            return;
        }
        match &told.order {
            Order::Keep => {}
            Order::Hold { identity, epoch } => self.hold(identity, *epoch, told.takes_address, born),
            Order::Release { identity, epoch } => self.release(identity, *epoch),
        }
    }

    fn hold(&mut self, identity: &Name, epoch: Epoch, takes_address: bool, born: Option<Epoch>) {
        let known = self.seen.get(identity).copied().unwrap_or_default();
        if epoch < known.0 || known == (epoch, true) {
            return;
        }
        self.seen.insert(identity.clone(), (epoch, false));
        self.released = None;
        let has_volume = born.is_none_or(|born| self.find_volume(identity, epoch, born));
        if self.mood == Mood::Fails || !has_volume {
            (self.acts, self.fails) = (None, Some((identity.clone(), epoch)));
        } else {
            self.acts = Some((identity.clone(), epoch, takes_address));
        }
    }

    /// Makes it at the epoch at which it is born, and at no other.
    fn find_volume(&mut self, identity: &Name, epoch: Epoch, born: Epoch) -> bool {
        if epoch == born {
            self.volumes.insert(identity.clone(), born);
        }
        self.volumes.get(identity) == Some(&born)
    }

    fn release(&mut self, identity: &Name, epoch: Epoch) {
        let known = self.seen.get(identity).copied().unwrap_or_default();
        if self.mood == Mood::Stubborn || known.0 > epoch {
            return;
        }
        self.seen.insert(identity.clone(), (epoch, true));
        (self.acts, self.fails) = (None, None);
        self.released = Some((identity.clone(), epoch));
    }
}
