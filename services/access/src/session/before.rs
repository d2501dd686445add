//! One connection until its client is known: what the engine says is done here, and what the client says is brought to it.

use super::{Shared, Tls};
use crate::front::{Action, Answer, Channel, Ended, Engine, Event, Refusal};
use crate::pairs::Reached;
use mail::directory::{Account, Directory};
use mail::listen::{self, End, Stream, Visitor};
use mail::login::{LogIn, LoginError, PlainLogin};
use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::{Instant, sleep, sleep_until, timeout};
use tracing::{debug, info};

const BUFFER_OCTETS: usize = 4 * 1024;

/// A client that is known, and its pair.
pub(super) struct HandedOver {
    pub(super) stream: Stream,
    pub(super) reached: Reached,
    pub(super) to_client: Vec<u8>,
    pub(super) to_backend: Vec<u8>,
}

pub(super) struct Before<L, D> {
    shared: Arc<Shared<L, D>>,
    tls: Tls,
    engine: Engine,
    stream: Stream,
    client: SocketAddr,
    end: End,
    deadline: Instant,
    /// What the login has opened.
    reached: Option<Reached>,
    /// What was not sent yet.
    replies: Vec<u8>,
    is_gone: bool,
}

/// What comes of a session.
enum Next {
    GoOn,
    Over,
    HandOver { to_client: Vec<u8>, to_backend: Vec<u8> },
}

/// What a wait ends with.
enum Heard {
    Octets(usize),
    End(Ended),
}

impl<L, D> Before<L, D>
where
    L: LogIn<Known = Account>,
    D: Directory,
{
    pub(super) fn new(shared: Arc<Shared<L, D>>, tls: Tls, channel: Channel, visitor: Visitor) -> Self {
        Self {
            tls,
            engine: Engine::new(shared.protocol, channel),
            stream: Stream::Clear(visitor.stream),
            client: visitor.client,
            end: visitor.end,
            deadline: Instant::now() + shared.times.before_login,
            reached: None,
            replies: Vec::new(),
            is_gone: false,
            shared,
        }
    }

    /// The client with its pair, if it came so far.
    pub(super) async fn run(mut self) -> Option<HandedOver> {
        if self.tls == Tls::AtOnce && !self.begin_tls().await {
            return None;
        }
        let mut buffer = vec![0; BUFFER_OCTETS];
        let mut actions = self.engine.step(Event::Greet);
        loop {
            match self.perform(actions).await {
                Next::GoOn => {}
                Next::Over => return None,
                Next::HandOver { to_client, to_backend } => {
                    let reached = self.reached.take()?;
                    return Some(HandedOver { stream: self.stream, reached, to_client, to_backend });
                }
            }
            actions = match self.hear(&mut buffer).await {
                Heard::Octets(octets) => self.engine.step(Event::Received(&buffer[..octets])),
                Heard::End(ended) => self.engine.step(Event::Ended(ended)),
            };
        }
    }

    async fn perform(&mut self, actions: Vec<Action>) -> Next {
        let mut actions = VecDeque::from(actions);
        while let Some(action) = actions.pop_front() {
            match action {
                Action::Send(octets) => self.replies.extend_from_slice(&octets),
                Action::Pause(time) => self.pause(time).await,
                Action::LogIn(login) => {
                    self.flush().await;
                    let answer = self.log_in(login).await;
                    actions.extend(self.engine.step(answer));
                }
                Action::BeginTls => {
                    self.flush().await;
                    let is_begun = self.begin_tls().await;
                    let event = if is_begun { Event::TlsBegun } else { Event::Ended(Ended::Gone) };
                    actions.extend(self.engine.step(event));
                }
                Action::HandOver { to_client, to_backend } => {
                    self.flush().await;
                    return Next::HandOver { to_client, to_backend };
                }
                Action::Close => {
                    self.flush().await;
                    if !self.is_gone {
                        listen::part(&mut self.stream, &self.end).await;
                    }
                    return Next::Over;
                }
            }
        }
        self.flush().await;
        Next::GoOn
    }

    async fn pause(&mut self, time: Duration) {
        self.flush().await;
        tokio::select! {
            () = sleep(time) => {}
            () = self.end.drain.cancelled() => {}
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
            sleep(listen::FAREWELL).await;
        };
        let sent = tokio::select! {
            sent = timeout(self.shared.times.reply, send) => sent.is_ok_and(|sent| sent.is_ok()),
            () = cut_off => false,
        };
        self.is_gone = !sent;
    }

    async fn hear(&mut self, buffer: &mut [u8]) -> Heard {
        if self.is_gone {
            return Heard::End(Ended::Gone);
        }
        let room = self.engine.room().min(buffer.len());
        tokio::select! {
            biased;
            () = self.end.drain.cancelled() => Heard::End(Ended::ShuttingDown),
            () = sleep_until(self.deadline) => {
                self.shared.numbers.timeouts.one_more();
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
        let Some(certificates) = &self.shared.certificates else { return false };
        self.shared.numbers.handshakes.one_more();
        let acceptor = certificates.acceptor();
        let handshake = timeout(self.shared.times.handshake, self.stream.begin_tls(&acceptor));
        let failure = tokio::select! {
            done = handshake => match done {
                Ok(Ok(())) => return true,
                Ok(Err(error)) => error.to_string(),
                Err(_) => "it took too long".to_owned(),
            },
            () = self.end.hurry.cancelled() => "the server shuts down".to_owned(),
        };
        self.shared.numbers.handshakes_failed.one_more();
        debug!(protocol = %self.shared.protocol, client = %self.client.ip(), failure, "no TLS");
        self.is_gone = true;
        false
    }

    /// Whoever is right is let in, and meets its pair; or not, when there is no more time.
    async fn log_in(&mut self, login: PlainLogin) -> Event<'static> {
        let shared = Arc::clone(&self.shared);
        let (protocol, client) = (shared.protocol, self.client.ip());
        let reach = async {
            let account = shared.logins.log_in(client, login).await.map_err(refusal)?;
            let reached = shared.pairs.open(protocol, &account).await;
            reached.map(|reached| (account, reached))
        };
        let reached = tokio::select! {
            reached = reach => reached,
            () = self.end.hurry.cancelled() => return Event::Ended(Ended::ShuttingDown),
        };
        match reached {
            Ok((account, mut reached)) => {
                let tls = self.stream.tls().unwrap_or_default();
                let (account, pair) = (&account.name, &reached.pair);
                info!(%protocol, %client, %account, %pair, tls, "logged in");
                shared.numbers.logged_in.one_more();
                let welcome = std::mem::take(&mut reached.opened.welcome);
                self.reached = Some(reached);
                Event::Answer(Answer::LoggedIn(welcome))
            }
            Err(refusal) => {
                shared.numbers.refused(refusal);
                Event::Answer(Answer::Refused(refusal))
            }
        }
    }
}

fn refusal(error: LoginError) -> Refusal {
    match error {
        LoginError::Wrong => Refusal::Wrong,
        LoginError::TooMany => Refusal::TooMany,
        LoginError::Busy => Refusal::Busy,
        LoginError::Unavailable => Refusal::NoDirectory,
    }
}
