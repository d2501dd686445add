//! The rack's switch, in user space: port 0 is the site's side of a veth pair, every other port a machine.
//!
//! `engine` decides, without sockets or a clock; `card` and `uplink` move frames. A queue that is full loses
//! frames and counts them, as a switch does; a machine that is off leaves nothing behind for its next start.
//! Entry points: [`Switch::build`], [`Switch::run`].

pub mod engine;
pub mod line;

mod card;
mod flip;
mod uplink;

use bytes::Bytes;
use engine::{Counters, Engine, Port};
use line::Line;
use std::io;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::net::UnixListener;
use tokio::sync::{Notify, mpsc};
use tokio::task::JoinSet;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// Frames that wait for one port.
const QUEUE_FRAMES_MAX: usize = 1024;
/// A little more than the largest frame that our machines' cards send.
const FRAME_BYTES_MAX: usize = 16_384;
/// Frames that are written at once.
const BATCH_FRAMES_MAX: usize = 64;
/// The port of the site.
const UPLINK: Port = 0;

/// The switch cannot be set up.
#[derive(Debug, thiserror::Error)]
pub enum SwitchError {
    #[error("cannot listen for the card of a machine at {}", path.display())]
    Card {
        path: PathBuf,
        #[source]
        source: io::Error,
    },
    #[error("cannot watch the packet socket")]
    Uplink(#[source] io::Error),
}

/// What a switch is made of.
pub struct Config {
    /// A packet socket on the far end of the site's veth pair, non-blocking.
    pub uplink: OwnedFd,
    /// Where each machine's card connects; machine N is port N, from 1.
    pub cards: Vec<PathBuf>,
    /// Of bad luck.
    pub seed: u64,
}

/// A switch whose sockets are open.
pub struct Switch {
    fabric: Arc<Fabric>,
    uplink: uplink::Uplink,
    cards: Vec<UnixListener>,
    queues: Vec<mpsc::Receiver<Bytes>>,
}

/// What happened at a port.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PortStatus {
    pub counters: Counters,
    /// Lost because whoever is at the port did not take them.
    pub overflowed: u64,
}

/// The handle with which cables are pulled and frames are counted.
pub struct Fabric {
    engine: Mutex<Engine>,
    queues: Vec<mpsc::Sender<Bytes>>,
    overflowed: Vec<AtomicU64>,
    started: Instant,
    /// Somebody waits for a frame that is due sooner than the others.
    sooner: Notify,
}

impl Switch {
    /// Opens the sockets.
    pub fn build(config: Config) -> Result<Self, SwitchError> {
        let ports = config.cards.len() + 1;
        let (senders, queues): (Vec<_>, Vec<_>) = (0..ports).map(|_| mpsc::channel(QUEUE_FRAMES_MAX)).unzip();
        let listen = |path: &PathBuf| {
            UnixListener::bind(path).map_err(|source| SwitchError::Card { path: path.clone(), source })
        };
        Ok(Self {
            uplink: uplink::Uplink::new(config.uplink).map_err(SwitchError::Uplink)?,
            cards: config.cards.iter().map(listen).collect::<Result<_, _>>()?,
            queues,
            fabric: Arc::new(Fabric {
                engine: Mutex::new(Engine::new(ports, config.seed)),
                queues: senders,
                overflowed: (0..ports).map(|_| AtomicU64::new(0)).collect(),
                started: Instant::now(),
                sooner: Notify::new(),
            }),
        })
    }

    /// For whoever pulls cables.
    pub fn fabric(&self) -> Arc<Fabric> {
        Arc::clone(&self.fabric)
    }

    /// Carries frames until cancelled. The first error of the uplink ends it; a card that misbehaves is only
    /// disconnected.
    pub async fn run(self, cancel: CancellationToken) -> io::Result<()> {
        let mut ports = JoinSet::new();
        let mut queues = self.queues.into_iter();
        let fabric = self.fabric;
        if let Some(queue) = queues.next() {
            let (fabric, cancel) = (Arc::clone(&fabric), cancel.clone());
            ports.spawn(async move { until(cancel, uplink::run(self.uplink, fabric, queue)).await });
        }
        for (index, (listener, queue)) in self.cards.into_iter().zip(queues).enumerate() {
            let (fabric, cancel) = (Arc::clone(&fabric), cancel.clone());
            ports.spawn(async move { until(cancel, card::run(listener, fabric, index + 1, queue)).await });
        }
        ports.spawn(until(cancel.clone(), async move { Err(fabric.deliver_late_frames().await) }));
        let mut result = Ok(());
        while let Some(ended) = ports.join_next().await {
            let ended = ended.unwrap_or_else(|error| Err(io::Error::other(error)));
            if ended.is_err() {
                cancel.cancel();
            }
            result = result.and(ended);
        }
        result
    }
}

async fn until(cancel: CancellationToken, work: impl Future<Output = io::Result<()>>) -> io::Result<()> {
    tokio::select! {
        () = cancel.cancelled() => Ok(()),
        result = work => result,
    }
}

impl Fabric {
    /// A frame came in.
    fn accept(&self, from: Port, frame: Bytes) {
        let (leaving, due_before, due_after) = {
            let mut engine = self.engine();
            let before = engine.next_due();
            let leaving = engine.step(self.started.elapsed(), from, frame);
            (leaving, before, engine.next_due())
        };
        self.enqueue(leaving);
        if due_before != due_after {
            self.sooner.notify_one();
        }
    }

    fn enqueue(&self, leaving: Vec<engine::Delivery>) {
        for delivery in leaving {
            if self.queues[delivery.port].try_send(delivery.frame).is_err() {
                self.overflowed[delivery.port].fetch_add(1, Ordering::Relaxed);
            }
        }
    }

    /// Never ends; the error is for the compiler's peace with other tasks.
    async fn deliver_late_frames(&self) -> io::Error {
        loop {
            let due = self.engine().next_due();
            let wait = async {
                match due {
                    Some(due) => tokio::time::sleep_until(self.started + due).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                () = wait => {
                    let leaving = self.engine().due(self.started.elapsed());
                    self.enqueue(leaving);
                }
                () = self.sooner.notified() => {}
            }
        }
    }

    /// Pulls or plugs a machine's cable.
    pub fn set_plugged(&self, port: Port, plugged: bool) {
        self.engine().set_plugged(port, plugged);
    }

    /// Makes a machine's cable worse or better.
    pub fn set_line(&self, port: Port, line: Line) {
        self.engine().set_line(port, line);
    }

    /// How well a machine's cable carries.
    pub fn line(&self, port: Port) -> Line {
        self.engine().line(port)
    }

    /// What passed at a port.
    pub fn status(&self, port: Port) -> PortStatus {
        PortStatus {
            counters: self.engine().counters(port),
            overflowed: self.overflowed[port].load(Ordering::Relaxed),
        }
    }

    fn engine(&self) -> MutexGuard<'_, Engine> {
        // The engine has no state that a panic could leave half changed in a way that matters to frames.
        self.engine.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The socket of a machine's card in the lab's private folder.
pub fn card_socket(folder: &Path, number: usize) -> PathBuf {
    folder.join(format!("{number}.card"))
}
