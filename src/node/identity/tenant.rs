//! The tenant: brings what this node holds to what the site orders, one bounded act per turn.
//!
//! It refuses orders older than what this node has seen, holds one identity at most, takes and announces an
//! address only while the site confirms it, and lets go of nothing because a site is silent.
//! Entry point: [`Tenant::turn`].

use super::activation::{Activation, Progress, RETRY};
use super::decide::{Decision, decide};
use super::epochs::Epochs;
use super::healing::{Healing, Verdict};
use super::machine::{ActError, Machine};
use super::tenure::{End, Place, Stage, Tenure};
use std::time::Duration;
use understudy_core::base::causes::with_causes;
use understudy_core::model::epoch::Epoch;
use understudy_core::model::name::Name;
use understudy_core::protocol::bundle::AddressWithPrefix;
use understudy_core::protocol::heartbeat::{Held, Order, Phase};

/// How long the site's word that an address belongs here is enough to take or announce it, counted from the sending of
/// the heartbeat that it answered. A machine that stood still for longer asks first.
const CONFIRMED_MAX: Duration = Duration::from_secs(2);
/// Between two health checks.
const CHECK_EVERY: Duration = Duration::from_secs(1);
/// ANNOUNCE_INTERVAL of RFC 5227; one announcement more than its ANNOUNCE_NUM, as the first may be early for a switch.
const ANNOUNCE_EVERY: Duration = Duration::from_secs(2);
const ANNOUNCEMENTS: u32 = 3;
/// Between two tries of letting go.
const GIVE_UP_AGAIN: Duration = Duration::from_secs(1);

/// The newest order, and when the heartbeat that it answers was sent (CLOCK_BOOTTIME).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Word {
    pub order: Order,
    pub sent: Duration,
}

impl Word {
    /// Of a site that has not spoken yet.
    pub const SILENCE: Self = Self { order: Order::Keep, sent: Duration::ZERO };
}

/// What a tenant remembers at its start.
pub enum Remembered {
    Tenure(Option<Tenure>),
    /// Something was held, and nobody knows what.
    Damaged,
}

/// One node's holder of at most one identity.
pub struct Tenant<M> {
    pub machine: M,
    /// `None`: they are not readable, so that no order can be trusted to be new.
    epochs: Option<Epochs>,
    tenure: Option<Tenure>,
    /// Whether nothing of an earlier tenure is left, as far as this process knows.
    is_clean: bool,
    activation: Activation,
    healing: Healing,
    next_check: Duration,
    /// How many announcements are still to come, and when the next is due.
    announcements: (u32, Duration),
    /// What is said of an identity that is not held.
    denial: Option<Held>,
    said: String,
}

impl<M: Machine> Tenant<M> {
    /// Changes nothing yet.
    pub fn new(machine: M, remembered: Remembered, epochs: Option<Epochs>) -> Self {
        let mut tenure = match remembered {
            Remembered::Tenure(tenure) => tenure,
            Remembered::Damaged => None,
        };
        if let (Some(held), Some(epochs)) = (&mut tenure, &epochs) {
            // Its end was written down in state, and the rest was cut off.
            let is_acting = matches!(held.stage, Stage::Activating | Stage::Active);
            if is_acting && epochs.allow(&held.identity, held.epoch).is_err() {
                held.give_up(End::Released);
            }
        }
        Self {
            machine,
            epochs,
            // Whatever an agent that lost its memory has left is given up before anything else.
            is_clean: tenure.is_some(),
            tenure,
            activation: Activation::new(),
            healing: Healing::default(),
            next_check: Duration::ZERO,
            announcements: (0, Duration::ZERO),
            denial: None,
            said: String::new(),
        }
    }

    /// What the next heartbeat says.
    pub fn held(&self) -> Option<Held> {
        let Some(tenure) = &self.tenure else { return self.denial.clone() };
        let phase = match &tenure.stage {
            Stage::Activating => Phase::Activating,
            Stage::Active => match self.healing.unhealthy() {
                Some(reason) => Phase::Unhealthy { reason: reason.to_owned() },
                None => Phase::Serving,
            },
            Stage::GivingUp { end: End::Released } => {
                Phase::Unhealthy { reason: "being given up".to_owned() }
            }
            Stage::GivingUp { end: End::Failed { reason } } => Phase::Unhealthy { reason: reason.clone() },
            Stage::Failed { reason } => match &self.denial {
                Some(denial) => return Some(denial.clone()),
                None => Phase::Failed { reason: reason.clone() },
            },
        };
        Some(Held { identity: tenure.identity.clone(), epoch: tenure.epoch, phase })
    }

    /// Does one thing, and says how long nothing else is to do unless the site speaks.
    pub fn turn(&mut self, word: &Word) -> Duration {
        if !self.is_clean {
            return self.clean();
        }
        if let Some(Stage::GivingUp { end }) = self.tenure.as_ref().map(|tenure| tenure.stage.clone()) {
            return self.finish(end);
        }
        if let Some(pause) = self.obey(&word.order) {
            return pause;
        }
        match self.tenure.as_ref().map(|tenure| &tenure.stage) {
            Some(Stage::Activating) => self.activate(word),
            Some(Stage::Active) => self.serve(word),
            _ => CHECK_EVERY,
        }
    }

    /// What a new order changes; `None` where the node goes on with what it does.
    fn obey(&mut self, order: &Order) -> Option<Duration> {
        let Some(epochs) = &self.epochs else { return self.obey_without_memory(order) };
        let decision = decide(self.tenure.as_ref(), epochs, order);
        if !matches!(decision, Decision::Renounce { .. } | Decision::Refuse { .. } | Decision::Begin { .. }) {
            self.denial = None;
        }
        match decision {
            Decision::GoOn => None,
            Decision::Begin { identity, epoch } => Some(self.begin(identity, epoch)),
            Decision::GiveUp => Some(self.give_up(End::Released)),
            Decision::Renounce { identity, epoch } => Some(self.renounce(identity, epoch)),
            Decision::Refuse { identity, epoch, why } => {
                self.deny(identity, epoch, &why.to_string());
                None
            }
        }
    }

    /// Whatever it is asked to take may be old. What it holds it still holds, and still gives up.
    fn obey_without_memory(&mut self, order: &Order) -> Option<Duration> {
        match decide(self.tenure.as_ref(), &Epochs::default(), order) {
            Decision::GiveUp if matches!(order, Order::Release { .. }) => Some(self.give_up(End::Released)),
            Decision::GoOn => None,
            _ => {
                let (Order::Hold { identity, epoch } | Order::Release { identity, epoch }) = order else {
                    return None;
                };
                self.deny(identity.clone(), *epoch, &ActError::Forgot.to_string());
                None
            }
        }
    }

    fn begin(&mut self, identity: Name, epoch: Epoch) -> Duration {
        let began_ms = u64::try_from(self.machine.now().as_millis()).unwrap_or(u64::MAX);
        let tenure = Tenure { identity, epoch, stage: Stage::Activating, place: None, began_ms };
        if let Err(error) = self.write_down(&tenure) {
            // Nothing is taken. It is not said to have failed either: that is a promise, and it could not be kept.
            self.tell(&format!("{} at epoch {epoch}: {}", tenure.identity, with_causes(&error)));
            self.denial = Some(Held { identity: tenure.identity, epoch, phase: Phase::Activating });
            return CHECK_EVERY;
        }
        self.denial = None;
        self.tenure = Some(tenure);
        self.activation = Activation::new();
        self.healing = Healing::default();
        self.say("activating");
        Duration::ZERO
    }

    /// The epoch first: with it alone nothing is held, and without it nothing may be.
    fn write_down(&mut self, tenure: &Tenure) -> Result<(), ActError> {
        let Some(epochs) = &mut self.epochs else { return Err(ActError::Forgot) };
        let mut newer = epochs.clone();
        newer.begin(&tenure.identity, tenure.epoch);
        self.machine.keep_epochs(&newer)?;
        *epochs = newer;
        self.machine.keep_tenure(Some(tenure))
    }

    fn activate(&mut self, word: &Word) -> Duration {
        let Some(tenure) = &mut self.tenure else { return CHECK_EVERY };
        let is_ordered = tenure.is_ordered_by(&word.order);
        let is_confirmed = |now: Duration| is_ordered && now.saturating_sub(word.sent) <= CONFIRMED_MAX;
        match self.activation.turn(&mut self.machine, tenure, is_confirmed) {
            Progress::Step => Duration::ZERO,
            Progress::Wait => RETRY,
            Progress::Failed { reason } => self.give_up(End::Failed { reason }),
            Progress::Serving => {
                let now = self.machine.now();
                let took = now.saturating_sub(Duration::from_millis(tenure.began_ms));
                tenure.stage = Stage::Active;
                self.keep();
                self.next_check = now + CHECK_EVERY;
                self.announcements = (ANNOUNCEMENTS - 1, now + ANNOUNCE_EVERY);
                self.say(&format!("serving, {:.1} s after the order", took.as_secs_f64()));
                Duration::ZERO
            }
        }
    }

    fn serve(&mut self, word: &Word) -> Duration {
        let Some(tenure) = &self.tenure else { return CHECK_EVERY };
        // Written down before the address was taken, so always there by now.
        let Some(place) = tenure.place.clone() else { return self.give_up(End::Released) };
        let is_ordered = tenure.is_ordered_by(&word.order);
        let is_confirmed = |now: Duration| is_ordered && now.saturating_sub(word.sent) <= CONFIRMED_MAX;
        self.announce(place.address, is_confirmed);
        let now = self.machine.now();
        if now < self.next_check {
            return self.next_check - now;
        }
        let result = self.machine.check(&place).map_err(|error| with_causes(&error));
        let now = self.machine.now();
        self.next_check = now + CHECK_EVERY;
        let was_unhealthy = self.healing.unhealthy().is_some();
        match self.healing.judge(now, result) {
            Verdict::Fine if was_unhealthy => self.say("serving again"),
            Verdict::Fine | Verdict::Watch => {}
            Verdict::Restart => {
                let is_confirmed = is_confirmed(now);
                self.heal(&place, is_confirmed);
            }
            Verdict::GiveUp { reason } => return self.give_up(End::Failed { reason }),
        }
        CHECK_EVERY
    }

    fn heal(&mut self, place: &Place, is_confirmed: bool) {
        let reason = self.healing.unhealthy().unwrap_or_default().to_owned();
        self.say(&format!("unhealthy, starting its services again: {reason}"));
        if let (Some(address), true) = (place.address, is_confirmed) {
            let taken = self.machine.take_address(address);
            self.tell_failure(taken);
        }
        let opened = self.machine.open_ports(&place.role);
        self.tell_failure(opened);
        let restarted = self.machine.restart(&place.role);
        self.tell_failure(restarted);
    }

    fn announce(&mut self, address: Option<AddressWithPrefix>, is_confirmed: impl Fn(Duration) -> bool) {
        let ((left, due), now) = (self.announcements, self.machine.now());
        let Some(address) = address.filter(|_| left > 0 && now >= due && is_confirmed(now)) else { return };
        self.announcements = (left - 1, now + ANNOUNCE_EVERY);
        let announced = self.machine.announce(address);
        self.tell_failure(announced);
    }

    /// From here on there is only one way. The acts follow in the next turn, so that the site can hear of it first.
    fn give_up(&mut self, end: End) -> Duration {
        let why = match &end {
            End::Released => "giving it up, as the site says".to_owned(),
            End::Failed { reason } => format!("giving it up: {reason}"),
        };
        self.say(&why);
        if let Some(tenure) = &mut self.tenure {
            tenure.give_up(end);
        }
        self.keep();
        Duration::ZERO
    }

    /// What is said to be over is over for good: gone from this node, and written down.
    fn finish(&mut self, end: End) -> Duration {
        let is_remembered = self.remember_given_up();
        if !self.sweep() || !is_remembered {
            return GIVE_UP_AGAIN;
        }
        match end {
            End::Released => {
                self.say("given up: address gone, services stopped");
                self.tenure = None;
            }
            End::Failed { reason } => {
                self.say(&format!("failed, address gone, services stopped: {reason}"));
                if let Some(tenure) = &mut self.tenure {
                    tenure.stage = Stage::Failed { reason };
                }
            }
        }
        self.keep();
        Duration::ZERO
    }

    fn remember_given_up(&mut self) -> bool {
        let Some((identity, epoch)) = self.tenure.as_ref().map(|held| (held.identity.clone(), held.epoch))
        else {
            return true;
        };
        let kept = self.forbid(&identity, epoch);
        let is_kept = kept.is_ok();
        self.tell_failure(kept);
        is_kept
    }

    /// Writes down that this node never acts at this epoch again. A node that forgot its epochs takes none at all.
    fn forbid(&mut self, identity: &Name, epoch: Epoch) -> Result<(), ActError> {
        let Some(epochs) = &mut self.epochs else { return Ok(()) };
        let mut newer = epochs.clone();
        newer.give_up(identity, epoch);
        if newer != *epochs {
            self.machine.keep_epochs(&newer)?;
            *epochs = newer;
        }
        Ok(())
    }

    /// Nothing is held of it; the promise that nothing will be is written down before it is made.
    fn renounce(&mut self, identity: Name, epoch: Epoch) -> Duration {
        if let Err(error) = self.forbid(&identity, epoch) {
            self.tell_failure(Err(error));
            return CHECK_EVERY;
        }
        if self.tenure.take().is_some() {
            self.keep();
        }
        self.denial = Some(Held { identity, epoch, phase: Phase::Released });
        CHECK_EVERY
    }

    /// Says why an order is not followed; the first reason stays, as later ones only follow from it.
    fn deny(&mut self, identity: Name, epoch: Epoch, reason: &str) {
        if self.denial.as_ref().is_some_and(|denial| denial.identity == identity && denial.epoch == epoch) {
            return;
        }
        self.tell(&format!("{identity} at epoch {epoch}: refused: {reason}"));
        self.denial = Some(Held { identity, epoch, phase: Phase::Failed { reason: reason.to_owned() } });
    }

    /// At the start: whatever an agent without a memory has left is taken down.
    fn clean(&mut self) -> Duration {
        self.is_clean = self.sweep();
        if !self.is_clean {
            return GIVE_UP_AGAIN;
        }
        self.keep();
        Duration::ZERO
    }

    /// Takes down everything that any identity could have on this node, address first. All of it is tried, whatever fails.
    fn sweep(&mut self) -> bool {
        let acts = [M::drop_addresses, M::close_ports, M::stop_roles, M::drop_volumes, M::remove_rendered];
        let mut is_gone = true;
        for act in acts {
            let result = act(&mut self.machine);
            is_gone &= result.is_ok();
            self.tell_failure(result);
        }
        is_gone
    }

    fn keep(&mut self) {
        let kept = self.machine.keep_tenure(self.tenure.as_ref());
        self.tell_failure(kept);
    }

    fn tell_failure(&mut self, result: Result<(), ActError>) {
        if let Err(error) = result {
            self.say(&with_causes(&error));
        }
    }

    fn say(&mut self, text: &str) {
        let line = match &self.tenure {
            Some(tenure) => format!("{} at epoch {}: {text}", tenure.identity, tenure.epoch),
            None => text.to_owned(),
        };
        self.tell(&line);
    }

    /// The same line again would only fill the console.
    fn tell(&mut self, line: &str) {
        if self.said != line {
            self.machine.say(line);
            line.clone_into(&mut self.said);
        }
    }
}
