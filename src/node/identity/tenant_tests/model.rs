//! A machine that is only a model, and an agent on it that is started again whenever it is killed.

use super::super::activation::DEADLINE;
use super::super::epochs::Epochs;
use super::super::machine::{ActError, Machine};
use super::super::tenant::{Remembered, Tenant, Word};
use super::super::tenure::{Place, Tenure};
use crate::enrol::ClientError;
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::net::IpAddr;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::rc::Rc;
use std::time::Duration;
use understudy_core::model::epoch::Epoch;
use understudy_core::model::name::Name;
use understudy_core::protocol::bundle::{
    AddressWithPrefix, Bundle, BundleRequest, SealedSecret, VolumeOrder,
};
use understudy_core::protocol::heartbeat::{Held, Order, Phase};

/// What is outside of the agent, and survives it.
#[derive(Default)]
pub struct World {
    pub now: Duration,
    /// As read back from `held.json`: `Err` where it is damaged.
    pub held: Option<Result<Tenure, ()>>,
    pub epochs: Epochs,
    pub are_epochs_damaged: bool,
    pub address: Option<(Name, Epoch)>,
    pub are_ports_open: bool,
    pub is_running: bool,
    pub is_rendered: bool,
    pub is_volume_mounted: bool,
    /// What bundles say of a volume.
    pub volume: Option<VolumeOrder>,
    /// The agent is killed at this act, counted from now; acts have a before and an after.
    pub killed_in: Option<u32>,
    /// Acts that fail, and how often still.
    pub failing: BTreeMap<&'static str, u32>,
    /// Acts that take long.
    pub slow: BTreeMap<&'static str, Duration>,
    /// What the site last said, for the rule that an address is taken on its word only.
    pub word: Option<Word>,
    /// The highest epoch that the site was told is over, of each identity.
    pub over: BTreeMap<Name, Epoch>,
    pub acts: Vec<&'static str>,
    /// A bundle that is not the one that was asked for.
    pub other_bundle: Option<(Name, Epoch)>,
}

struct Killed;

#[derive(Clone)]
pub struct Model(Rc<RefCell<World>>);

impl Model {
    fn kill_point(&self) {
        let mut world = self.0.borrow_mut();
        if let Some(left) = &mut world.killed_in {
            if *left == 0 {
                world.killed_in = None;
                drop(world);
                resume_unwind(Box::new(Killed));
            }
            *left -= 1;
        }
    }

    fn act(&mut self, name: &'static str, effect: impl FnOnce(&mut World)) -> Result<(), ActError> {
        self.kill_point();
        {
            let mut world = self.0.borrow_mut();
            world.acts.push(name);
            let took = world.slow.get(name).copied().unwrap_or(Duration::from_millis(5));
            world.now += took;
            if let Some(left) = world.failing.get_mut(name).filter(|left| **left > 0) {
                *left -= 1;
                let said = format!("{name} fails");
                return Err(ActError::Fetch(ClientError::Refused { status: 503, said }));
            }
            effect(&mut world);
        }
        self.kill_point();
        Ok(())
    }
}

fn address() -> AddressWithPrefix {
    AddressWithPrefix { address: IpAddr::from([10, 0, 0, 9]), prefix: 24 }
}

impl World {
    pub fn tenure(&self) -> &Tenure {
        self.held.as_ref().unwrap().as_ref().unwrap()
    }

    /// Safety: whoever takes or announces an address is written down as its holder, at an epoch that nobody was told is
    /// over, on a word of the site that is younger than two seconds.
    fn assert_may_have_address(&self) {
        let Tenure { identity, epoch, .. } = self.tenure();
        assert!(self.over.get(identity).is_none_or(|over| over < epoch), "{identity} {epoch} is over");
        let word = self.word.as_ref().unwrap();
        assert_eq!(word.order, Order::Hold { identity: identity.clone(), epoch: *epoch });
        assert!(self.now - word.sent <= Duration::from_millis(2100), "an old word");
        assert!(self.are_epochs_damaged || self.epochs.allow(identity, *epoch).is_ok());
    }

    fn run(&mut self) {
        assert_eq!(self.is_volume_mounted, self.volume.is_some(), "nobody serves without the data");
        self.is_running = self.is_rendered;
    }

    pub fn assert_nothing_left(&self) {
        let left = (&self.address, self.are_ports_open, self.is_running, self.is_rendered);
        assert_eq!((left, self.is_volume_mounted), ((&None, false, false, false), false));
    }
}

impl Machine for Model {
    fn now(&self) -> Duration {
        self.0.borrow().now
    }
    fn say(&mut self, _text: &str) {}
    fn keep_epochs(&mut self, epochs: &Epochs) -> Result<(), ActError> {
        self.act("keep epochs", |world| (world.epochs, world.are_epochs_damaged) = (epochs.clone(), false))
    }
    fn keep_tenure(&mut self, tenure: Option<&Tenure>) -> Result<(), ActError> {
        let text = serde_json::to_vec(&tenure).unwrap();
        let read_back: Option<Tenure> = serde_json::from_slice(&text).unwrap();
        self.act("keep tenure", |world| world.held = read_back.map(Ok))
    }
    fn fetch(&mut self, request: &BundleRequest) -> Result<Bundle, ActError> {
        self.act("fetch", |_| {})?;
        let other = self.0.borrow().other_bundle.clone();
        let (identity, epoch) = other.unwrap_or((request.identity.clone(), request.epoch));
        Ok(Bundle {
            identity,
            epoch,
            role: "dns".parse().unwrap(),
            cluster: "dns".parse().unwrap(),
            host_name: "dns.test".into(),
            address: Some(address()),
            members: Vec::new(),
            settings: Default::default(),
            volume: self.0.borrow().volume,
            secret: SealedSecret { encapsulated_key: Vec::new(), ciphertext: Vec::new() },
        })
    }
    fn take_volume(&mut self, bundle: &Bundle) -> Result<(), ActError> {
        let has_volume = bundle.volume.is_some();
        self.act("take volume", |world| {
            assert!(world.tenure().place.is_some(), "written down first");
            world.is_volume_mounted = has_volume;
        })
    }
    fn render(&mut self, bundle: &Bundle) -> Result<(), ActError> {
        self.act("render", |world| {
            assert_eq!(world.is_volume_mounted, bundle.volume.is_some(), "the volume first");
            world.is_rendered = true;
        })
    }
    fn open_ports(&mut self, _role: &Name) -> Result<(), ActError> {
        self.act("open ports", |world| world.are_ports_open = true)
    }
    fn take_address(&mut self, _address: AddressWithPrefix) -> Result<(), ActError> {
        self.act("take address", |world| {
            world.assert_may_have_address();
            assert!(world.tenure().place.is_some(), "written down first");
            let holder = (world.tenure().identity.clone(), world.tenure().epoch);
            assert!(world.address.as_ref().is_none_or(|other| *other == holder), "one identity at most");
            world.address = Some(holder);
        })
    }
    fn announce(&mut self, _address: AddressWithPrefix) -> Result<(), ActError> {
        self.act("announce", |world| {
            world.assert_may_have_address();
            assert!(world.address.is_some());
        })
    }
    fn start(&mut self, _role: &Name, limit: Duration) -> Result<(), ActError> {
        assert!(limit <= DEADLINE);
        self.act("start", World::run)
    }
    fn restart(&mut self, _role: &Name) -> Result<(), ActError> {
        self.act("restart", World::run)
    }
    fn check(&mut self, _place: &Place) -> Result<(), ActError> {
        self.act("check", |_| {})?;
        let world = self.0.borrow();
        if world.is_running && world.address.is_some() {
            return Ok(());
        }
        Err(ActError::Fetch(ClientError::Refused { status: 500, said: "nobody answers".into() }))
    }
    fn drop_addresses(&mut self) -> Result<(), ActError> {
        self.act("drop addresses", |world| world.address = None)
    }
    fn close_ports(&mut self) -> Result<(), ActError> {
        self.act("close ports", |world| world.are_ports_open = false)
    }
    fn stop_roles(&mut self) -> Result<(), ActError> {
        self.act("stop roles", |world| world.is_running = false)
    }
    fn drop_volumes(&mut self) -> Result<(), ActError> {
        if self.0.borrow().is_running {
            let said = "somebody still writes to it".into();
            return Err(ActError::Fetch(ClientError::Refused { status: 500, said }));
        }
        self.act("drop volumes", |world| world.is_volume_mounted = false)
    }
    fn remove_rendered(&mut self) -> Result<(), ActError> {
        self.act("remove rendered", |world| world.is_rendered = false)
    }
}

/// An agent that is started again whenever it is killed.
pub struct Agent {
    pub world: Rc<RefCell<World>>,
    pub tenant: Tenant<Model>,
    word: Word,
}

impl Agent {
    pub fn new() -> Self {
        let world = Rc::new(RefCell::new(World { now: Duration::from_secs(100), ..World::default() }));
        let tenant = Self::start(&world);
        Self { world, tenant, word: Word::SILENCE }
    }

    fn start(world: &Rc<RefCell<World>>) -> Tenant<Model> {
        let seen = world.borrow();
        let remembered = match &seen.held {
            Some(Ok(tenure)) => Remembered::Tenure(Some(tenure.clone())),
            Some(Err(())) => Remembered::Damaged,
            None => Remembered::Tenure(None),
        };
        let epochs = (!seen.are_epochs_damaged).then(|| seen.epochs.clone());
        Tenant::new(Model(world.clone()), remembered, epochs)
    }

    pub fn restart(&mut self) {
        (self.tenant, self.word) = (Self::start(&self.world), Word::SILENCE);
    }

    /// The machine starts again: `/run`, addresses, rules and processes are gone.
    pub fn reboot(&mut self) {
        let mut world = self.world.borrow_mut();
        *world = World {
            now: Duration::from_secs(10),
            epochs: world.epochs.clone(),
            are_epochs_damaged: world.are_epochs_damaged,
            over: std::mem::take(&mut world.over),
            volume: world.volume,
            ..World::default()
        };
        drop(world);
        self.restart();
    }

    pub fn world(&self) -> std::cell::RefMut<'_, World> {
        self.world.borrow_mut()
    }

    /// One turn with the site's order, confirmed just now.
    pub fn turn(&mut self, order: &Order) {
        let sent = self.world().now;
        self.word = Word { order: order.clone(), sent };
        self.turn_without_site();
    }

    /// One turn with the last word, as old as it is.
    pub fn turn_without_site(&mut self) {
        let word = self.word.clone();
        self.world().word = Some(word.clone());
        let turned = catch_unwind(AssertUnwindSafe(|| self.tenant.turn(&word)));
        match turned {
            Ok(pause) => self.world().now += pause,
            Err(panic) if panic.is::<Killed>() => self.restart(),
            Err(panic) => resume_unwind(panic),
        }
        self.note_what_is_said();
    }

    /// Safety: what the site is told is over has nothing left here, and the node never acts at that epoch again, which it
    /// must know after any restart.
    fn note_what_is_said(&mut self) {
        let Some(Held { identity, epoch, phase }) = self.tenant.held() else { return };
        if !matches!(phase, Phase::Released | Phase::Failed { .. }) {
            return;
        }
        let mut world = self.world();
        let is_of_this = world.address.as_ref().is_some_and(|held| *held == (identity.clone(), epoch));
        assert!(!is_of_this, "{identity} {epoch} is said to be over");
        let is_forbidden = world.are_epochs_damaged || world.epochs.allow(&identity, epoch).is_err();
        assert!(is_forbidden, "{identity} {epoch} is said to be over, and could begin again");
        let over = world.over.entry(identity).or_default();
        *over = (*over).max(epoch);
    }

    pub fn turns(&mut self, order: &Order, count: u32) -> Option<Phase> {
        (0..count).for_each(|_| self.turn(order));
        self.tenant.held().map(|held| held.phase)
    }
}
