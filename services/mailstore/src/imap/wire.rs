//! The octets of one connection: commands come out of them, and what is said goes into them.
//!
//! While a session waits, it holds one small buffer. What is said leaves when there is enough of it and at the end of each command; a
//! client that does not take it is given up.

use super::config::Timeouts;
use super::pace::Pace;
use super::parts::Parts;
use bytes::Bytes;
use mail::imap::command::Tag;
use mail::imap::reader::{Broken, Input, Limits, Reader, TooLarge};
use mail::imap::response::Writer;
use mail::listen::{End, FAREWELL, Stream};
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::{Instant, sleep, sleep_until, timeout};

/// Of a session that waits for a command.
const COMMAND_BUFFER_OCTETS: usize = 4 * 1024;
const MESSAGE_BUFFER_OCTETS: usize = 64 * 1024;
/// Of what is said before it leaves.
const OUT_OCTETS_MAX: usize = 32 * 1024;
/// A larger literal has to wait until there is memory for it.
const LITERAL_OCTETS_FREE: usize = 64 * 1024;
/// What is held for each octet of a literal while it grows.
const LITERAL_COPIES: u64 = 2;

pub(super) struct Wire {
    parts: Arc<Parts>,
    pub(super) stream: Stream,
    pub(super) end: End,
    /// What was not sent yet.
    pub(super) out: Writer,
    pub(super) pace: Pace,
    reader: Reader,
    /// What has come, and how much of it was read.
    input: Vec<u8>,
    read: usize,
    /// Memory of the literals of the command that comes.
    room: Option<OwnedSemaphorePermit>,
    is_message: bool,
    is_gone: bool,
}

/// What comes from a client.
#[derive(Debug)]
pub(super) enum Heard {
    /// A whole command.
    Command(Bytes),
    /// A line that was asked for.
    Line(Vec<u8>),
    /// A command whose literal is too large.
    Refused(Option<Tag>, TooLarge),
}

/// Why nothing more comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ended {
    /// The client is not there any more, or does not take what is said.
    Gone,
    TimedOut,
    /// The server goes.
    Draining,
    Broken(Broken),
    /// The mailbox that was selected is not there any more.
    MailboxGone,
    TooManyErrors,
}

impl Wire {
    pub(super) fn new(parts: Arc<Parts>, stream: Stream, end: End) -> Self {
        let pace = Pace::new(parts.config.timeouts, Instant::now());
        Self {
            parts,
            stream,
            end,
            out: Writer::new(),
            pace,
            reader: Reader::new(Limits::BEFORE_LOGIN),
            input: Vec::new(),
            read: 0,
            room: None,
            is_message: false,
            is_gone: false,
        }
    }

    /// The client is known: it may send messages, and take its time.
    pub(super) fn known(&mut self, append_octets_max: usize) {
        self.reader.set_limits(Limits::after_login(append_octets_max));
        self.pace.known();
    }

    /// What was sent in the clear behind STARTTLS was never said (CVE-2011-0411).
    pub(super) fn forget(&mut self) {
        self.reader = Reader::new(Limits::BEFORE_LOGIN);
        self.input = Vec::new();
        self.read = 0;
    }

    pub(super) fn expect_line(&mut self) {
        self.reader.expect_line();
    }

    /// A command was answered, or its answer begins to take its time.
    pub(super) fn rest(&mut self) {
        let now = Instant::now();
        self.pace.rest(now);
        if self.read < self.input.len() {
            self.pace.hear(now);
        }
    }

    /// The next thing that the client says. May be dropped, but while a literal is asked for.
    pub(super) async fn hear(&mut self) -> Result<Heard, Ended> {
        loop {
            while let Some(input) = self.pull() {
                match input {
                    Input::Command(octets) => return Ok(Heard::Command(octets)),
                    Input::Line(line) => return Ok(Heard::Line(line)),
                    Input::Refused { tag, error } => return Ok(Heard::Refused(tag, error)),
                    Input::Literal { octets, is_waiting } => self.begin_literal(octets, is_waiting).await?,
                    Input::Broken(broken) => return Err(Ended::Broken(broken)),
                }
            }
            self.read().await?;
        }
    }

    fn pull(&mut self) -> Option<Input> {
        let mut rest = self.input.get(self.read..).unwrap_or_default();
        let pulled = self.reader.pull(&mut rest);
        self.read = self.input.len() - rest.len();
        if !matches!(pulled, None | Some(Input::Literal { .. })) {
            self.is_message = false;
        }
        pulled
    }

    async fn begin_literal(&mut self, octets: usize, is_waiting: bool) -> Result<(), Ended> {
        if octets > LITERAL_OCTETS_FREE {
            self.is_message = true;
            // All of the last command was answered when this one began to come.
            self.room = None;
            self.pace.message(Instant::now());
            let room = Arc::clone(&self.parts.incoming).take((octets as u64).saturating_mul(LITERAL_COPIES));
            self.room = Some(tokio::select! {
                room = room => room,
                () = sleep_until(self.pace.deadline()) => return Err(Ended::TimedOut),
                () = self.end.hurry.cancelled() => return Err(Ended::Draining),
            });
            self.pace.message(Instant::now());
        }
        if is_waiting {
            self.out.go_on("Go on");
            self.flush().await?;
        }
        Ok(())
    }

    /// The memory of a command's literals is free again.
    pub(super) fn release(&mut self) {
        self.room = None;
    }

    async fn read(&mut self) -> Result<(), Ended> {
        if self.is_gone {
            return Err(Ended::Gone);
        }
        self.make_room();
        let is_between = self.reader.is_between_commands();
        let read = tokio::select! {
            biased;
            () = self.end.drain.cancelled(), if is_between => return Err(Ended::Draining),
            () = self.end.hurry.cancelled() => return Err(Ended::Draining),
            () = sleep_until(self.pace.deadline()) => {
                self.parts.numbers.timeouts.one_more();
                return Err(Ended::TimedOut);
            }
            read = self.stream.read_buf(&mut self.input) => read,
        };
        match read {
            Ok(0) | Err(_) => {
                self.is_gone = true;
                Err(Ended::Gone)
            }
            Ok(_) => {
                self.pace.hear(Instant::now());
                Ok(())
            }
        }
    }

    /// All that came was read: the buffer is as large as what comes now needs.
    fn make_room(&mut self) {
        let size = if self.is_message { MESSAGE_BUFFER_OCTETS } else { COMMAND_BUFFER_OCTETS };
        self.read = 0;
        self.input.clear();
        if self.input.capacity() != size {
            self.input = Vec::with_capacity(size);
        }
    }

    /// Sends what was said, if that is enough to be sent.
    pub(super) async fn flush_much(&mut self) -> Result<(), Ended> {
        if self.out.len() < OUT_OCTETS_MAX {
            return Ok(());
        }
        self.flush().await
    }

    /// Sends what was said.
    pub(super) async fn flush(&mut self) -> Result<(), Ended> {
        let said = self.out.take();
        self.send(&said).await
    }

    /// Sends octets of a literal whose head was said. What was said before goes first.
    pub(super) async fn send_behind(&mut self, octets: &[u8]) -> Result<(), Ended> {
        self.flush().await?;
        self.send(octets).await
    }

    async fn send(&mut self, octets: &[u8]) -> Result<(), Ended> {
        if self.is_gone {
            return Err(Ended::Gone);
        }
        if octets.is_empty() {
            return Ok(());
        }
        let stream = &mut self.stream;
        let send = async {
            stream.write_all(octets).await?;
            stream.flush().await
        };
        let Timeouts { reply, .. } = self.parts.config.timeouts;
        let is_sent = tokio::select! {
            sent = timeout(reply, send) => match sent {
                Ok(sent) => sent.is_ok(),
                Err(_) => {
                    self.parts.numbers.timeouts.one_more();
                    false
                }
            },
            () = cut_off(&self.end) => false,
        };
        if !is_sent {
            self.is_gone = true;
            return Err(Ended::Gone);
        }
        self.parts.numbers.octets.more(octets.len() as u64);
        Ok(())
    }

    /// Nothing can be said any more: what was begun cannot be ended as it should be.
    pub(super) fn give_up(&mut self) -> Ended {
        self.is_gone = true;
        Ended::Gone
    }

    /// Last words.
    pub(super) async fn part(mut self) {
        if self.flush().await.is_ok() {
            mail::listen::part(&mut self.stream, &self.end).await;
        }
    }

    /// Whether a long work has to stop.
    pub(super) fn must_stop(&self) -> Result<(), Ended> {
        if self.end.hurry.is_cancelled() { Err(Ended::Draining) } else { Ok(()) }
    }

    /// Begins TLS; whether it has begun.
    pub(super) async fn begin_tls(&mut self) -> bool {
        let Some(tls) = &self.parts.tls else { return false };
        self.parts.numbers.handshakes.one_more();
        let acceptor = tls.acceptor();
        let handshake: Duration = self.parts.config.timeouts.handshake;
        let is_begun = tokio::select! {
            done = timeout(handshake, self.stream.begin_tls(&acceptor)) => matches!(done, Ok(Ok(()))),
            () = self.end.hurry.cancelled() => false,
        };
        if !is_begun {
            self.parts.numbers.handshakes_failed.one_more();
            self.is_gone = true;
        }
        is_begun
    }
}

/// When there is no more time, for last words either.
async fn cut_off(end: &End) {
    end.hurry.cancelled().await;
    sleep(FAREWELL).await;
}
