//! A rack, its nodes, its ledger on disk, and an agent that can be killed and started again.

use crate::events::{self, Events};
use crate::faults::{Faulty, Strike};
use crate::machines::{Machines, Server, login};
use crate::nodes::{Network, Node, Witness};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, RwLock};
use std::time::Duration;
use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;
use understudy_core::model::id::NodeId;
use understudy_core::model::name::Name;
use understudy_core::model::role::{ClusterKind, Exclusivity};
use understudy_ledger::{Ledger, Sqlite};
use understudy_plan::Timings;
use understudy_plan::config::{Declaration, Front, LastSpare, Needs, RackPolicy, SpareSource};
use understudy_plan::effect::{Note, NoteKind};
use understudy_plan::event::Command;
use understudy_rack::facts::Facts;
use understudy_rack::gateway::Gateway;
use understudy_rack::view::{Cluster, IdentityView, RackView};
use understudy_rack::{Carry, Config, Done, Handle, Refused};

/// For anything that should happen, on a busy computer.
const LIMIT: Duration = Duration::from_secs(30);
const LOOK: Duration = Duration::from_millis(20);

/// About a fifth of what a site uses: real time, and tests that end.
pub fn timings() -> Timings {
    let (millis, seconds) = (Duration::from_millis, Duration::from_secs);
    Timings {
        heartbeat: millis(100),
        late_after: millis(400),
        suspect_after: millis(700),
        ask_every: millis(100),
        sighting_max: millis(1000),
        uncorroborated_max: seconds(2),
        bmc_poll: millis(500),
        bmc_answer_max: seconds(1),
        off_silence: millis(300),
        power_off_again: millis(500),
        fence_max: seconds(3),
        unconfirmed_poll: millis(500),
        release_max: seconds(2),
        activation_max: seconds(3),
        unhealthy_max: seconds(1),
        settle: millis(500),
        ledger_answer_max: millis(1500),
        storm_window: seconds(5),
        cool_down: seconds(3),
        ..Timings::default()
    }
}

pub struct World {
    pub machines: Machines,
    pub ids: Vec<NodeId>,
    pub network: Arc<Network>,
    pub config: Config,
    _nodes: JoinSet<()>,
    folder: tempfile::TempDir,
}

/// An agent that runs.
pub struct Agent {
    pub handle: Handle,
    pub ledger: Arc<dyn Ledger>,
    token: CancellationToken,
    task: JoinHandle<()>,
}

pub fn name(text: &str) -> Name {
    text.parse().unwrap()
}

pub fn declaration(exclusivity: Exclusivity) -> Declaration {
    Declaration {
        cluster: name("dns"),
        rack: name("rack1"),
        exclusivity,
        kind: ClusterKind::Balanced,
        front: Front::IdentityAddress,
        needs: Needs::default(),
        spares: SpareSource::OwnRack,
        has_volume: false,
    }
}

fn config(identities: &[&str]) -> Config {
    let identities = identities.iter().map(|text| (name(text), declaration(Exclusivity::Strict)));
    let window = Duration::from_secs(600);
    Config {
        rack: name("rack1"),
        policy: RackPolicy { fences_max: 2, window, takeovers_max: 1, last_spare: LastSpare::ForAll },
        timings: timings(),
        takeovers_max: 2,
        identities: identities.collect(),
        clusters: BTreeMap::from([(name("dns"), Cluster { role: name("dns"), kind: ClusterKind::Balanced })]),
        login: Some(login()),
        gateway: Gateway::None,
    }
}

impl World {
    pub async fn new(nodes: u8, identities: &[&str]) -> Self {
        let machines = Machines::start(nodes).await;
        let id = |server: &Server| NodeId::of_public_key(server.plan.name.to_string().as_bytes());
        let ids: Vec<NodeId> = machines.all.iter().map(id).collect();
        let network = Arc::new(Network {
            servers: ids.iter().cloned().zip(machines.all.iter().cloned()).collect(),
            site: RwLock::new(None),
            facts: watch::Sender::new(Facts::new()),
            witness: Witness::default(),
            is_slow: AtomicBool::new(false),
        });
        let mut running = JoinSet::new();
        for (id, server) in ids.iter().cloned().zip(machines.all.iter().cloned()) {
            let network = Arc::clone(&network);
            running.spawn(Node { id, server, network, epochs: BTreeMap::new() }.run());
        }
        let folder = tempfile::tempdir().unwrap();
        Self { machines, ids, network, config: config(identities), _nodes: running, folder }
    }

    pub fn file(&self) -> PathBuf {
        self.folder.path().join("ledger.sqlite")
    }

    pub fn open(&self) -> Arc<dyn Ledger> {
        Arc::new(Sqlite::open(&self.file()).unwrap())
    }

    /// Starts an agent on the ledger's file.
    pub async fn start(&self) -> Agent {
        let ledger = self.open();
        self.start_on(Arc::clone(&ledger), ledger).await
    }

    /// Starts one that sees the ledger through a fault; the journal does as well.
    pub async fn start_on(&self, ledger: Arc<dyn Ledger>, seen: Arc<dyn Ledger>) -> Agent {
        let (handle, rack) = understudy_rack::build(
            self.config.clone(),
            Arc::clone(&seen),
            self.network.facts.subscribe(),
            Events::new(seen),
        )
        .await
        .unwrap();
        let token = CancellationToken::new();
        let task = tokio::spawn(rack.run(token.clone()));
        *self.network.site.write().unwrap() = Some(handle.clone());
        Agent { handle, ledger, token, task }
    }

    /// Starts one whose ledger has a fault; the token is cancelled when that struck.
    pub async fn start_faulty(&self, strike: Strike, nth: i64) -> (Agent, CancellationToken) {
        let ledger = self.open();
        let faulty = Faulty::new(Arc::clone(&ledger), strike, nth);
        let struck = faulty.struck.clone();
        (self.start_on(ledger, faulty).await, struck)
    }

    pub fn server(&self, id: &NodeId) -> &Server {
        &self.network.servers[id]
    }

    /// Who holds an identity, once it is held.
    #[track_caller]
    pub fn holder(&self, agent: &Agent, identity: &str) -> NodeId {
        agent.identity(identity).node.expect("it is held")
    }
}

impl Agent {
    pub fn view(&self) -> Arc<RackView> {
        self.handle.view()
    }

    pub fn identity(&self, identity: &str) -> IdentityView {
        let view = self.view();
        let found = view.identities.iter().find(|other| other.name.as_str() == identity);
        found.unwrap_or_else(|| panic!("no {identity} in {view:#?}")).clone()
    }

    /// Waits until the view says this.
    pub async fn until(&self, what: &str, is_so: impl Fn(&RackView) -> bool) -> Arc<RackView> {
        let began = Instant::now();
        loop {
            let view = self.view();
            if is_so(&view) {
                return view;
            }
            if began.elapsed() >= LIMIT {
                panic!("not {what}: {view:#?}\n{:#?}", self.told().await);
            }
            sleep(LOOK).await;
        }
    }

    /// Waits until an identity is held at an epoch, and says by whom.
    pub async fn held(&self, identity: &str, epoch: u64) -> NodeId {
        let what = format!("{identity} held at epoch {epoch}");
        let view = self.until(&what, |view| is_held(view, identity, epoch)).await;
        let found = view.identities.iter().find(|other| other.name.as_str() == identity);
        found.and_then(|identity| identity.node.clone()).unwrap()
    }

    pub async fn told(&self) -> Vec<Note> {
        events::all(&*self.ledger).await
    }

    /// Waits until an event of this kind is told, and gives its text.
    pub async fn tells(&self, kind: NoteKind) -> String {
        let began = Instant::now();
        loop {
            let told = self.told().await;
            if let Some(note) = told.iter().find(|note| note.kind == kind) {
                return note.text.clone();
            }
            assert!(began.elapsed() < LIMIT, "no {kind:?} in {told:#?}");
            sleep(LOOK).await;
        }
    }

    pub async fn command(&self, command: Command) -> Result<Done, Refused> {
        self.handle.command("anna", command, Carry::Out).await
    }

    /// As SIGKILL: nothing more of it happens, and its ledger is closed.
    pub async fn kill(self, world: &World) {
        *world.network.site.write().unwrap() = None;
        self.token.cancel();
        self.task.await.unwrap();
    }
}

pub fn is_held(view: &RackView, identity: &str, epoch: u64) -> bool {
    let mut identities = view.identities.iter().filter(|other| other.name.as_str() == identity);
    identities.any(|identity| identity.state == "held" && identity.epoch.number() == epoch)
}

/// Long enough for anything wrong to happen.
pub async fn nothing_more_happens() {
    sleep(Duration::from_secs(4)).await;
}
