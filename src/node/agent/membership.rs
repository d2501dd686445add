//! A node that runs from its disk tells its site so, and hears what it is.
//!
//! A site that is away changes nothing here: the node stays what it was told to be last.

use crate::console::say;
use crate::enrol::{Client, ClientError, Kept};
use crate::init::boot_id;
use crate::inventory;
use crate::network::{has_link, wired};
use std::time::{Duration, Instant};
use understudy_core::base::causes::with_causes;
use understudy_core::base::fs;
use understudy_core::formats::boot_facts::BootFacts;
use understudy_core::formats::image_facts::ImageFacts;
use understudy_core::model::mac::MacAddress;
use understudy_core::protocol::instruction::{Action, Instruction};
use understudy_core::protocol::report::{BootSource, Hello, Report, Status};

/// Between two reports, whatever a site asks for.
const PAUSE_MIN: Duration = Duration::from_millis(200);
const PAUSE_MAX: Duration = Duration::from_secs(60);
/// After a request that failed; doubled up to [`PAUSE_MAX`].
const RETRY: Duration = Duration::from_secs(1);

/// This boot's conversation with the site.
pub struct Membership {
    client: Client,
    hello: Hello,
    /// Units that failed in this boot.
    failed_units: Vec<String>,
    instruction: Option<Instruction>,
    next: Instant,
    retry: Duration,
    said: String,
}

impl Membership {
    /// Says nothing yet.
    pub fn new(
        kept: &Kept,
        image: &ImageFacts,
        boot: &BootFacts,
        failed_units: Vec<String>,
    ) -> fs::Result<Self> {
        let inventory = inventory::take();
        let disk = inventory.disks.iter().find(|disk| disk.name == boot.disk);
        let source = BootSource::Disk {
            disk_serial: disk.map(|disk| disk.serial.clone()).unwrap_or_default(),
            slot: boot.slot,
            root_hash: boot.root_hash,
            vouched_by: boot.vouched_by,
            name: image.name.clone(),
            version: image.version.clone(),
        };
        Ok(Self {
            client: Client::new(&kept.site.url, &kept.site.ca, &kept.key),
            hello: Hello { boot_id: boot_id()?, source, mac: own_mac(), inventory },
            failed_units,
            instruction: None,
            next: Instant::now(),
            retry: RETRY,
            said: String::new(),
        })
    }

    /// Speaks when it is time to; returns at once otherwise.
    pub fn step(&mut self) {
        if Instant::now() < self.next {
            return;
        }
        match self.ask() {
            Ok(instruction) => {
                self.tell(&told(&instruction.action));
                let pause = Duration::from_millis(instruction.report_in_ms).clamp(PAUSE_MIN, PAUSE_MAX);
                if instruction.action == Action::Greet {
                    self.instruction = None;
                    self.next = Instant::now() + pause;
                    return;
                }
                // The answer to a hello brings the nonce, which is returned at once.
                let is_first = self.instruction.replace(instruction).is_none();
                self.next = Instant::now() + if is_first { Duration::ZERO } else { pause };
                self.retry = RETRY;
            }
            Err(error) => {
                self.tell(&with_causes(&error));
                // A site that does not know this boot any more is told about it again.
                if matches!(error, ClientError::Refused { .. }) {
                    self.instruction = None;
                }
                self.next = Instant::now() + self.retry;
                self.retry = (self.retry * 2).min(PAUSE_MAX);
            }
        }
    }

    fn ask(&mut self) -> Result<Instruction, ClientError> {
        let Some(instruction) = &self.instruction else {
            // The link that was not up at the first try may be up now.
            self.hello.mac = own_mac();
            return self.client.enrol(&self.hello);
        };
        let nonce = instruction.nonce.clone();
        let status = match self.failed_units.as_slice() {
            [] => Status::Ready { nonce },
            units => Status::Degraded { nonce, units: units.to_vec() },
        };
        self.client.report(&Report { boot_id: self.hello.boot_id.clone(), status })
    }

    fn tell(&mut self, text: &str) {
        if self.said != text {
            say(text);
            text.clone_into(&mut self.said);
        }
    }
}

/// What the site made of this node, for the console.
fn told(action: &Action) -> String {
    match action {
        Action::Stay => "the site counts this node as a spare".to_owned(),
        Action::Wait { reason } => format!("the site lets this node wait: {reason}"),
        Action::Greet => "the site does not know this boot; saying hello".to_owned(),
        Action::Refuse { reason } => format!("the site refuses this node: {reason}"),
        Action::BootDisk => "the site knows that this node runs from its disk".to_owned(),
        Action::Install(order) => {
            let (name, version) = (&order.name, &order.version);
            format!("the site wants {name} {version} on this node; start it again to install")
        }
    }
}

/// The address of the first interface with a link, by which the site knows the node's boot requests.
fn own_mac() -> MacAddress {
    let all = wired();
    let first = all.iter().find(|interface| has_link(&interface.name)).or(all.first());
    first.map_or(MacAddress::new([0; 6]), |interface| interface.mac)
}
