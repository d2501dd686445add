//! One machine of the rack: off is no process, on is a qemu; everything that its buttons and cables do.
//!
//! Entry points: [`Machine::build`], [`Machine::run`], and [`Handle`] for those who push buttons. Orders are
//! carried out one after another, and an order that was answered has happened: off is off.

pub mod boot;
mod error;
pub mod guest;
pub mod memory;
pub mod qemu;
pub mod qmp;

pub use error::MachineError;

use crate::rack::plan::{Management, NodePlan};
use crate::switch::Fabric;
use crate::vm::QEMU;
use boot::{BootOverride, BootTarget};
use guest::Guest;
use nix::sys::signal::Signal;
use qemu::Files;
use qmp::{Qmp, QmpError};
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio::net::UnixListener;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::{Instant, sleep, timeout};
use tokio_util::sync::CancellationToken;
use understudy_core::base::byte_count::ByteCount;
use understudy_core::base::fs;
use understudy_core::base::process::Process;

/// Orders that wait for a machine.
const ORDERS_MAX: usize = 16;
/// qemu on a computer that is busy with other machines.
const START_TIME_MAX: Duration = Duration::from_secs(60);
/// How long a power cycle leaves the machine off.
const CYCLE_PAUSE: Duration = Duration::from_secs(1);
/// How much of qemu's last words an error shows.
const WORDS_BYTES_MAX: usize = 600;

/// What a machine is made of.
pub struct Config {
    pub plan: NodePlan,
    pub files: Files,
    /// What the machine goes on from at its first power-on, instead of from its firmware.
    pub suspended: Option<PathBuf>,
    pub processors: u8,
    pub memory: ByteCount,
    pub management: Management,
    pub fabric: Arc<Fabric>,
}

/// What can be done to a machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Order {
    /// The power button of a machine that is off.
    On,
    /// The power is gone at once.
    Cut,
    /// All that the machine is, apart from its disks, goes into a file, and then its power is gone; what is off stays off.
    Suspend,
    /// The reset button; what is off stays off.
    Reset,
    /// Off for a moment, then on, whatever it was.
    Cycle,
    /// The power button of a machine that is on: its system is asked to go down.
    ShutDown,
    Nmi,
    /// Nothing in the machine moves, its clock included.
    Freeze,
    Thaw,
    Plug,
    Unplug,
    Boot(BootOverride),
    /// Which place of a disk fails from the next power-on; nothing: all disks are well.
    Disk(Option<BadPlace>),
}

/// A place of a disk where writes fail with EIO.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BadPlace {
    /// The disk's number, from 1.
    pub disk: u8,
    /// From the disk's beginning; the sector in which this byte is.
    pub at: ByteCount,
}

/// Whether a machine has power.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Power {
    On,
    Off,
}

/// What can be seen of a machine from outside.
#[derive(Clone, Copy, Debug)]
pub struct Status {
    pub power: Power,
    pub frozen: bool,
    pub plugged: bool,
    /// The moment of power-on, if it is on.
    pub since: Option<Instant>,
    /// Of qemu, as the computer's own `/proc` has it.
    pub pid: Option<u32>,
    /// How often it has started again by itself since power-on.
    pub resets: u32,
    pub boot: BootOverride,
    pub bad_place: Option<BadPlace>,
}

type Request = (Order, oneshot::Sender<Result<(), MachineError>>);

/// Pushes a machine's buttons and sees its lights.
#[derive(Clone)]
pub struct Handle {
    orders: mpsc::Sender<Request>,
    status: watch::Receiver<Status>,
}

impl Handle {
    /// Returns when the order has been carried out.
    pub async fn order(&self, order: Order) -> Result<(), MachineError> {
        let (answer, answered) = oneshot::channel();
        self.orders.send((order, answer)).await.map_err(|_| MachineError::Gone)?;
        answered.await.unwrap_or(Err(MachineError::Gone))
    }

    /// What can be seen now.
    pub fn status(&self) -> Status {
        *self.status.borrow()
    }
}

/// A machine, off at first.
pub struct Machine {
    config: Config,
    orders: mpsc::Receiver<Request>,
    status: watch::Sender<Status>,
    boot: BootOverride,
    running: Option<(Guest, Qmp)>,
}

impl Machine {
    /// Makes the machine's folder and empty disks.
    pub fn build(config: Config) -> Result<(Self, Handle), MachineError> {
        let node = config.plan.name;
        qemu::prepare(&config.plan, &config.files).map_err(|source| MachineError::File { node, source })?;
        let (sender, orders) = mpsc::channel(ORDERS_MAX);
        let off = Status {
            power: Power::Off,
            frozen: false,
            plugged: true,
            since: None,
            pid: None,
            resets: 0,
            boot: BootOverride::default(),
            bad_place: None,
        };
        let (status, seen) = watch::channel(off);
        let machine = Self { config, orders, status, boot: BootOverride::default(), running: None };
        Ok((machine, Handle { orders: sender, status: seen }))
    }

    /// Carries out orders until cancelled; then the power is cut.
    pub async fn run(mut self, cancel: CancellationToken) {
        loop {
            let happened = tokio::select! {
                () = cancel.cancelled() => break,
                request = self.orders.recv() => match request {
                    Some(request) => Happened::Ordered(request),
                    None => break,
                },
                happened = observe(self.running.as_mut()) => happened,
            };
            match happened {
                Happened::Ordered((order, answer)) => {
                    let result = self.carry_out(order).await;
                    // Whoever gave it may be gone; it has been carried out all the same.
                    drop(answer.send(result));
                }
                Happened::Reset => self.status.send_modify(|status| status.resets += 1),
                Happened::Ended => self.cut(),
            }
        }
        self.cut();
    }

    async fn carry_out(&mut self, order: Order) -> Result<(), MachineError> {
        match order {
            Order::On if self.running.is_some() => Ok(()),
            Order::On => self.switch_on().await,
            Order::Cut => {
                self.cut();
                Ok(())
            }
            Order::Suspend => self.suspend().await,
            Order::Reset => {
                self.guest()?;
                self.cut();
                self.switch_on().await
            }
            Order::Cycle => {
                self.cut();
                sleep(CYCLE_PAUSE).await;
                self.switch_on().await
            }
            Order::ShutDown => self.steer("system_powerdown", json!({})).await,
            Order::Nmi => self.steer("inject-nmi", json!({})).await,
            Order::Freeze => self.freeze(),
            Order::Thaw => self.thaw().await,
            Order::Plug | Order::Unplug => self.set_plugged(order == Order::Plug).await,
            Order::Boot(boot) => {
                self.boot = boot;
                self.status.send_modify(|status| status.boot = boot);
                Ok(())
            }
            Order::Disk(bad) => {
                bad.map_or(Ok(()), |bad| self.check(bad))?;
                self.status.send_modify(|status| status.bad_place = bad);
                Ok(())
            }
        }
    }

    /// A place that the machine does not have could never fail.
    fn check(&self, bad: BadPlace) -> Result<(), MachineError> {
        let NodePlan { name: node, disks, .. } = &self.config.plan;
        let (node, disk) = (*node, bad.disk);
        let size = usize::from(disk).checked_sub(1).and_then(|index| disks.get(index));
        match size {
            Some(size) if bad.at < *size => Ok(()),
            Some(size) => Err(MachineError::BeyondDisk { node, disk, end: *size }),
            None => Err(MachineError::NoDisk { node, disk, count: disks.len() }),
        }
    }

    async fn suspend(&mut self) -> Result<(), MachineError> {
        let node = self.config.plan.name;
        if self.status.borrow().frozen {
            return Err(MachineError::Frozen(node));
        }
        if let Some((_, qmp)) = self.running.as_mut() {
            memory::save(qmp, &self.config.files.memory)
                .await
                .map_err(|source| MachineError::Suspend { node, source })?;
            self.cut();
        }
        Ok(())
    }

    async fn switch_on(&mut self) -> Result<(), MachineError> {
        let suspended = self.config.suspended.take();
        let (guest, mut qmp) = self.start(suspended.as_deref()).await?;
        let target = self.boot.target_of_start();
        self.boot = self.boot.after_start();
        let failed = |source| MachineError::Qmp { node: self.config.plan.name, source };
        if !self.status.borrow().plugged {
            set_link(&mut qmp, false).await.map_err(failed)?;
        }
        if self.boot.target_of_start() != target {
            order_devices(&mut qmp, self.boot.target_of_start()).await.map_err(failed)?;
        }
        if suspended.is_some() {
            let lost = |source| match source {
                QmpError::Connection(_) => MachineError::Stillborn {
                    node: self.config.plan.name,
                    words: last_words(&self.config.files),
                },
                source => failed(source),
            };
            memory::loaded(&mut qmp).await.map_err(lost)?;
        }
        qmp.execute("cont", json!({})).await.map_err(failed)?;
        self.status.send_modify(|status| {
            status.power = Power::On;
            status.since = Some(Instant::now());
            status.pid = guest.pid_on_computer();
            status.resets = 0;
            status.boot = self.boot;
        });
        self.running = Some((guest, qmp));
        Ok(())
    }

    /// A qemu that waits before the machine's first instruction.
    async fn start(&self, suspended: Option<&Path>) -> Result<(Guest, Qmp), MachineError> {
        let Config { plan, files, .. } = &self.config;
        let node = plan.name;
        let start =
            qemu::Start { target: self.boot.target_of_start(), bad_place: self.status.borrow().bad_place };
        let mut arguments =
            qemu::arguments(&self.config, start).map_err(|source| MachineError::File { node, source })?;
        arguments.extend(suspended.into_iter().flat_map(memory::arguments));
        let socket = files.qmp_socket();
        // A start that failed may have left its socket.
        drop(fs::remove_file(&socket));
        let listener = UnixListener::bind(&socket).map_err(|source| MachineError::Listen { node, source })?;
        let guest = Guest::start(Process::new(QEMU).args(&arguments), &files.words())
            .map_err(|source| MachineError::Guest { node, source })?;
        let connected = tokio::select! {
            connected = timeout(START_TIME_MAX, listener.accept()) => connected,
            () = guest.ended() => return Err(MachineError::Stillborn { node, words: last_words(files) }),
        };
        let (stream, _) = connected
            .map_err(|_| MachineError::Late { node })?
            .map_err(|source| MachineError::Listen { node, source })?;
        let qmp = Qmp::new(stream).await.map_err(|source| MachineError::Qmp { node, source })?;
        Ok((guest, qmp))
    }

    fn cut(&mut self) {
        if let Some((guest, _)) = self.running.take() {
            // How it ended does not matter, only that it has.
            drop(guest.end());
        }
        self.status.send_modify(|status| {
            status.power = Power::Off;
            status.frozen = false;
            status.since = None;
            status.pid = None;
        });
    }

    async fn steer(&mut self, command: &str, arguments: serde_json::Value) -> Result<(), MachineError> {
        let node = self.config.plan.name;
        if self.status.borrow().frozen {
            return Err(MachineError::Frozen(node));
        }
        let (_, qmp) = self.running.as_mut().ok_or(MachineError::Off(node))?;
        qmp.execute(command, arguments).await.map_err(|source| MachineError::Qmp { node, source })?;
        Ok(())
    }

    fn freeze(&mut self) -> Result<(), MachineError> {
        let node = self.config.plan.name;
        self.guest()?.freeze().map_err(|source| MachineError::Signal { node, source })?;
        self.status.send_modify(|status| status.frozen = true);
        Ok(())
    }

    async fn thaw(&mut self) -> Result<(), MachineError> {
        self.signal(Signal::SIGCONT)?;
        self.status.send_modify(|status| status.frozen = false);
        // The cable may have been pulled meanwhile.
        let plugged = self.status.borrow().plugged;
        self.set_plugged(plugged).await
    }

    fn signal(&self, signal: Signal) -> Result<(), MachineError> {
        let node = self.config.plan.name;
        self.guest()?.signal(signal).map_err(|source| MachineError::Signal { node, source })
    }

    /// The switch stops carrying frames at once; the machine sees its link go down as soon as it sees anything.
    async fn set_plugged(&mut self, plugged: bool) -> Result<(), MachineError> {
        self.config.fabric.set_plugged(self.config.plan.name.number(), plugged);
        self.status.send_modify(|status| status.plugged = plugged);
        let frozen = self.status.borrow().frozen;
        let Some((_, qmp)) = self.running.as_mut().filter(|_| !frozen) else { return Ok(()) };
        let node = self.config.plan.name;
        set_link(qmp, plugged).await.map_err(|source| MachineError::Qmp { node, source })
    }

    fn guest(&self) -> Result<&Guest, MachineError> {
        let running = self.running.as_ref().ok_or(MachineError::Off(self.config.plan.name))?;
        Ok(&running.0)
    }
}

enum Happened {
    Ordered(Request),
    /// The machine started again by itself, or its watchdog made it.
    Reset,
    /// It went off by itself, or its qemu was killed.
    Ended,
}

/// Waits for something that a machine does by itself; for ever if it is off.
async fn observe(running: Option<&mut (Guest, Qmp)>) -> Happened {
    let Some((guest, qmp)) = running else { return std::future::pending().await };
    loop {
        tokio::select! {
            () = guest.ended() => return Happened::Ended,
            event = qmp.event() => match event {
                Ok(event) if event == "RESET" => return Happened::Reset,
                Ok(_) => {}
                // The process is about to end, or must: it cannot be steered any more.
                Err(_) => return Happened::Ended,
            },
        }
    }
}

async fn set_link(qmp: &mut Qmp, up: bool) -> Result<(), QmpError> {
    qmp.execute("set_link", json!({ "name": qemu::CARD, "up": up })).await.map(drop)
}

/// Takes effect when the machine starts again by itself: firmware has been given the order for this start.
async fn order_devices(qmp: &mut Qmp, target: BootTarget) -> Result<(), QmpError> {
    // No two devices may have one place, not even for a moment.
    for (device, index) in
        [(qemu::CARD, -1), (qemu::DISK, target.disk_index().into()), (qemu::CARD, target.card_index().into())]
    {
        let path = format!("/machine/peripheral/{device}");
        let index: i32 = index;
        let arguments = json!({ "path": path, "property": "bootindex", "value": index });
        qmp.execute("qom-set", arguments).await?;
    }
    Ok(())
}

fn last_words(files: &Files) -> String {
    let text = fs::read_text(&files.words()).unwrap_or_default();
    let start = text.ceil_char_boundary(text.len().saturating_sub(WORDS_BYTES_MAX));
    let words = text[start..].trim();
    if words.is_empty() { "nothing".to_owned() } else { words.to_owned() }
}
