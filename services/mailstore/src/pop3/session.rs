//! One connection: what the engine says is done here, and what the client says is brought to it.

use super::maildrop::{Maildrop, NoMaildrop};
use super::{Security, Server};
use crate::name::AccountName;
use mail::imap::capability::Channel;
use mail::listen::{self, End, FAREWELL, Stream, Visitor};
use mail::login::{LogIn, LoginError, PlainLogin};
use mail::pop3::{Action, Answer, Ended, Engine, Event, LoginRefusal, Question};
use std::collections::VecDeque;
use std::net::SocketAddr;
use std::ops::ControlFlow;
use std::sync::Arc;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::{Instant, sleep, sleep_until, timeout};
use tracing::{debug, info, warn};

/// Of a session that waits for a command.
const COMMAND_BUFFER_OCTETS: usize = 2 * 1024;
/// Answers to pipelined commands leave together, up to so many octets.
const ANSWERS_OCTETS_MAX: usize = 16 * 1024;

pub(super) struct Session<L> {
    server: Arc<Server<L>>,
    engine: Engine,
    stream: Stream,
    client: SocketAddr,
    end: End,
    begun: Instant,
    /// When the client was answered last.
    answered: Instant,
    maildrop: Option<Maildrop>,
    /// Answers that were not sent yet.
    answers: Vec<u8>,
    is_gone: bool,
}

impl<L: LogIn<Known = AccountName>> Session<L> {
    pub(super) fn new(server: Arc<Server<L>>, visitor: Visitor) -> Self {
        let Visitor { stream, client, end } = visitor;
        let channel = match server.config.security {
            Security::StartTls => Channel::Clear,
            Security::TlsAtOnce => Channel::Tls,
            Security::Trusted => Channel::Trusted,
        };
        // Answers are small, and clients wait for them. A connection on which this fails is one that is gone.
        let is_gone = stream.set_nodelay(true).is_err();
        let now = Instant::now();
        Self {
            server,
            engine: Engine::new(channel),
            stream: Stream::Clear(stream),
            client,
            end,
            begun: now,
            answered: now,
            maildrop: None,
            answers: Vec::new(),
            is_gone,
        }
    }

    pub(super) async fn run(mut self) {
        let server = Arc::clone(&self.server);
        let _open = server.numbers.open.hold();
        if server.config.security == Security::TlsAtOnce && !self.begin_tls().await {
            return;
        }
        let mut buffer = vec![0; COMMAND_BUFFER_OCTETS];
        let mut actions = self.engine.step(Event::Greet);
        while self.perform(actions).await.is_continue() {
            actions = if self.is_gone {
                self.engine.step(Event::Ended(Ended::Gone))
            } else if self.engine.holds_back() {
                self.engine.step(Event::Sent)
            } else {
                self.hear(&mut buffer).await
            };
        }
    }

    async fn perform(&mut self, actions: Vec<Action>) -> ControlFlow<()> {
        let mut actions = VecDeque::from(actions);
        while let Some(action) = actions.pop_front() {
            match action {
                Action::Send(octets) => self.say(&octets).await,
                Action::Ask(question) => actions.extend(self.answer(question).await),
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

    async fn answer(&mut self, question: Question) -> Vec<Action> {
        let answer = match question {
            Question::LogIn(login) => self.log_in(login).await,
            Question::Delete(places) => Answer::Committed(self.delete(&places).await),
            Question::Read(place) => return self.read(place).await,
        };
        self.engine.step(Event::Answer(answer))
    }

    async fn log_in(&mut self, login: PlainLogin) -> Answer {
        let coming_in = timeout(self.server.config.timeouts.question, self.come_in(login));
        let end = self.end.clone();
        let came = tokio::select! {
            came = coming_in => came.unwrap_or(Err(LoginRefusal::Unavailable)),
            () = end.hurry.cancelled() => Err(LoginRefusal::Unavailable),
        };
        match came {
            Ok(maildrop) => {
                let heads = maildrop.heads();
                info!(client = %self.client.ip(), account = %maildrop.account(), messages = heads.len(), "logged in");
                self.maildrop = Some(maildrop);
                Answer::LoggedIn(heads)
            }
            Err(refusal) => Answer::Refused(refusal),
        }
    }

    async fn come_in(&self, login: PlainLogin) -> Result<Maildrop, LoginRefusal> {
        let known = self.server.logins.log_in(self.client.ip(), login).await;
        let account = known.map_err(|error| match error {
            LoginError::Wrong => LoginRefusal::WrongPassword,
            LoginError::TooMany => LoginRefusal::TooMany,
            LoginError::Busy | LoginError::Unavailable => LoginRefusal::Unavailable,
        })?;
        self.server.maildrops.open(&account).await.map_err(|error| match error {
            NoMaildrop::InUse => {
                self.server.numbers.in_use.one_more();
                LoginRefusal::InUse
            }
            error => {
                warn!(%account, error = &error as &dyn std::error::Error, "no maildrop");
                LoginRefusal::Unavailable
            }
        })
    }

    /// Sends a message as it is read: no more of it is in memory than a piece.
    async fn read(&mut self, place: usize) -> Vec<Action> {
        let octets = self.maildrop.as_ref().map_or(0, |maildrop| maildrop.octets(place));
        let mut begin = 0;
        while begin < octets && self.engine.wants_content() && !self.is_gone {
            let Some(maildrop) = &self.maildrop else { break };
            match maildrop.piece(place, begin).await {
                Ok(piece) => {
                    begin += piece.len() as u64;
                    for action in self.engine.step(Event::Content(&piece)) {
                        // Content has no other answer.
                        let Action::Send(octets) = action else { continue };
                        self.say(&octets).await;
                    }
                }
                Err(error) => {
                    let account = maildrop.account();
                    warn!(%account, error = &error as &dyn std::error::Error, "a message cannot be read");
                    return self.engine.step(Event::Answer(Answer::NoContent));
                }
            }
        }
        if self.is_gone {
            return self.engine.step(Event::Ended(Ended::Gone));
        }
        self.server.numbers.read.one_more();
        self.engine.step(Event::Answer(Answer::ContentEnds))
    }

    /// Whether it is done. Not cut off by the end of the daemon: the client is told what is so.
    async fn delete(&mut self, places: &[usize]) -> bool {
        let Some(maildrop) = &self.maildrop else { return false };
        let account = maildrop.account();
        match timeout(self.server.config.timeouts.commit, maildrop.delete(places)).await {
            Ok(Ok(())) => {
                self.server.numbers.deleted.more(places.len() as u64);
                info!(client = %self.client.ip(), %account, messages = places.len(), "deleted");
                true
            }
            Ok(Err(error)) => {
                warn!(%account, error = &error as &dyn std::error::Error, "messages cannot be deleted");
                false
            }
            Err(_) => {
                warn!(%account, "deleting messages takes too long");
                false
            }
        }
    }

    async fn say(&mut self, octets: &[u8]) {
        self.answered = Instant::now();
        self.answers.extend_from_slice(octets);
        if self.answers.len() >= ANSWERS_OCTETS_MAX {
            self.flush().await;
        }
    }

    /// Sends what was said, within the time that the client has to take it.
    async fn flush(&mut self) {
        let answers = std::mem::take(&mut self.answers);
        if answers.is_empty() || self.is_gone {
            return;
        }
        let stream = &mut self.stream;
        let send = async {
            stream.write_all(&answers).await?;
            stream.flush().await
        };
        let cut_off = async {
            self.end.hurry.cancelled().await;
            sleep(FAREWELL).await;
        };
        let sent = tokio::select! {
            sent = timeout(self.server.config.timeouts.reply, send) => sent,
            () = cut_off => Ok(Err(std::io::ErrorKind::TimedOut.into())),
        };
        if sent.is_err() {
            self.server.numbers.timeouts.one_more();
        }
        self.is_gone = !sent.is_ok_and(|sent| sent.is_ok());
        self.answered = Instant::now();
    }

    /// What follows from what the client says next, or from its silence.
    async fn hear(&mut self, buffer: &mut [u8]) -> Vec<Action> {
        let room = self.engine.room().min(buffer.len());
        let (drain, hurry) = (self.end.drain.clone(), self.end.hurry.clone());
        let deadline = self.deadline();
        let ended = tokio::select! {
            biased;
            () = drain.cancelled() => Ended::ShuttingDown,
            () = hurry.cancelled() => Ended::ShuttingDown,
            () = sleep_until(deadline) => {
                self.server.numbers.timeouts.one_more();
                Ended::TimedOut
            }
            read = self.stream.read(&mut buffer[..room]) => match read {
                Ok(0) | Err(_) => Ended::Gone,
                Ok(octets) => return self.engine.step(Event::Received(&buffer[..octets])),
            },
        };
        self.engine.step(Event::Ended(ended))
    }

    /// Octets without an end of a command move it for nobody.
    fn deadline(&self) -> Instant {
        let timeouts = &self.server.config.timeouts;
        let command = self.answered + timeouts.command;
        if self.maildrop.is_some() { command } else { command.min(self.begun + timeouts.login) }
    }

    /// Whether it succeeded.
    async fn begin_tls(&mut self) -> bool {
        let server = Arc::clone(&self.server);
        let Some(tls) = &server.tls else { return false };
        server.numbers.handshakes.one_more();
        let acceptor = tls.acceptor();
        let handshake = timeout(server.config.timeouts.handshake, self.stream.begin_tls(&acceptor));
        let failure = tokio::select! {
            done = handshake => match done {
                Ok(Ok(())) => return true,
                Ok(Err(error)) => error.to_string(),
                Err(_) => "it took too long".to_owned(),
            },
            () = self.end.hurry.cancelled() => "the server shuts down".to_owned(),
        };
        server.numbers.handshakes_failed.one_more();
        debug!(listener = "pop3", client = %self.client.ip(), failure, "no TLS");
        self.is_gone = true;
        false
    }

    /// The account is free when the client hears the last word, for it may come again at once.
    async fn part(&mut self) {
        self.maildrop = None;
        self.flush().await;
        if !self.is_gone {
            listen::part(&mut self.stream, &self.end).await;
        }
    }
}
