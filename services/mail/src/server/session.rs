//! One connection: what the engine says is done here, and what the client says is brought to it.

use super::Parts;
use super::config::TlsStart;
use super::pace::Pace;
use super::policy::{Peer, Policy};
use crate::content::Writer;
use crate::engine::{Action, Awaits, Ended, Engine, Event};
use crate::listen::{self, End, FAREWELL, Stream, Visitor};
use crate::message_id::MessageId;
use crate::reply::Refusal;
use std::collections::VecDeque;
use std::io;
use std::net::SocketAddr;
use std::ops::ControlFlow;
use std::sync::Arc;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::{Instant, sleep, sleep_until, timeout};
use tracing::debug;

/// Of a session that waits for a command.
const COMMAND_BUFFER_OCTETS: usize = 4 * 1024;
const CONTENT_BUFFER_OCTETS: usize = 64 * 1024;
/// Replies to pipelined commands leave together (RFC 2920, section 3.2), up to so many octets.
const REPLIES_OCTETS_MAX: usize = 16 * 1024;

pub(super) struct Session<P> {
    pub(super) parts: Arc<Parts<P>>,
    pub(super) engine: Engine,
    pub(super) stream: Stream,
    pub(super) client: SocketAddr,
    end: End,
    pace: Pace,
    /// Of the transaction.
    pub(super) mail: Option<MessageId>,
    pub(super) content: Option<Writer>,
    /// Replies that were not sent yet.
    replies: Vec<u8>,
    has_spoken: bool,
    is_gone: bool,
}

/// What a wait ends with.
enum Heard {
    Octets(usize),
    End(Ended),
}

impl<P: Policy> Session<P> {
    pub(super) fn new(parts: Arc<Parts<P>>, visitor: Visitor) -> Self {
        let Visitor { stream, client, end } = visitor;
        let engine = match parts.config.tls_start {
            TlsStart::AtCommand => Engine::new(Arc::clone(&parts.engine)),
            TlsStart::AtOnce => Engine::under_tls(Arc::clone(&parts.engine)),
        };
        let pace = Pace::new(parts.config.timeouts, Instant::now());
        Self {
            parts,
            engine,
            stream: Stream::Clear(stream),
            client,
            end,
            pace,
            mail: None,
            content: None,
            replies: Vec::new(),
            has_spoken: false,
            is_gone: false,
        }
    }

    pub(super) async fn run(mut self) {
        let parts = Arc::clone(&self.parts);
        let _open = parts.numbers.open.hold();
        let Ok(peer) = self.peer() else { return };
        if parts.config.tls_start == TlsStart::AtOnce && !self.begin_tls().await {
            return;
        }
        match self.welcome(peer).await {
            Ok(mut memory) => self.converse(&mut memory).await,
            Err(refusal) => {
                refusal.reply().write(&mut self.replies);
                self.part().await;
            }
        }
    }

    fn peer(&self) -> io::Result<Peer> {
        let Stream::Clear(stream) = &self.stream else { return Err(io::ErrorKind::NotConnected.into()) };
        // Replies are small, and clients wait for them.
        stream.set_nodelay(true)?;
        Ok(Peer { client: self.client, server: stream.local_addr()? })
    }

    async fn converse(&mut self, memory: &mut P::Session) {
        let mut buffer = Vec::new();
        let mut actions = self.engine.step(Event::Greet);
        while self.perform(actions, memory).await.is_continue() {
            actions = match self.hear(&mut buffer).await {
                Heard::Octets(octets) => self.engine.step(Event::Received(&buffer[..octets])),
                Heard::End(ended) => self.engine.step(Event::Ended(ended)),
            };
        }
    }

    async fn perform(&mut self, actions: Vec<Action>, memory: &mut P::Session) -> ControlFlow<()> {
        let mut actions = VecDeque::from(actions);
        while let Some(action) = actions.pop_front() {
            match action {
                Action::Send(octets) => self.say(&octets).await,
                Action::Content(octets) => {
                    let spool = &self.parts.spool;
                    self.content.get_or_insert_with(|| spool.begin()).write(&octets).await;
                }
                Action::Abandon => self.content = None,
                Action::Ask(question) => {
                    let answer = self.answer(question, memory).await;
                    actions.extend(self.engine.step(answer));
                }
                Action::BeginTls => {
                    self.flush().await;
                    let is_begun = self.begin_tls().await;
                    let event = if is_begun { Event::TlsBegun } else { Event::Ended(Ended::Gone) };
                    actions.extend(self.engine.step(event));
                }
                Action::Close => {
                    self.part().await;
                    return ControlFlow::Break(());
                }
            }
        }
        self.flush().await;
        ControlFlow::Continue(())
    }

    async fn say(&mut self, octets: &[u8]) {
        self.has_spoken = true;
        self.replies.extend_from_slice(octets);
        if self.replies.len() >= REPLIES_OCTETS_MAX {
            self.flush().await;
        }
    }

    /// Sends what was said, within the time that the client has to take it.
    async fn flush(&mut self) {
        let replies = std::mem::take(&mut self.replies);
        if replies.is_empty() || self.is_gone {
            return;
        }
        let stream = &mut self.stream;
        let send = async {
            stream.write_all(&replies).await?;
            stream.flush().await
        };
        let cut_off = async {
            self.end.hurry.cancelled().await;
            sleep(FAREWELL).await;
        };
        let sent = tokio::select! {
            sent = timeout(self.parts.config.timeouts.reply, send) => sent.is_ok_and(|sent| sent.is_ok()),
            () = cut_off => false,
        };
        self.is_gone = !sent;
    }

    async fn hear(&mut self, buffer: &mut Vec<u8>) -> Heard {
        if self.is_gone {
            return Heard::End(Ended::Gone);
        }
        let awaits = self.engine.awaits();
        self.pace.wait(Instant::now(), awaits, std::mem::take(&mut self.has_spoken));
        let size = if awaits == Awaits::Content { CONTENT_BUFFER_OCTETS } else { COMMAND_BUFFER_OCTETS };
        if buffer.len() != size {
            *buffer = vec![0; size];
        }
        let room = self.engine.room().min(size);
        tokio::select! {
            biased;
            () = self.end.drain.cancelled(), if self.engine.is_between_messages() => {
                Heard::End(Ended::ShuttingDown)
            }
            () = self.end.hurry.cancelled() => Heard::End(Ended::ShuttingDown),
            () = sleep_until(self.pace.deadline()) => {
                self.parts.numbers.timeouts.one_more();
                Heard::End(Ended::TimedOut)
            }
            read = self.stream.read(&mut buffer[..room]) => match read {
                Ok(0) | Err(_) => Heard::End(Ended::Gone),
                Ok(octets) => Heard::Octets(octets),
            },
        }
    }

    /// Whether it succeeded.
    async fn begin_tls(&mut self) -> bool {
        let Some(tls) = &self.parts.tls else { return false };
        self.parts.numbers.handshakes.one_more();
        let acceptor = tls.acceptor();
        let handshake = timeout(self.parts.config.timeouts.handshake, self.stream.begin_tls(&acceptor));
        let failure = tokio::select! {
            done = handshake => match done {
                Ok(Ok(())) => return true,
                Ok(Err(error)) => error.to_string(),
                Err(_) => "it took too long".to_owned(),
            },
            () = self.end.hurry.cancelled() => "the server shuts down".to_owned(),
        };
        self.parts.numbers.handshakes_failed.one_more();
        debug!(listener = self.parts.config.name, client = %self.client.ip(), failure, "no TLS");
        self.is_gone = true;
        false
    }

    async fn welcome(&self, peer: Peer) -> Result<P::Session, Refusal> {
        let welcome = timeout(self.parts.config.timeouts.question, self.parts.policy.connected(peer)).await;
        match welcome {
            Ok(welcome) => welcome.map_err(|unwelcome| unwelcome.refusal()),
            Err(_) => Err(super::questions::SLOW_WELCOME),
        }
    }

    async fn part(&mut self) {
        self.flush().await;
        if !self.is_gone {
            listen::part(&mut self.stream, &self.end).await;
        }
    }
}
