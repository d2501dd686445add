//! The heartbeat loop: says that this node lives and what it holds, and hears what it is to hold.
//!
//! A thread of its own with a connection of its own, so that nothing that the node does stops it. A site that is away
//! changes nothing: the last order stays, and only what needs a fresh confirmation waits.

use super::board::{Board, News, Turning};
use crate::console::{say, since_kernel_start};
use crate::enrol::{Client, ClientError, Kept};
use crate::identity::Word;
use std::time::Duration;
use understudy_core::base::causes::with_causes;
use understudy_core::protocol::heartbeat::{Beat, Heartbeat};

/// Of one heartbeat; a site that takes longer hears the next one.
const PATIENCE: Duration = Duration::from_secs(2);
/// However long or short a site asks us to wait.
const PAUSE_MAX: Duration = Duration::from_secs(5);
const PAUSE_MIN: Duration = Duration::from_millis(50);
/// After a heartbeat that failed; doubled up to [`RETRY_MAX`]. Nodes are not in step, so neither are their retries.
const RETRY: Duration = Duration::from_millis(500);
const RETRY_MAX: Duration = Duration::from_secs(2);
/// A turn that takes this much longer than it may is one in which the machine stood still.
const STILL: Duration = Duration::from_secs(2);

/// The conversation about life.
pub struct Pulse<'a> {
    client: Client,
    boot_id: String,
    board: &'a Board,
    retry: Duration,
    said: String,
}

impl<'a> Pulse<'a> {
    /// Says nothing yet.
    pub fn new(kept: &Kept, boot_id: String, board: &'a Board) -> Self {
        let client = Client::with_patience(&kept.site, &kept.key, PATIENCE);
        Self { client, boot_id, board, retry: RETRY, said: String::new() }
    }

    /// For as long as the agent lives.
    pub fn run(mut self) -> ! {
        let mut expected_by = since_kernel_start() + PAUSE_MAX;
        loop {
            self.board.turned(Turning::Heartbeat);
            if let Some(stood) = since_kernel_start().checked_sub(expected_by + STILL) {
                // Nothing else follows: every act that needs the site's word looks at the word's age by itself.
                let seconds = (stood + STILL).as_secs_f64();
                say(&format!(
                    "this machine stood still for {seconds:.1} s; asking the site what it is to hold"
                ));
            }
            let (version, pause) = self.beat();
            expected_by = since_kernel_start() + pause + PATIENCE;
            self.board.wait(News::Outward, version, pause);
        }
    }

    /// One heartbeat; how long to wait for the next, unless the board changes after this version.
    fn beat(&mut self) -> (u64, Duration) {
        let (held, seen, version) = self.board.report();
        let sent = since_kernel_start();
        let uptime_ms = u64::try_from(sent.as_millis()).unwrap_or(u64::MAX);
        let heartbeat = Heartbeat { boot_id: self.boot_id.clone(), uptime_ms, held, seen };
        match self.client.heartbeat(&heartbeat) {
            Ok(Beat { order, probe, next_in_ms }) => {
                self.board.hear(Word { order, sent }, probe);
                self.recovered();
                (version, Duration::from_millis(next_in_ms).clamp(PAUSE_MIN, PAUSE_MAX))
            }
            Err(error) => (version, self.failed(&error)),
        }
    }

    fn recovered(&mut self) {
        if !self.said.is_empty() {
            say("the site hears this node's heartbeats again");
            self.said.clear();
        }
        self.retry = RETRY;
    }

    fn failed(&mut self, error: &ClientError) -> Duration {
        let text = with_causes(error);
        if self.said != text {
            say(&format!("the site does not hear this node's heartbeats: {text}"));
            self.said = text;
        }
        let pause = self.retry;
        self.retry = (self.retry * 2).min(RETRY_MAX);
        pause
    }
}
