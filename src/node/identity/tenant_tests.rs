//! The tenant on a machine that is only a model, so that it can be cut off between any two acts, and every act can fail
//! or take its time. The acts themselves are tried on a real kernel and real servers in `tests/acts`.

use super::activation::DEADLINE;
use super::epochs::Epochs;
use super::machine::{ActError, Machine};
use super::tenant::{Remembered, Tenant, Word};
use super::tenure::{Place, Tenure};
use crate::enrol::ClientError;
use proptest::prelude::*;
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::net::IpAddr;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::rc::Rc;
use std::time::Duration;
use understudy_core::model::epoch::Epoch;
use understudy_core::model::name::Name;
use understudy_core::protocol::bundle::{AddressWithPrefix, Bundle, BundleRequest, SealedSecret};
use understudy_core::protocol::heartbeat::{Held, Order, Phase};

/// What is outside of the agent, and survives it.
#[derive(Default)]
struct World {
    now: Duration,
    /// As read back from `held.json`: `Err` where it is damaged.
    held: Option<Result<Tenure, ()>>,
    epochs: Epochs,
    are_epochs_damaged: bool,
    address: Option<(Name, Epoch)>,
    are_ports_open: bool,
    is_running: bool,
    is_rendered: bool,
    /// The agent is killed at this act, counted from now; acts have a before and an after.
    killed_in: Option<u32>,
    /// Acts that fail, and how often still.
    failing: BTreeMap<&'static str, u32>,
    /// Acts that take long.
    slow: BTreeMap<&'static str, Duration>,
    /// What the site last said, for the rule that an address is taken on its word only.
    word: Option<Word>,
    /// The highest epoch that the site was told is over, of each identity.
    over: BTreeMap<Name, Epoch>,
    acts: Vec<&'static str>,
    /// A bundle that is not the one that was asked for.
    other_bundle: Option<(Name, Epoch)>,
}

struct Killed;

#[derive(Clone)]
struct Model(Rc<RefCell<World>>);

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
    fn tenure(&self) -> &Tenure {
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

    fn assert_nothing_left(&self) {
        let left = (&self.address, self.are_ports_open, self.is_running, self.is_rendered);
        assert_eq!(left, (&None, false, false, false));
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
            secret: SealedSecret { encapsulated_key: Vec::new(), ciphertext: Vec::new() },
        })
    }
    fn render(&mut self, _bundle: &Bundle) -> Result<(), ActError> {
        self.act("render", |world| world.is_rendered = true)
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
        self.act("start", |world| world.is_running = world.is_rendered)
    }
    fn restart(&mut self, _role: &Name) -> Result<(), ActError> {
        self.act("restart", |world| world.is_running = world.is_rendered)
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
    fn remove_rendered(&mut self) -> Result<(), ActError> {
        self.act("remove rendered", |world| world.is_rendered = false)
    }
}

/// An agent that is started again whenever it is killed.
struct Agent {
    world: Rc<RefCell<World>>,
    tenant: Tenant<Model>,
    word: Word,
}

impl Agent {
    fn new() -> Self {
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

    fn restart(&mut self) {
        (self.tenant, self.word) = (Self::start(&self.world), Word::SILENCE);
    }

    /// The machine starts again: `/run`, addresses, rules and processes are gone.
    fn reboot(&mut self) {
        let mut world = self.world.borrow_mut();
        *world = World {
            now: Duration::from_secs(10),
            epochs: world.epochs.clone(),
            are_epochs_damaged: world.are_epochs_damaged,
            over: std::mem::take(&mut world.over),
            ..World::default()
        };
        drop(world);
        self.restart();
    }

    fn world(&self) -> std::cell::RefMut<'_, World> {
        self.world.borrow_mut()
    }

    /// One turn with the site's order, confirmed just now.
    fn turn(&mut self, order: &Order) {
        let sent = self.world().now;
        self.word = Word { order: order.clone(), sent };
        self.turn_without_site();
    }

    /// One turn with the last word, as old as it is.
    fn turn_without_site(&mut self) {
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

    fn turns(&mut self, order: &Order, count: u32) -> Option<Phase> {
        (0..count).for_each(|_| self.turn(order));
        self.tenant.held().map(|held| held.phase)
    }
}

fn name(text: &str) -> Name {
    text.parse().unwrap()
}

fn hold(epoch: u64) -> Order {
    Order::Hold { identity: name("dns-1"), epoch: Epoch::new(epoch) }
}

fn release(epoch: u64) -> Order {
    Order::Release { identity: name("dns-1"), epoch: Epoch::new(epoch) }
}

fn failed(phase: Option<Phase>) -> String {
    match phase {
        Some(Phase::Failed { reason }) => reason,
        other => panic!("{other:?}"),
    }
}

#[test]
fn an_identity_is_activated_in_order_and_given_up_address_first() {
    let mut agent = Agent::new();
    agent.turns(&Order::Keep, 3);
    agent.world().acts.clear();
    assert_eq!(agent.turns(&hold(3), 9), Some(Phase::Serving));
    let expected = [
        "keep epochs",
        "keep tenure",
        "fetch",
        "keep tenure",
        "render",
        "open ports",
        "take address",
        "announce",
        "start",
        "check",
        "keep tenure",
    ];
    assert_eq!(agent.world().acts[..expected.len()], expected);
    agent.world().acts.clear();
    assert_eq!(agent.turns(&release(3), 5), Some(Phase::Released));
    let acts = agent.world().acts.clone();
    let acts: Vec<_> = acts.into_iter().filter(|act| !act.starts_with("keep") && *act != "check").collect();
    assert_eq!(acts, ["drop addresses", "close ports", "stop roles", "remove rendered"]);
    agent.world().assert_nothing_left();
    assert_eq!(agent.turns(&Order::Keep, 1), None);
}

/// Catches the mutants: epochs not kept, not read again, kept after the activation, compared with `<=` or not at all.
#[test]
fn an_older_epoch_is_refused_also_after_a_restart_of_agent_and_machine() {
    let mut agent = Agent::new();
    agent.turns(&hold(5), 10);
    agent.turns(&release(5), 6);
    for _ in 0..3 {
        let reason = failed(agent.turns(&hold(4), 5));
        assert!(reason.contains("epoch 4 is older than epoch 5"), "{reason}");
        assert!(failed(agent.turns(&hold(5), 5)).contains("epoch 5 was given up"));
        agent.world().assert_nothing_left();
        agent.restart();
        agent.reboot();
    }
    assert_eq!(agent.turns(&hold(6), 10), Some(Phase::Serving));
    // While it is held, too: what is held stays.
    assert_eq!(agent.turns(&hold(5), 10), Some(Phase::Serving));
    assert_eq!(agent.tenant.held().unwrap().epoch, Epoch::new(6));
}

/// Catches the mutant that ignores the epoch of a release.
#[test]
fn a_release_of_an_older_epoch_is_ignored() {
    let mut agent = Agent::new();
    agent.turns(&hold(5), 10);
    assert_eq!(agent.turns(&release(4), 10), Some(Phase::Serving));
    assert!(agent.world().address.is_some());
    assert_eq!(agent.turns(&release(6), 10), Some(Phase::Released));
    assert_eq!(agent.tenant.held().unwrap().epoch, Epoch::new(6), "as it was asked");
}

/// Catches the mutant that uses any bundle that comes.
#[test]
fn a_bundle_of_another_identity_or_epoch_is_refused() {
    for other in
        [(name("dns-2"), Epoch::new(5)), (name("dns-1"), Epoch::new(4)), (name("dns-1"), Epoch::new(6))]
    {
        let mut agent = Agent::new();
        agent.world().other_bundle = Some(other);
        let reason = failed(agent.turns(&hold(5), 10));
        assert!(reason.contains("the bundle is of identity"), "{reason}");
        assert!(!agent.world().acts.contains(&"take address"));
    }
}

/// Catches the mutants that take a damaged file for "nothing held" without looking, or that trust an order without a memory.
#[test]
fn a_damaged_memory_serves_nothing_twice() {
    let mut agent = Agent::new();
    agent.turns(&hold(5), 10);
    agent.world().held = Some(Err(()));
    agent.restart();
    agent.turn(&Order::Keep);
    agent.world().assert_nothing_left();
    assert_eq!(agent.tenant.held(), None);
    assert_eq!(agent.turns(&hold(5), 10), Some(Phase::Serving), "the site knows that it holds nothing else");

    agent.world().are_epochs_damaged = true;
    agent.restart();
    assert_eq!(agent.turns(&hold(4), 10), Some(Phase::Serving), "what is served stays");
    assert_eq!(agent.turns(&hold(9), 10), Some(Phase::Serving));
    agent.reboot();
    agent.world().are_epochs_damaged = true;
    agent.restart();
    assert!(failed(agent.turns(&hold(9), 10)).contains("not readable"));
    agent.world().assert_nothing_left();
}

/// Catches the mutants that stop after the first failure, or that say "released" before everything is gone.
#[test]
fn giving_up_goes_on_until_all_is_gone() {
    for act in
        ["drop addresses", "close ports", "stop roles", "remove rendered", "keep epochs", "keep tenure"]
    {
        let mut agent = Agent::new();
        agent.turns(&hold(5), 10);
        agent.world().failing.insert(act, 4);
        // The site may not even be there any more.
        agent.turn(&release(5));
        let mut turns = 0;
        while agent.world.borrow().address.is_some()
            || agent.world.borrow().is_running
            || agent.world.borrow().is_rendered
        {
            agent.turn_without_site();
            turns += 1;
            assert!(turns < 20, "{act}");
        }
        assert_eq!(agent.turns(&release(5), 6), Some(Phase::Released));
        agent.world().assert_nothing_left();
    }
}

/// Catches the mutants that say "released" before it is written down, after a tenure and without one.
#[test]
fn a_promise_is_written_down_before_it_is_made() {
    for before in [Order::Keep, hold(5)] {
        let mut agent = Agent::new();
        agent.turns(&before, 10);
        agent.world().failing.insert("keep epochs", 4);
        for _ in 0..20 {
            agent.turn(&release(5));
        }
        assert_eq!(agent.turns(&release(5), 1), Some(Phase::Released));
        agent.reboot();
        assert!(failed(agent.turns(&hold(5), 5)).contains("epoch 5 was given up"));
    }
    // That it failed is the same promise.
    let mut agent = Agent::new();
    agent.world().other_bundle = Some((name("dns-2"), Epoch::new(5)));
    agent.turns(&hold(5), 2);
    agent.world().failing.insert("keep epochs", 4);
    assert!(failed(agent.turns(&hold(5), 20)).contains("the bundle is of identity"));
}

/// Catches the mutant that waits for one step for ever.
#[test]
fn an_activation_that_does_not_end_fails_at_its_deadline_with_its_reason() {
    for act in ["fetch", "render", "open ports", "take address", "announce", "start", "check"] {
        let mut agent = Agent::new();
        agent.world().failing.insert(act, u32::MAX);
        let reason = failed(agent.turns(&hold(5), 400));
        assert!(
            reason.contains("not serving within 30 s") && reason.contains(&format!("{act} fails")),
            "{reason}"
        );
        agent.world().assert_nothing_left();
        assert!(agent.world().now < Duration::from_secs(600));
        assert!(
            failed(agent.turns(&hold(5), 50)).contains("not serving"),
            "it is not tried again at this epoch"
        );
    }
    let mut agent = Agent::new();
    agent.world().slow.insert("start", DEADLINE);
    agent.world().failing.insert("start", 1);
    assert!(failed(agent.turns(&hold(5), 50)).contains("still starting its services"));
}

/// Catches the mutants that let go when the site is silent, and that stop looking after health.
#[test]
fn a_site_that_is_away_for_long_changes_nothing() {
    let mut agent = Agent::new();
    agent.turns(&hold(5), 10);
    let address = agent.world().address.clone();
    agent.restart();
    for _ in 0..7200 {
        agent.turn_without_site();
    }
    assert!(agent.world().now > Duration::from_secs(3600));
    assert_eq!(
        (agent.tenant.held().map(|held| held.phase), &agent.world().address),
        (Some(Phase::Serving), &address)
    );
    agent.world().is_running = false;
    for _ in 0..10 {
        agent.turn_without_site();
    }
    assert!(agent.world().is_running, "a service that died is started again without the site");
}

/// Catches the mutant that announces because it is time to, whatever happened since.
#[test]
fn a_machine_that_stood_still_announces_nothing_before_the_site_confirms() {
    let mut agent = Agent::new();
    while agent.tenant.held().map(|held| held.phase) != Some(Phase::Serving) {
        agent.turn(&hold(5));
    }
    let announcements =
        |agent: &Agent| agent.world.borrow().acts.iter().filter(|act| **act == "announce").count();
    let before = announcements(&agent);
    agent.world().now += Duration::from_secs(40);
    for _ in 0..20 {
        agent.turn_without_site();
    }
    assert_eq!(announcements(&agent), before);
    agent.turns(&Order::Keep, 10);
    assert_eq!(announcements(&agent), before, "`Keep` says that the site is not sure");
    agent.turns(&hold(5), 20);
    assert_eq!(announcements(&agent), before + 2, "three in all");
    // Frozen between the order and taking the address.
    let mut agent = Agent::new();
    agent.turns(&hold(5), 5);
    assert!(!agent.world().acts.contains(&"take address"));
    agent.world().now += Duration::from_secs(10);
    agent.turn_without_site();
    agent.turn_without_site();
    assert!(!agent.world().acts.contains(&"take address"));
}

#[test]
fn a_role_that_cannot_be_healed_fails_and_is_given_up() {
    let mut agent = Agent::new();
    agent.turns(&hold(5), 10);
    agent.world().failing.insert("check", u32::MAX);
    assert!(matches!(agent.turns(&hold(5), 5), Some(Phase::Unhealthy { .. })));
    assert!(failed(agent.turns(&hold(5), 20)).contains("2 restarts did not help"));
    agent.world().assert_nothing_left();
    assert_eq!(agent.world().acts.iter().filter(|act| **act == "restart").count(), 2);
}

/// Catches, for example, the mutants that write down a tenure before its epoch, or the place after the address.
#[test]
fn an_agent_killed_at_any_step_ends_well() {
    for kill in 0..120 {
        let mut agent = Agent::new();
        agent.turns(&Order::Keep, 2);
        agent.world().killed_in = Some(kill);
        assert_eq!(agent.turns(&hold(3), 40), Some(Phase::Serving), "{kill}");
        let left = agent.world().killed_in.take();
        agent.world().killed_in = Some(kill);
        assert_eq!(agent.turns(&release(3), 40), Some(Phase::Released), "{kill}");
        agent.world().assert_nothing_left();
        if kill == 0 {
            assert_eq!(left, None, "it was killed");
        }
    }
}

#[derive(Clone, Debug)]
enum Happening {
    Site(Order),
    Silence(u8),
    Kill(u8),
    Reboot,
    Damage,
    Fail(usize, u8),
    Freeze(u8),
}

fn happening() -> impl Strategy<Value = Happening> {
    let identity = prop_oneof![Just(name("dns-1")), Just(name("dns-2"))];
    let order = (identity, 1..6_u64, 0..5_u8).prop_map(|(identity, epoch, kind)| match kind {
        0 => Order::Keep,
        1 => Order::Release { identity, epoch: Epoch::new(epoch) },
        _ => Order::Hold { identity, epoch: Epoch::new(epoch) },
    });
    prop_oneof![
        6 => order.prop_map(Happening::Site),
        2 => (1..20_u8).prop_map(Happening::Silence),
        2 => (0..30_u8).prop_map(Happening::Kill),
        1 => Just(Happening::Reboot),
        1 => Just(Happening::Damage),
        2 => (0..ACTS.len(), 1..8_u8).prop_map(|(act, count)| Happening::Fail(act, count)),
        1 => (1..100_u8).prop_map(Happening::Freeze),
    ]
}

const ACTS: [&str; 13] = [
    "keep epochs",
    "keep tenure",
    "fetch",
    "render",
    "open ports",
    "take address",
    "announce",
    "start",
    "check",
    "drop addresses",
    "close ports",
    "stop roles",
    "remove rendered",
];

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever happens in whatever order, the assertions of the model hold, and the next orders end well.
    #[test]
    fn no_history_makes_a_node_act_at_an_epoch_that_is_over(
        history in proptest::collection::vec((happening(), 1..12_u32), 1..40)
    ) {
        let mut agent = Agent::new();
        for (happening, turns) in history {
            match happening {
                Happening::Site(order) => { agent.turns(&order, turns); }
                Happening::Silence(count) => (0..count).for_each(|_| agent.turn_without_site()),
                Happening::Kill(at) => agent.world().killed_in = Some(at.into()),
                Happening::Reboot => agent.reboot(),
                Happening::Damage => {
                    let mut world = agent.world();
                    if world.held.is_some() { world.held = Some(Err(())); }
                    drop(world);
                    agent.restart();
                }
                Happening::Fail(act, count) => { agent.world().failing.insert(ACTS[act], count.into()); }
                Happening::Freeze(seconds) => agent.world().now += Duration::from_secs(seconds.into()),
            }
        }
        agent.world().failing.clear();
        prop_assert_eq!(agent.turns(&hold(100), 60), Some(Phase::Serving));
        prop_assert_eq!(agent.turns(&release(100), 60), Some(Phase::Released));
        agent.world().assert_nothing_left();
    }
}
