//! The rack agent as a part of the site: what it is told, and how nodes and operators reach it.
//!
//! Kind and exclusivity of a role are the image's to say: the agent starts once they are known, and starts anew when
//! they change. While there is none, nodes go on as they are, and nobody gets a bundle. It never forgets what a role
//! was because an image that lacks it came. Entry points: [`RackPart::run`], [`Agent`].

mod declared;
mod facts;
mod journal;
mod view;
mod volumes;

pub use view::{ClusterDetails, IdentityDetails, clusters, complete, identities};
pub use volumes::{VolumesError, why_it_stays};

use crate::definition::{AgentPlace, Bmc, Cluster, Dhcp, SiteDefinition, WantedImage};
use crate::events::{About, EventKind};
use crate::registry::{Note, Registry};
use crate::shelf::Shelf;
use declared::{Declared, Roles};
use journal::SiteJournal;
use std::net::IpAddr;
use std::sync::{Arc, PoisonError, RwLock};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tracing::info;
use understudy_core::base::fs::{self, FsError};
use understudy_core::model::epoch::Epoch;
use understudy_core::model::id::NodeId;
use understudy_core::model::name::Name;
use understudy_core::protocol::heartbeat::{Beat, Heartbeat, Order};
use understudy_ledger::{Ledger, LedgerError, Txn};
use understudy_plan::Timings;
use understudy_plan::config::{LastSpare, RackPolicy};
use understudy_rack::gateway::Gateway;
use understudy_rack::redfish::Login;
use understudy_rack::view::RackView;
use understudy_rack::{Granted, Handle, RackError};

/// How soon a node says again that it lives while nobody watches it.
const UNWATCHED_NEXT_MS: u64 = 1_000;
/// A second takeover of a rack waits for the first; a site has one rack.
const TAKEOVERS_MAX: usize = 1;

/// Why the rack agent does not start, or ends.
#[derive(Debug, thiserror::Error)]
pub enum RackPartError {
    #[error("cannot read the password of the BMCs")]
    Password(#[source] FsError),
    #[error("{} has no password in its first line", .0.display())]
    PasswordEmpty(std::path::PathBuf),
    #[error("{} with the password of the BMCs may be used by everybody (mode {mode:o})", path.display())]
    PasswordExposed { path: std::path::PathBuf, mode: u32 },
    #[error("cannot keep in the ledger what the image says of its roles")]
    Roles(#[source] LedgerError),
    #[error("an entry of the ledger about a role is not understood: {0}")]
    RoleEntry(String),
    #[error(transparent)]
    Rack(#[from] RackError),
    #[error("the rack agent has ended by itself")]
    Ended,
}

/// What the agent is told of the site.
pub struct RackPart {
    agent: Agent,
    settings: Settings,
    ledger: Arc<dyn Ledger>,
    registry: Registry,
    shelf: watch::Receiver<Arc<Shelf>>,
    image: WantedImage,
}

/// What of `site.toml` is the agent's.
struct Settings {
    rack: Name,
    policy: RackPolicy,
    clusters: Vec<Cluster>,
    bmc: Option<Bmc>,
    login: Option<Login>,
    gateway: Gateway,
}

/// The way to the agent; clones are cheap.
#[derive(Clone)]
pub struct Agent {
    shared: Arc<RwLock<Shared>>,
}

struct Shared {
    handle: Option<Handle>,
    /// Why there is none.
    why: String,
    /// What is wrong with a cluster, by its name.
    problems: Vec<(Name, String)>,
}

/// Reads what the agent needs of this machine. Without a part to run where `[rack]` says so.
pub fn build(
    definition: &SiteDefinition,
    ledger: Arc<dyn Ledger>,
    registry: Registry,
    shelf: watch::Receiver<Arc<Shelf>>,
) -> Result<(Agent, Option<RackPart>), RackPartError> {
    if definition.rack.agent == AgentPlace::Off {
        return Ok((Agent::without("site.toml says agent = \"off\" in [rack]"), None));
    }
    let agent = Agent::without("it waits for a verified image, which says what roles are");
    let settings = Settings {
        rack: definition.rack.name.clone(),
        policy: RackPolicy {
            fences_max: definition.rack.allowance as usize,
            window: definition.rack.allowance_window,
            takeovers_max: TAKEOVERS_MAX,
            last_spare: LastSpare::KeptForStrict,
        },
        clusters: definition.clusters.clone(),
        login: definition.bmc.as_ref().map(login).transpose()?,
        bmc: definition.bmc.clone(),
        gateway: gateway(definition),
    };
    let image = definition.image.clone();
    Ok((agent.clone(), Some(RackPart { agent, settings, ledger, registry, shelf, image })))
}

/// A group may read the file: that of a service whose configuration is root's.
fn login(bmc: &Bmc) -> Result<Login, RackPartError> {
    let text = fs::read_text(&bmc.password_file).map_err(RackPartError::Password)?;
    let mode = fs::mode(&bmc.password_file).map_err(RackPartError::Password)?;
    if mode & 0o007 != 0 {
        return Err(RackPartError::PasswordExposed { path: bmc.password_file.clone(), mode });
    }
    match text.lines().next().filter(|line| !line.is_empty()) {
        Some(line) => Ok(Login { user: bmc.user.as_str().to_owned(), password: line.to_owned() }),
        None => Err(RackPartError::PasswordEmpty(bmc.password_file.clone())),
    }
}

/// The gateway of the first network that nodes get their addresses in; the site itself proves nothing.
fn gateway(definition: &SiteDefinition) -> Gateway {
    let own = |network: &&crate::definition::Network| matches!(network.dhcp, Dhcp::Own { .. });
    let network = definition.networks.iter().find(own).or(definition.networks.first());
    let gateway = network.and_then(|network| network.gateway.filter(|at| *at != network.address.address));
    gateway.map_or(Gateway::None, Gateway::Icmp)
}

impl RackPart {
    /// Runs an agent whenever it is known what the roles are, until cancelled.
    pub async fn run(mut self, token: CancellationToken) -> Result<(), RackPartError> {
        if self.settings.clusters.is_empty() && !declared::was_anything_assigned(&*self.ledger).await? {
            self.agent.is_down("site.toml declares no identity");
            token.cancelled().await;
            return Ok(());
        }
        let mut roles = Roles::load(Arc::clone(&self.ledger)).await?;
        let mut standings = self.registry.standings().follow();
        let (facts, seen) =
            watch::channel(facts::of(&standings.borrow_and_update(), self.settings.bmc.as_ref()));
        loop {
            let Some(declared) = self.declare(&mut roles).await? else {
                tokio::select! {
                    () = token.cancelled() => return Ok(()),
                    () = self.shelf_changes() => {}
                }
                continue;
            };
            let journal = Arc::new(SiteJournal::new(self.registry.clone()));
            let config = self.config(&declared);
            let (handle, rack) =
                understudy_rack::build(config, Arc::clone(&self.ledger), seen.clone(), journal).await?;
            self.agent.is_up(handle);
            let child = token.child_token();
            let mut running = std::pin::pin!(rack.run(child.clone()));
            loop {
                tokio::select! {
                    () = &mut running => {
                        self.agent.is_down("it has ended");
                        return if token.is_cancelled() { Ok(()) } else { Err(RackPartError::Ended) };
                    }
                    changed = standings.changed() => {
                        changed.map_err(|_| RackPartError::Ended)?;
                        let now = facts::of(&standings.borrow_and_update(), self.settings.bmc.as_ref());
                        facts.send_replace(now);
                    }
                    () = self.shelf_changes() => {
                        if self.declare(&mut roles).await?.is_some_and(|next| next != declared) {
                            info!("the image says something else of a role: the rack agent starts anew");
                            self.agent.is_down("it starts anew");
                            child.cancel();
                            (&mut running).await;
                            break;
                        }
                    }
                }
            }
        }
    }

    fn config(&self, declared: &Declared) -> understudy_rack::Config {
        understudy_rack::Config {
            rack: self.settings.rack.clone(),
            policy: self.settings.policy.clone(),
            timings: Timings::default(),
            takeovers_max: TAKEOVERS_MAX,
            identities: declared.identities.clone(),
            clusters: declared.clusters.clone(),
            login: self.settings.login.clone(),
            gateway: self.settings.gateway,
        }
    }

    /// Waits for another shelf. Whoever makes shelves ends with the site: then there is no other.
    async fn shelf_changes(&mut self) {
        if self.shelf.changed().await.is_err() {
            std::future::pending().await
        }
    }

    /// What is declared by the newest image; nothing while no image has said what any role is.
    async fn declare(&mut self, roles: &mut Roles) -> Result<Option<Declared>, RackPartError> {
        let manifest = {
            let shelf = self.shelf.borrow_and_update();
            shelf.wanted(&self.image).map(|image| image.manifest.roles.clone())
        };
        if let Some(known) = &manifest {
            roles.learn(known, &self.settings.clusters).await?;
        }
        let (declared, problems) =
            roles.declare(&self.settings.clusters, &self.settings.rack, manifest.as_ref());
        // While there is no image, nobody can say that it lacks something.
        let told = if manifest.is_some() { problems.as_slice() } else { &[] };
        for (cluster, problem) in self.agent.tell(told) {
            let text = format!("cluster {cluster}: {problem}");
            let note = Note { kind: EventKind::RoleMissing, about: About::default(), text };
            self.registry.commit(Txn::new(), vec![note]).await;
        }
        let is_known = manifest.is_some() || problems.is_empty();
        Ok(is_known.then_some(declared))
    }
}

impl Agent {
    fn without(why: &str) -> Self {
        let shared = Shared { handle: None, why: why.to_owned(), problems: Vec::new() };
        Self { shared: Arc::new(RwLock::new(shared)) }
    }

    fn is_up(&self, handle: Handle) {
        self.shared.write().unwrap_or_else(PoisonError::into_inner).handle = Some(handle);
    }

    fn is_down(&self, why: &str) {
        let mut shared = self.shared.write().unwrap_or_else(PoisonError::into_inner);
        (shared.handle, shared.why) = (None, why.to_owned());
    }

    /// Keeps what is wrong with clusters; gives back what is new of it.
    fn tell(&self, problems: &[(Name, String)]) -> Vec<(Name, String)> {
        let mut shared = self.shared.write().unwrap_or_else(PoisonError::into_inner);
        let news = problems.iter().filter(|problem| !shared.problems.contains(problem)).cloned().collect();
        shared.problems = problems.to_vec();
        news
    }

    fn handle(&self) -> Option<Handle> {
        self.shared.read().unwrap_or_else(PoisonError::into_inner).handle.clone()
    }

    /// The agent, or why there is none.
    pub fn running(&self) -> Result<Handle, String> {
        let shared = self.shared.read().unwrap_or_else(PoisonError::into_inner);
        shared.handle.clone().ok_or_else(|| format!("the rack agent does not run: {}", shared.why))
    }

    /// What is wrong with a cluster as it is declared.
    pub fn problem(&self, cluster: &Name) -> Option<String> {
        let shared = self.shared.read().unwrap_or_else(PoisonError::into_inner);
        shared.problems.iter().find(|(name, _)| name == cluster).map(|(_, problem)| problem.clone())
    }

    /// A node lives; what it is to hold. Waits for nobody.
    pub fn heartbeat(&self, node: &NodeId, beat: Heartbeat, remote: IpAddr) -> Beat {
        match self.handle() {
            Some(handle) => handle.heartbeat(node, beat, remote),
            None => Beat { order: Order::Keep, probe: Vec::new(), next_in_ms: UNWATCHED_NEXT_MS },
        }
    }

    /// What the ledger says of the grant, if this node is granted, or holds, exactly this identity at exactly this epoch.
    pub fn granted(&self, node: &NodeId, identity: &Name, epoch: Epoch) -> Option<Granted> {
        self.handle()?.granted(node, identity, epoch)
    }

    /// What operators see, while there is an agent.
    pub fn view(&self) -> Option<Arc<RackView>> {
        self.handle().map(|handle| handle.view())
    }

    /// Prometheus' text.
    pub fn metrics(&self) -> String {
        self.handle().map(|handle| handle.metrics()).unwrap_or_default()
    }
}
