//! How a node becomes a spare: one pure function from state and event to state and effects.
//!
//! It knows no clock, no socket and no ledger. What it holds on to, whatever comes: a node that nobody approved
//! is told to wait and nothing else; a retired node stays retired; nothing is written over somebody else's
//! data without a yes for that very disk; every state has a deadline and every repetition a bound, after which
//! a person is told. Entry point: [`step`].

mod approved;
mod deadline;
mod degraded;
mod discovered;
mod failed;
mod installed;
mod installing;
mod node;
mod plan;
mod retired;
mod running;
mod spare;
#[cfg(test)]
mod tests;

pub use deadline::SILENCE_MAX;
pub use discovered::FORGET_AFTER;
pub use installed::BOOTS_MAX;
pub use installing::ATTEMPTS_MAX;
pub use node::{Approval, Approver, Consent, Hardware, ImageRef, Live, Node, Progress, State};
pub use running::{RESTARTS_MAX, RESTARTS_WITHIN};

use crate::definition::{DiskRule, ForeignData};
use crate::events::EventKind;
use jiff::Timestamp;
use std::net::IpAddr;
use understudy_core::protocol::instruction::Action;
use understudy_core::protocol::report::{Hello, Report};

/// What happens to a node.
#[derive(Clone, Debug)]
pub enum Event {
    /// It has booted. The nonce is fresh.
    Hello { hello: Box<Hello>, address: IpAddr, nonce: String },
    /// It says how it goes on.
    Report { report: Report, address: IpAddr },
    /// An operator says yes.
    Approve(Consent),
    /// An operator says that it is over.
    Retire,
    /// Time has passed.
    Clock,
}

/// What the site is like when the event happens.
#[derive(Clone, Debug)]
pub struct Moment {
    pub now: Timestamp,
    /// What nodes get, if the shelf has it.
    pub wanted: Option<Wanted>,
    pub disk: DiskRule,
    pub foreign_data: ForeignData,
    /// Whether the node's serial is on the list and no other node claims to be the same machine.
    pub is_expected: bool,
    /// Where the node finds image folders, such as `http://10.77.0.1/images`.
    pub images_url: String,
}

/// A verified image on the shelf.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wanted {
    pub image: ImageRef,
    /// The size of its raw disk.
    pub disk_bytes: u64,
}

/// What is to be done outside.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Tell the node.
    Answer(Action),
    /// Tell whoever reads the events.
    Record(EventKind, String),
    /// Drop the node: it was never approved, and has not been heard of for long.
    Forget,
    /// Tell the operator that it is not done.
    Decline(String),
}

/// One step. The effects are to be done after the node was stored.
pub fn step(node: Node, event: Event, moment: &Moment) -> (Node, Vec<Effect>) {
    let mut step = Step { node, moment, effects: Vec::new() };
    step.take(event);
    (step.node, step.effects)
}

/// A step that is being made.
struct Step<'a> {
    node: Node,
    moment: &'a Moment,
    effects: Vec<Effect>,
}

impl Step<'_> {
    fn take(&mut self, event: Event) {
        match event {
            Event::Hello { hello, address, nonce } => self.hello(*hello, address, nonce),
            Event::Report { report, address } => self.report(&report, address),
            Event::Approve(consent) => self.approve(consent),
            Event::Retire => retired::retire(self),
            Event::Clock => self.clock(),
        }
    }

    fn hello(&mut self, hello: Hello, address: IpAddr, nonce: String) {
        let known = self.node.approval.as_ref().map(|approval| &approval.hardware);
        if known.is_some_and(|hardware| !hardware.may_be(&hello.inventory)) {
            return self.refuse_misuse(address);
        }
        let is_new_boot = self.node.boot_id != hello.boot_id;
        self.seen(address);
        let Hello { boot_id, source, mac, inventory } = hello;
        let node = &mut self.node;
        (node.boot_id, node.source, node.mac, node.inventory, node.nonce) =
            (boot_id, source, mac, inventory, nonce);
        match self.node.state {
            State::Discovered => discovered::speak(self),
            State::Approved => approved::proceed(self),
            State::Installing { .. } => installing::hello(self, is_new_boot),
            State::Installed { .. } => installed::hello(self, is_new_boot),
            State::Spare { .. } | State::Degraded { .. } => running::hello(self, is_new_boot),
            State::Failed { .. } => failed::speak(self),
            State::Retired => retired::speak(self),
        }
    }

    fn report(&mut self, report: &Report, address: IpAddr) {
        // Whoever speaks of another boot than the newest has to say hello first: perhaps it is another machine.
        if report.boot_id != self.node.boot_id {
            return self.answer(Action::Greet);
        }
        self.seen(address);
        if let Some(interfaces) = &report.interfaces {
            self.node.inventory.interfaces.clone_from(interfaces);
        }
        let status = &report.status;
        match self.node.state {
            State::Discovered => discovered::speak(self),
            State::Approved => approved::report(self, status),
            State::Installing { .. } => installing::report(self, status),
            State::Installed { .. } => installed::report(self, status),
            State::Spare { .. } => spare::report(self, status),
            State::Degraded { .. } => degraded::report(self, status),
            State::Failed { .. } => failed::speak(self),
            State::Retired => retired::speak(self),
        }
    }

    fn approve(&mut self, consent: Consent) {
        match self.node.state {
            State::Discovered | State::Approved | State::Failed { .. } => {
                approved::enter(self, Approver::Operator, consent);
            }
            State::Installed { .. } | State::Spare { .. } | State::Degraded { .. } if consent.again => {
                approved::enter(self, Approver::Operator, consent);
            }
            State::Retired => self.decline("is retired, and stays so: it must enrol with a new key"),
            _ => {
                let state = self.node.state.name();
                self.decline(&format!(
                    "is {state}: there is nothing to approve; --again lets it get its image once more"
                ));
            }
        }
    }

    fn clock(&mut self) {
        deadline::silence(self);
        match self.node.state {
            State::Discovered => discovered::clock(self),
            State::Approved => approved::clock(self),
            State::Installing { .. } => installing::clock(self),
            State::Installed { .. } => installed::clock(self),
            State::Degraded { .. } => degraded::clock(self),
            // A spare's deadline is its silence; the other two have told a person, and wait for one.
            State::Spare { .. } | State::Failed { .. } | State::Retired => {}
        }
    }

    fn seen(&mut self, address: IpAddr) {
        self.node.address = Some(address);
        let live = &mut self.node.live;
        live.last_seen = self.moment.now;
        if std::mem::take(&mut live.is_silent) {
            self.record(EventKind::Back, "speaks again");
        }
    }

    /// The key is right and the machine is another one: the key was copied.
    fn refuse_misuse(&mut self, address: IpAddr) {
        if self.node.live.may_tell_misuse(self.moment.now) {
            let text =
                format!("its key was used from {address} by a machine with other serials and disks; refused");
            self.record(EventKind::KeyMisused, &text);
        }
        self.node.misused = true;
        self.answer(Action::Refuse { reason: "this key belongs to another machine".to_owned() });
    }

    fn enter(&mut self, state: State) {
        self.node.state = state;
        self.node.since = self.moment.now;
        self.node.attention = None;
        self.node.live.watched_from = self.moment.now;
        self.node.live.progress = None;
    }

    fn answer(&mut self, action: Action) {
        self.effects.push(Effect::Answer(action));
    }

    /// Takes an answer back: nobody asked, or a better one follows.
    fn forget_answer(&mut self) {
        self.effects.retain(|effect| !matches!(effect, Effect::Answer(_)));
    }

    fn wait(&mut self, reason: &str) {
        self.answer(Action::Wait { reason: reason.to_owned() });
    }

    fn record(&mut self, kind: EventKind, text: &str) {
        self.effects.push(Effect::Record(kind, text.to_owned()));
    }

    fn decline(&mut self, reason: &str) {
        self.effects.push(Effect::Decline(format!("node {} {reason}", self.node.id)));
    }

    /// Asks for a person, and says so once.
    fn attend(&mut self, kind: EventKind, text: &str) {
        if self.node.attention.as_deref() != Some(text) {
            self.node.attention = Some(text.to_owned());
            self.record(kind, text);
        }
    }
}
