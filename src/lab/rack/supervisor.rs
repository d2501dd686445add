//! Process 1 of a lab: builds the rack, tells that it is up, and lives as long as it does.
//!
//! Entry point: [`run`].

use super::folder::{FolderError, LabFolder};
use super::network::{self, NetworkError};
use super::origin::{self, OriginError};
use super::plan::{Management, NodeName, NodePlan, Plan};
use super::site::{Site, SiteError, SiteStatus};
use super::start::{StartError, Word, take_plan, wait_for_lifeline};
use crate::bmc::{Bmc, BmcError, Controls};
use crate::control::server::{Control, Lab, done};
use crate::control::{Answer, BmcStatus, DiskStatus, Frames, LabStatus, NodeStatus, Request, SOCKET};
use crate::machine::qemu::Files;
use crate::machine::{BadPlace, Config, Handle, Machine, MachineError, Order};
use crate::switch::{Fabric, Switch, SwitchError, card_socket};
use nix::errno::Errno;
use nix::mount::{MsFlags, mount};
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::os::fd::OwnedFd;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::signal::unix::{SignalKind, signal};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use understudy_core::base::byte_count::ByteCount;
use understudy_core::base::causes::with_causes;
use understudy_core::base::fs::{self, FsError};

/// Sockets only.
const PRIVATE_OPTIONS: &str = "mode=0700,size=1m";
/// Of bad luck on the cables: the same in every lab.
const SEED: u64 = 0x756e_6465_7273_7475;
/// How much of a console's end is looked at for its last line.
const CONSOLE_TAIL_BYTES: u64 = 2048;

/// The lab did not come up.
#[derive(Debug, thiserror::Error)]
pub enum SupervisorError {
    #[error(transparent)]
    Plan(#[from] StartError),
    #[error(transparent)]
    Folder(#[from] FolderError),
    #[error(transparent)]
    Origin(#[from] OriginError),
    #[error(transparent)]
    File(#[from] FsError),
    #[error("cannot mount a place for sockets")]
    Private(#[source] Errno),
    #[error("cannot write the log")]
    Log(#[source] Errno),
    #[error("cannot start the lab's runtime")]
    Runtime(#[source] io::Error),
    #[error(transparent)]
    Network(#[from] NetworkError),
    #[error(transparent)]
    Switch(#[from] SwitchError),
    #[error(transparent)]
    Machine(#[from] MachineError),
    #[error(transparent)]
    Bmc(#[from] BmcError),
    #[error(transparent)]
    Site(#[from] SiteError),
    #[error("cannot listen for questions")]
    Control(#[source] io::Error),
    #[error("nobody waits for this lab any more")]
    Abandoned(#[source] io::Error),
}

/// Takes the plan from standard input, brings the lab up, and returns after its end. What went wrong before it
/// was up is said to whoever waits for it.
pub fn run() -> Result<(), SupervisorError> {
    let result = bring_up();
    if let Err(error) = &result {
        // It may have been said that the lab is up, or nobody may wait any more; the log has it too.
        let reason = with_causes(error);
        let word = match error {
            SupervisorError::Site(_) => Word::NoSite(reason),
            _ => Word::Failed(reason),
        };
        drop(word.say());
    }
    result
}

fn bring_up() -> Result<(), SupervisorError> {
    let plan = take_plan()?;
    let folder = LabFolder::at(&plan.folder);
    let _lock = folder.take()?;
    if let Some(from) = &plan.from {
        origin::copy(from, &plan, &folder)?;
    }
    let log = fs::create(&folder.supervisor_log())?;
    nix::unistd::dup2_stderr(&log).map_err(SupervisorError::Log)?;
    fs::create_dir_all(&folder.private())?;
    let flags = MsFlags::MS_NOSUID | MsFlags::MS_NODEV | MsFlags::MS_NOEXEC;
    mount(Some("lab"), &folder.private(), Some("tmpfs"), flags, Some(PRIVATE_OPTIONS))
        .map_err(SupervisorError::Private)?;
    let uplink = network::set_up()?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .map_err(SupervisorError::Runtime)?;
    let lifetime = plan.lifetime;
    let cancel = CancellationToken::new();
    let ended = cancel.clone();
    // A thread of its own, because nothing can make a read of standard input return; it ends with the process.
    std::thread::spawn(move || {
        wait_for_lifeline(lifetime);
        ended.cancel();
    });
    let result = runtime.block_on(supervise(plan, folder, uplink, cancel));
    runtime.shutdown_background();
    result
}

async fn supervise(
    plan: Plan,
    folder: LabFolder,
    uplink: OwnedFd,
    cancel: CancellationToken,
) -> Result<(), SupervisorError> {
    let mut tasks = JoinSet::new();
    let built = build(&plan, &folder, uplink, &cancel, &mut tasks).await;
    if built.is_ok() {
        let mut terminate = signal(SignalKind::terminate()).map_err(SupervisorError::Runtime)?;
        tokio::select! {
            () = cancel.cancelled() => {}
            _ = terminate.recv() => {}
        }
    }
    // The site first: machines that lose their power together are a rack that loses it.
    cancel.cancel();
    while let Some(ended) = tasks.join_next().await {
        if let Err(error) = ended {
            tracing::error!(error = %error, "a part of the lab panicked");
        }
    }
    built
}

type Tasks = JoinSet<()>;

/// Starts everything, the machines last, unless they go on from where they were.
async fn build(
    plan: &Plan,
    folder: &LabFolder,
    uplink: OwnedFd,
    cancel: &CancellationToken,
    tasks: &mut Tasks,
) -> Result<(), SupervisorError> {
    let cards = plan.nodes.iter().map(|node| card_socket(&folder.private(), node.name.number())).collect();
    let system = format!("lab-{}", plan.name);
    let switch = Switch::build(crate::switch::Config { uplink, cards, seed: SEED, system })?;
    let fabric = switch.fabric();
    essential(tasks, cancel, "the switch", switch.run(cancel.clone()));

    let mut nodes = Vec::new();
    for node in &plan.nodes {
        nodes.push(build_node(plan, node, folder, &fabric, cancel, tasks).await?);
    }
    // A site that saw a machine without power, and then heard it go on as if it had never lost it, would call its BMC a liar.
    let goes_on = plan.from.as_deref().is_some_and(origin::is_suspended);
    if goes_on {
        let had_power = |node: &&Node| origin::memory(plan, node.plan.name).is_some();
        order_all(nodes.iter().filter(had_power), Order::On).await?;
    }
    let site = serve(plan, folder, cancel, tasks).await?;
    let rack = Arc::new(Rack {
        plan: plan.clone(),
        folder: folder.clone(),
        fabric,
        nodes,
        site,
        cancel: cancel.clone(),
    });
    let control = Control::build(&folder.private().join(SOCKET), Arc::clone(&rack))
        .map_err(SupervisorError::Control)?;
    essential(tasks, cancel, "the control socket", control.run(cancel.clone()));
    if !goes_on {
        order_all(rack.nodes.iter(), Order::On).await?;
    }
    let state = serde_json::to_vec_pretty(plan).map_err(|error| SupervisorError::Control(error.into()))?;
    fs::write_atomic(&folder.state_file(), &state)?;
    Word::Up.say().map_err(SupervisorError::Abandoned)?;
    if plan.lifetime == super::plan::Lifetime::Detached {
        // Whoever started the lab must not wait for the end of this pipe.
        let nothing = fs::open_update(Path::new("/dev/null"))?;
        nix::unistd::dup2_stdout(&nothing).map_err(SupervisorError::Log)?;
    }
    Ok(())
}

/// Starts the plan's site, if there is one; what can be seen of it from now on.
async fn serve(
    plan: &Plan,
    folder: &LabFolder,
    cancel: &CancellationToken,
    tasks: &mut Tasks,
) -> Result<Arc<Mutex<Option<SiteStatus>>>, SupervisorError> {
    let seen = Arc::new(Mutex::new(None));
    if let Some(wanted) = &plan.site {
        let site = Site::build(folder, plan, wanted).await?;
        set(&seen, site.status());
        let (seen, cancel) = (Arc::clone(&seen), cancel.clone());
        tasks.spawn(async move { set(&seen, site.run(cancel).await) });
    }
    Ok(seen)
}

/// A part without which there is no lab.
fn essential(
    tasks: &mut Tasks,
    cancel: &CancellationToken,
    part: &'static str,
    work: impl Future<Output = io::Result<()>> + Send + 'static,
) {
    let cancel = cancel.clone();
    tasks.spawn(async move {
        if let Err(error) = work.await {
            tracing::error!(part, error = %error, "a part of the lab ended");
        }
        cancel.cancel();
    });
}

async fn build_node(
    plan: &Plan,
    node: &NodePlan,
    folder: &LabFolder,
    fabric: &Arc<Fabric>,
    cancel: &CancellationToken,
    tasks: &mut Tasks,
) -> Result<Node, SupervisorError> {
    let files = Files {
        folder: folder.node(node.name),
        memory: folder.memory(node.name),
        private: folder.private(),
        number: node.name.number(),
    };
    let config = Config {
        plan: node.clone(),
        files,
        suspended: origin::memory(plan, node.name),
        processors: plan.processors,
        memory: plan.memory,
        management: plan.management,
        fabric: Arc::clone(fabric),
    };
    let (machine, handle) = Machine::build(config)?;
    tasks.spawn(machine.run(cancel.clone()));
    let mut controls = None;
    if plan.management == Management::Bmc {
        network::set_bmc_address(*node.bmc.ip(), true)?;
        let own = Arc::new(Controls::new(node.clone(), handle.clone()));
        let bmc = Bmc::build(Arc::clone(&own)).await?;
        essential(tasks, cancel, "a BMC", bmc.run(cancel.clone()));
        controls = Some(own);
    }
    Ok(Node { plan: node.clone(), machine: handle, bmc: controls })
}

fn disks(node: &NodePlan, bad: Option<BadPlace>) -> Vec<DiskStatus> {
    let describe = |(number, size): (usize, &ByteCount)| DiskStatus {
        serial: node.disk_serial(number),
        bytes: size.get(),
        fails_writes_at: bad.filter(|bad| usize::from(bad.disk) == number).map(|bad| bad.at.get()),
    };
    (1..).zip(&node.disks).map(describe).collect()
}

fn set(site: &Mutex<Option<SiteStatus>>, status: SiteStatus) {
    *site.lock().unwrap_or_else(PoisonError::into_inner) = Some(status);
}

struct Node {
    plan: NodePlan,
    machine: Handle,
    bmc: Option<Arc<Controls>>,
}

struct Rack {
    plan: Plan,
    folder: LabFolder,
    fabric: Arc<Fabric>,
    nodes: Vec<Node>,
    site: Arc<Mutex<Option<SiteStatus>>>,
    cancel: CancellationToken,
}

impl Rack {
    /// All machines at once, so that none of them misses another one, and the lab ends.
    async fn suspend(&self) -> Answer {
        let made = fs::create_dir_all(&self.folder.memories());
        if let Err(error) = made {
            return Answer::Refused { reason: with_causes(&error) };
        }
        if let Some(frozen) = self.nodes.iter().find(|node| node.machine.status().frozen) {
            return Answer::Refused { reason: MachineError::Frozen(frozen.plan.name).to_string() };
        }
        match order_all(self.nodes.iter(), Order::Suspend).await {
            Ok(()) => {
                self.cancel.cancel();
                Answer::GoingDown
            }
            Err(error) => Answer::Refused { reason: with_causes(&error) },
        }
    }

    fn status(&self) -> LabStatus {
        LabStatus {
            name: self.plan.name.clone(),
            folder: self.folder.path().to_owned(),
            supervisor: pid_on_computer(),
            site: self.site.lock().unwrap_or_else(PoisonError::into_inner).clone(),
            nodes: self.nodes.iter().map(|node| self.node_status(node)).collect(),
        }
    }

    fn node_status(&self, node: &Node) -> NodeStatus {
        let (status, port) = (node.machine.status(), node.plan.name.number());
        let passed = self.fabric.status(port);
        let bmc = node
            .bmc
            .as_ref()
            .map(|controls| BmcStatus { url: format!("http://{}", node.plan.bmc), mode: controls.mode() });
        NodeStatus {
            node: node.plan.name,
            firmware: node.plan.firmware,
            power: status.power,
            frozen: status.frozen,
            plugged: status.plugged,
            uptime_s: status.since.map(|since| since.elapsed().as_secs_f64()),
            pid: status.pid,
            resets: status.resets,
            mac: node.plan.mac,
            uuid: node.plan.uuid.clone(),
            boot: status.boot,
            disks: disks(&node.plan, status.bad_place),
            bmc,
            frames: Frames {
                from_node: passed.counters.received,
                to_node: passed.counters.sent,
                lost: passed.counters.lost,
                overflowed: passed.overflowed,
            },
            line: self.fabric.line(port),
            console_last_line: last_line(&self.folder.console(node.plan.name)),
        }
    }

    async fn act(&self, name: NodeName, request: Request) -> Answer {
        let Some(node) = self.nodes.iter().find(|node| node.plan.name == name) else {
            let names: Vec<String> = self.nodes.iter().map(|node| node.plan.name.to_string()).collect();
            return Answer::Refused {
                reason: format!("there is no {name} in this lab, but {}", names.join(", ")),
            };
        };
        match request {
            Request::Order { order, .. } => {
                let result = node.machine.order(order).await;
                done(result, self.node_status(node))
            }
            Request::Line { line, .. } => {
                self.fabric.set_line(name.number(), line);
                Answer::Done(self.node_status(node))
            }
            Request::Bmc { mode, .. } => match &node.bmc {
                Some(controls) => done(set_mode(controls, &node.plan, mode), self.node_status(node)),
                None => Answer::Refused { reason: "the machines of this lab have no BMC".to_owned() },
            },
            Request::Status | Request::Suspend | Request::Down => Answer::Lab(self.status()),
        }
    }
}

/// At once, as when a rack gets its power.
async fn order_all<'a>(nodes: impl Iterator<Item = &'a Node>, order: Order) -> Result<(), MachineError> {
    let mut ordered = JoinSet::new();
    for node in nodes {
        let machine = node.machine.clone();
        ordered.spawn(async move { machine.order(order).await });
    }
    let mut result = Ok(());
    while let Some(done) = ordered.join_next().await {
        result = result.and(done.unwrap_or(Err(MachineError::Gone)));
    }
    result
}

impl Lab for Rack {
    async fn answer(&self, request: Request) -> Answer {
        match request {
            Request::Status => Answer::Lab(self.status()),
            Request::Suspend => self.suspend().await,
            Request::Down => {
                self.cancel.cancel();
                Answer::GoingDown
            }
            Request::Order { node, .. } | Request::Line { node, .. } | Request::Bmc { node, .. } => {
                self.act(node, request).await
            }
        }
    }
}

/// This process by its number outside: `/proc` is still the computer's own.
fn pid_on_computer() -> Option<u32> {
    std::fs::read_link("/proc/self").ok()?.to_str()?.parse().ok()
}

/// A dead BMC has no address, so that whoever asks it hears nothing at all.
fn set_mode(controls: &Controls, node: &NodePlan, mode: crate::bmc::mode::Mode) -> Result<(), NetworkError> {
    use crate::bmc::mode::Mode::Dead;
    if (mode == Dead) != (controls.mode() == Dead) {
        network::set_bmc_address(*node.bmc.ip(), mode != Dead)?;
    }
    controls.set_mode(mode);
    Ok(())
}

/// The last line with something on it, without what moves a terminal's cursor.
fn last_line(console: &Path) -> String {
    let tail = fs::open(console).ok().and_then(|file| tail(file).ok()).unwrap_or_default();
    let text = crate::console::plain(&String::from_utf8_lossy(&tail));
    text.lines().rev().map(str::trim).find(|line| !line.is_empty()).unwrap_or_default().to_owned()
}

fn tail(mut file: File) -> io::Result<Vec<u8>> {
    let start = file.metadata()?.len().saturating_sub(CONSOLE_TAIL_BYTES);
    file.seek(SeekFrom::Start(start))?;
    let mut bytes = Vec::new();
    file.take(CONSOLE_TAIL_BYTES).read_to_end(&mut bytes)?;
    Ok(bytes)
}
