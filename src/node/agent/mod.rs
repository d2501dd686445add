//! The node agent: tells systemd that it lives, and people what this node is.
//!
//! A node that was enrolled speaks with its site; any other is a spare that waits for one. Three loops beside this
//! one: heartbeats, the tenant of an identity, and a look at peers. systemd's watchdog is fed only while they turn.

mod board;
mod heartbeat;
#[cfg(test)]
mod loops_tests;
mod membership;
mod operator_keys;
pub mod probe;

use crate::console::{say, seconds_since_kernel_start};
use crate::enrol::{Kept, KeptError};
use crate::identity::{Machine, Memory, Node, RenderError, Templates, Tenant};
use crate::init::boot_id;
use crate::network::{Neighbours, wired};
use board::{Board, News, Turning};
use heartbeat::Pulse;
use membership::Membership;
use std::io::Read;
use std::path::Path;
use std::process::{ExitCode, Stdio};
use std::thread::sleep;
use std::time::Duration;
use understudy_core::base::causes::with_causes;
use understudy_core::base::fs::{self, FsError};
use understudy_core::base::notify::Notifier;
use understudy_core::base::process::{Process, ProcessError, Running};
use understudy_core::formats::boot_facts::{BOOT_FACTS_PATH, BootFacts, Vouched};
use understudy_core::formats::image_facts::{IMAGE_FACTS_PATH, ImageFacts};

/// How often the agent looks, and tells systemd's watchdog that it still does.
const LOOK: Duration = Duration::from_millis(500);
/// How long the tenant's loop sleeps at most.
const TURN: Duration = Duration::from_secs(1);
/// What outlives a boot, and what does not.
const STATE: &str = "/var";
const RUN: &str = "/run";
/// How many failed units are named.
const UNITS_MAX: usize = 8;

/// Why the agent cannot work.
#[derive(Debug, thiserror::Error)]
enum AgentError {
    #[error("cannot read what this node is; was it started by our /init?")]
    Facts(#[source] FsError),
    #[error("{path} is not readable")]
    Format {
        path: &'static str,
        #[source]
        source: serde_json::Error,
    },
    #[error("cannot reach systemd")]
    Notify(#[source] std::io::Error),
    #[error("cannot ask systemd how the boot went")]
    Systemd(#[from] ProcessError),
    #[error("cannot read this node's enrolment")]
    Enrolment(#[from] KeptError),
    #[error("cannot tell this boot from others")]
    BootId(#[source] FsError),
    #[error("cannot hear how the boot went")]
    Read(#[source] std::io::Error),
    #[error("cannot read what this image can do")]
    Roles(#[from] RenderError),
    #[error("cannot start a thread")]
    Thread(#[source] std::io::Error),
}

/// Runs until systemd ends it.
pub fn main() -> ExitCode {
    let Err(error) = run();
    say(&format!("the node agent ends: {}", with_causes(&error)));
    ExitCode::FAILURE
}

fn run() -> Result<std::convert::Infallible, AgentError> {
    // From now on: a switch speaks every half minute, and the boot takes about as long.
    let neighbours = Neighbours::listen(&wired());
    let image: ImageFacts = read(IMAGE_FACTS_PATH)?;
    let boot: BootFacts = read(BOOT_FACTS_PATH)?;
    let systemd = Notifier::from_environment().map_err(AgentError::Notify)?;
    systemd.tell("READY=1\nSTATUS=waiting for the boot to end");
    let state = wait_for_boot(&systemd)?;
    let kept = Kept::read(Path::new(STATE))?;
    let what = match (&state, &kept) {
        (Boot::Degraded(units), _) => format!("degraded: {}", units.join(" ")),
        (Boot::Healthy, None) => "spare, waiting for a site".to_owned(),
        (Boot::Healthy, Some(kept)) => format!("up as node {} of {}", kept.key.node_id(), kept.site.url),
    };
    let line = format!("{what} ({})", describe(&image, &boot));
    say(&line);
    systemd.tell(&format!("STATUS={line}"));
    let failed_units = match state {
        Boot::Healthy => Vec::new(),
        Boot::Degraded(units) => units,
    };
    let join =
        |kept| Membership::new(kept, &image, &boot, failed_units, neighbours).map_err(AgentError::BootId);
    let mut membership = kept.as_ref().map(join).transpose()?;
    let board = kept.as_ref().map(|kept| start_loops(kept, &image, &boot)).transpose()?;
    loop {
        // A loop that hangs is what the watchdog is for.
        if board.is_none_or(Board::is_alive) {
            systemd.tell("WATCHDOG=1");
        }
        if let Some(membership) = &mut membership {
            membership.step();
        }
        sleep(LOOK);
    }
}

/// Starts what runs beside the conversation about membership. The loops live as long as the process: systemd ends them with
/// it, and what they have half done is found again by the next agent.
fn start_loops(kept: &Kept, image: &ImageFacts, boot: &BootFacts) -> Result<&'static Board, AgentError> {
    let memory = Memory::new(Path::new(RUN), Path::new(STATE));
    let (remembered, epochs) = (memory.tenure(), memory.epochs());
    let node = Node::new(kept, image, &boot.disk, Templates::of_image(), memory)?;
    let mut tenant = Tenant::new(node, remembered, epochs);
    let board: &'static Board = Box::leak(Box::new(Board::new(tenant.held())));
    let pulse = Pulse::new(kept, boot_id().map_err(AgentError::BootId)?, board);
    let named = |name: &str| std::thread::Builder::new().name(name.to_owned());
    named("heartbeat").spawn(move || -> () { pulse.run() }).map_err(AgentError::Thread)?;
    named("tenant").spawn(move || -> () { hold(&mut tenant, board) }).map_err(AgentError::Thread)?;
    named("probe").spawn(move || -> () { probe::run(board) }).map_err(AgentError::Thread)?;
    Ok(board)
}

/// The tenant's loop: one act at a time, the newest word before each.
fn hold<M: Machine>(tenant: &mut Tenant<M>, board: &Board) -> ! {
    loop {
        board.turned(Turning::Tenant);
        let (word, version) = board.word();
        let pause = tenant.turn(&word);
        board.hold(tenant.held());
        board.wait(News::Inward, version, pause.min(TURN));
    }
}

fn read<T: serde::de::DeserializeOwned>(path: &'static str) -> Result<T, AgentError> {
    let text = fs::read(Path::new(path)).map_err(AgentError::Facts)?;
    serde_json::from_slice(&text).map_err(|source| AgentError::Format { path, source })
}

fn describe(image: &ImageFacts, boot: &BootFacts) -> String {
    let vouched = match boot.vouched_by {
        Vouched::SecureBoot => "verified boot",
        Vouched::Nobody => "unverified boot",
    };
    let ImageFacts { name, version, .. } = image;
    let BootFacts { slot, disk, .. } = boot;
    let seconds = seconds_since_kernel_start();
    format!("{name} {version}, slot {slot} of {disk}, {vouched}, {seconds:.1} s after kernel start")
}

/// How systemd's boot ended.
enum Boot {
    Healthy,
    Degraded(Vec<String>),
}

/// Waits for systemd's jobs, alive for its watchdog all the while.
fn wait_for_boot(systemd: &Notifier) -> Result<Boot, AgentError> {
    let wait = Process::new("systemctl").args(["is-system-running", "--wait"]);
    let mut waiting = wait.with(pipe_stdout).spawn()?;
    while !has_ended(&mut waiting) {
        systemd.tell("WATCHDOG=1");
        sleep(LOOK);
    }
    let mut state = String::new();
    if let Some(mut stdout) = waiting.child.stdout.take() {
        stdout.read_to_string(&mut state).map_err(AgentError::Read)?;
    }
    if state.trim() == "running" {
        return Ok(Boot::Healthy);
    }
    let list =
        Process::new("systemctl").args(["list-units", "--state=failed", "--plain", "--no-legend"]).run()?;
    let text = String::from_utf8_lossy(&list.stdout).into_owned();
    let units = text.lines().filter_map(|line| line.split_ascii_whitespace().next()).take(UNITS_MAX);
    let mut units: Vec<String> = units.map(str::to_owned).collect();
    if units.is_empty() {
        units.push(format!("systemd is {}", state.trim()));
    }
    Ok(Boot::Degraded(units))
}

fn pipe_stdout(command: &mut std::process::Command) {
    command.stdout(Stdio::piped());
}

fn has_ended(running: &mut Running) -> bool {
    // A child that cannot be waited for will not end either.
    !matches!(running.child.try_wait(), Ok(None))
}
