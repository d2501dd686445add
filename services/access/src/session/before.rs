//! One connection until its client is known: what the engine says is done here, and what the client says is brought to it.

use super::{Shared, Tls};
use crate::front::{Action, Answer, Ask, Channel, Ended, Engine, Event, Refusal};
use crate::pairs::Reached;
use mail::directory::{Account, Directory};
use mail::listen::{self, End, Stream, Visitor};
use mail::login::directory::scram::Asked;
use mail::login::{LogIn, LoginError};
use mail::password::scram::ClientFirst;
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

pub(super) struct Before<D> {
    shared: Arc<Shared<D>>,
    tls: Tls,
    engine: Engine,
    stream: Stream,
    client: SocketAddr,
    end: End,
    deadline: Instant,
    /// It is to send its proof.
    asked: Option<Asked>,
    /// It has proven who it is.
    proven: Option<Account>,
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

impl<D: Directory> Before<D> {
    pub(super) fn new(shared: Arc<Shared<D>>, tls: Tls, channel: Channel, visitor: Visitor) -> Self {
        Self {
            tls,
            engine: Engine::new(shared.protocol, channel),
            stream: Stream::Clear(visitor.stream),
            client: visitor.client,
            end: visitor.end,
            deadline: Instant::now() + shared.times.before_login,
            asked: None,
            proven: None,
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
                Action::Ask(ask) => {
                    self.flush().await;
                    let answer = self.answer(ask).await;
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

    /// Whoever is right is let in, or not, when there is no more time.
    async fn answer(&mut self, ask: Ask) -> Event<'static> {
        let hurry = self.end.hurry.clone();
        match hurry.run_until_cancelled(self.decide(ask)).await {
            Some(Ok(answer)) => Event::Answer(answer),
            Some(Err(refusal)) => {
                self.shared.numbers.refused(refusal);
                Event::Answer(Answer::Refused(refusal))
            }
            None => Event::Ended(Ended::ShuttingDown),
        }
    }

    async fn decide(&mut self, ask: Ask) -> Result<Answer, Refusal> {
        let shared = Arc::clone(&self.shared);
        let client = self.client.ip();
        match ask {
            Ask::LogIn(login) => {
                let account = shared.logins.log_in(client, login).await.map_err(refusal)?;
                self.enter(&account).await
            }
            Ask::Challenge(message) => {
                // Whoever does not know how to prove it does not know it.
                let first = ClientFirst::read(&message).map_err(|_| Refusal::Wrong)?;
                let asked = shared.logins.challenge(client, first, &shared.decoys).await.map_err(refusal)?;
                let text = asked.text().to_owned();
                self.asked = Some(asked);
                Ok(Answer::Challenge(text))
            }
            Ask::Prove(message) => {
                let asked = self.asked.take().ok_or(Refusal::Wrong)?;
                let (account, text) = asked.finish(&message).map_err(refusal)?;
                self.proven = Some(account);
                Ok(Answer::Challenge(text))
            }
            Ask::Enter => {
                let account = self.proven.take().ok_or(Refusal::Wrong)?;
                self.enter(&account).await
            }
        }
    }

    /// To its pair.
    async fn enter(&mut self, account: &Account) -> Result<Answer, Refusal> {
        let protocol = self.shared.protocol;
        let mut reached = self.shared.pairs.open(protocol, account).await?;
        let tls = self.stream.tls().unwrap_or_default();
        let (client, account, pair) = (self.client.ip(), &account.name, &reached.pair);
        info!(%protocol, %client, %account, %pair, tls, "logged in");
        self.shared.numbers.logged_in.one_more();
        let welcome = std::mem::take(&mut reached.opened.welcome);
        self.reached = Some(reached);
        Ok(Answer::LoggedIn(welcome))
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
