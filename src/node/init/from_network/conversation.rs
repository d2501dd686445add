//! What a site and a node that booted from the network say to each other, one instruction at a time.

use super::hand_over;
use super::{FromNetworkError, Met, SILENCE_MAX, tell};
use crate::console::say;
use crate::enrol::{Client, ClientError, Kept, Trusted};
use crate::init::modules::Modules;
use crate::install::install;
use std::thread::sleep;
use std::time::{Duration, Instant};
use understudy_core::base::byte_count::ByteCount;
use understudy_core::base::causes::with_causes;
use understudy_core::formats::command_line::BootSettings;
use understudy_core::protocol::instruction::{Action, Install, Instruction};
use understudy_core::protocol::report::{Hello, Report, Status};

/// However long a site asks us to wait.
const PAUSE_MAX: Duration = Duration::from_secs(30);
/// However short.
const PAUSE_MIN: Duration = Duration::from_millis(200);
/// After a request that failed.
const RETRY: Duration = Duration::from_secs(3);
/// Progress is told this often.
const PROGRESS: Duration = Duration::from_secs(1);

fn pause(instruction: &Instruction) -> Duration {
    Duration::from_millis(instruction.report_in_ms).clamp(PAUSE_MIN, PAUSE_MAX)
}

/// The conversation of one boot.
pub struct Conversation<'a> {
    kept: Kept,
    /// Whether the enrolment is on this node's disk.
    is_kept: bool,
    /// What this node's disk has trusted before.
    trusted: Trusted,
    client: Client,
    hello: Hello,
    settings: &'a BootSettings,
    modules: &'a Modules,
    /// What was said last on the console, so that a wait does not fill it.
    said: String,
}

impl<'a> Conversation<'a> {
    pub fn new(met: Met, hello: Hello, settings: &'a BootSettings, modules: &'a Modules) -> Self {
        let Met { kept, is_kept, trusted, .. } = met;
        let client = Client::new(&kept.site.url, &kept.site.ca, &kept.key);
        Self { kept, is_kept, trusted, client, hello, settings, modules, said: String::new() }
    }

    /// Until this node should start again; returns why.
    pub fn run(mut self) -> Result<String, FromNetworkError> {
        let mut instruction = self.patiently(|client, hello| client.enrol(hello))?;
        loop {
            let status = match instruction.action.clone() {
                Action::Install(order) => self.install(&order),
                Action::BootDisk => {
                    self.keep()?;
                    return Ok("the site sends this node to its disk".to_owned());
                }
                Action::Greet => {
                    sleep(pause(&instruction));
                    instruction = self.patiently(|client, hello| client.enrol(hello))?;
                    continue;
                }
                Action::Wait { reason } => self.wait(&reason, &instruction),
                Action::Refuse { reason } => {
                    self.wait(&format!("the site refuses this node: {reason}"), &instruction)
                }
                // Only a node that runs from its disk is a spare.
                Action::Stay => {
                    return Ok("the site takes this node for one that runs from its disk".to_owned());
                }
            };
            instruction = self.report(status)?;
        }
    }

    fn wait(&mut self, reason: &str, instruction: &Instruction) -> Status {
        if self.said != reason {
            say(reason);
            self.said = reason.to_owned();
        }
        sleep(pause(instruction));
        Status::Waiting
    }

    fn report(&self, status: Status) -> Result<Instruction, FromNetworkError> {
        let report = Report { boot_id: self.hello.boot_id.clone(), status };
        self.patiently(|client, _| client.report(&report))
    }

    /// Repeats a request until it is answered or the site has been silent for too long.
    fn patiently<T>(
        &self,
        ask: impl Fn(&Client, &Hello) -> Result<T, ClientError>,
    ) -> Result<T, FromNetworkError> {
        let began = Instant::now();
        let mut is_told = false;
        loop {
            match ask(&self.client, &self.hello) {
                Ok(answer) => return Ok(answer),
                Err(error) if began.elapsed() > SILENCE_MAX => return Err(FromNetworkError::Silence(error)),
                Err(error) if !is_told => {
                    tell(&error);
                    is_told = true;
                }
                Err(_) => {}
            }
            sleep(RETRY);
        }
    }

    fn install(&mut self, order: &Install) -> Status {
        let Install { name, version, .. } = order;
        say(&format!("installing {name} {version} from {}", order.url));
        match self.try_install(order) {
            Ok(()) => {
                self.is_kept = true;
                say(&format!("{name} {version} is on the disk"));
                Status::Installed
            }
            Err((reason, disk_touched)) => {
                say(&format!("the installation failed: {reason}"));
                Status::InstallFailed { reason, disk_touched }
            }
        }
    }

    fn try_install(&self, order: &Install) -> Result<(), (String, bool)> {
        let mut told = Instant::now();
        let mut progress = |bytes: u64, total_bytes: u64| {
            if told.elapsed() < PROGRESS {
                return;
            }
            told = Instant::now();
            let percent = bytes * 100 / total_bytes.max(1);
            say(&format!("installing: {percent} % of {}", ByteCount::bytes(total_bytes)));
            let status = Status::Installing { bytes, total_bytes };
            let report = Report { boot_id: self.hello.boot_id.clone(), status };
            // The site hears the next one; the work does not stop for it.
            if let Err(error) = self.client.report(&report) {
                tell(&error);
            }
        };
        let manifest = install(order, &self.trusted, &mut progress)
            .map_err(|error| (with_causes(&error), error.has_touched_disk()))?;
        let trusted = self.trusted.with(&manifest.name, &manifest.version);
        hand_over::leave(&manifest.root_hash, &self.kept, &trusted, self.settings, self.modules)
            .map_err(|error| (with_causes(&error), true))
    }

    /// A disk that holds the image but not this enrolment would boot as a node that nobody knows.
    fn keep(&self) -> Result<(), FromNetworkError> {
        if self.is_kept {
            return Ok(());
        }
        say("leaving this node's enrolment on its disk");
        let root_hash = &self.settings.root_hash;
        hand_over::leave(root_hash, &self.kept, &self.trusted, self.settings, self.modules)
            .map_err(|error| FromNetworkError::Keep(Box::new(error)))
    }
}
