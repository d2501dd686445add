//! The client's side of LMTP (RFC 2033): one message to many recipients at one server, and what became of it for each of them.
//!
//! Success is told of a recipient for whom the server has answered 250 behind the content, and of nobody else: whatever is missing, broken
//! or late is [`Outcome::Temporary`]. A recipient may have the message although that is told: the connection may break behind
//! the content; servers of LMTP suppress duplicates, or their users read twice.
//!
//! A [`Client`] keeps connections for the messages that follow. Whatever a server answers is bounded ([`replies`]). Entry points:
//! [`Client::deliver`], [`Client::ask`], and [`deliver`] for once.

mod connection;
pub mod replies;
mod target;
mod transaction;

pub use target::{Target, TargetError};

use crate::address::{Domain, ForwardPath, ReversePath};
use crate::content::Content;
use crate::reply::{Refusal, Status, Text};
use connection::Connection;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;
use tokio::time::{Instant, timeout};
use tracing::debug;
use transaction::{Errand, Told};

/// Connections that wait for the next message to a target.
const IDLE_MAX: usize = 64;
/// For less time than any server waits for a command (RFC 5321, section 4.5.3.2.7).
const IDLE: Duration = Duration::from_secs(60);

/// Who sends and who receives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Envelope {
    pub from: ReversePath,
    /// Addresses or headers beyond ASCII (RFC 6531).
    pub is_utf8: bool,
    pub recipients: Vec<ForwardPath>,
}

/// What became of a message for one recipient.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The server has it, and says so.
    Delivered(Text),
    /// Come again: the server said so, or said nothing.
    Temporary(Refusal),
    Permanent(Refusal),
}

/// How long each may take (RFC 5321, section 4.5.3.2, is for servers that are far away).
#[derive(Clone, Copy, Debug)]
pub struct Timeouts {
    pub connect: Duration,
    pub command: Duration,
    /// Until the server has taken the next piece of content.
    pub piece: Duration,
    /// From the end of the content to the next answer.
    pub answer: Duration,
    /// All of it; less than the client waits whose message this is.
    pub whole: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        let seconds = Duration::from_secs;
        Self {
            connect: seconds(10),
            command: seconds(60),
            piece: seconds(60),
            answer: seconds(300),
            whole: seconds(480),
        }
    }
}

/// What went wrong with a connection.
#[derive(Debug, thiserror::Error)]
pub enum LmtpError {
    #[error("cannot connect to {target}")]
    Connect {
        target: Target,
        #[source]
        source: std::io::Error,
    },
    #[error("the connection broke")]
    Broken(#[source] std::io::Error),
    #[error("the server closed the connection")]
    Closed,
    #[error("the server took too long {0}")]
    Slow(&'static str),
    #[error("the server does not speak LMTP")]
    Nonsense(#[source] replies::ReplyError),
    #[error("the server answered {answer} {to}")]
    Unexpected { answer: String, to: &'static str },
    #[error("cannot read the message that is to be delivered")]
    Content(#[source] std::io::Error),
}

/// Delivers to one server. Many messages may be on their way at once, each on a connection of its own.
#[derive(Debug)]
pub struct Client {
    target: Target,
    host: Domain,
    timeouts: Timeouts,
    idle: Mutex<Vec<(Connection, Instant)>>,
}

impl Client {
    /// `host` is what it calls itself in LHLO.
    pub fn new(target: Target, host: Domain, timeouts: Timeouts) -> Self {
        Self { target, host, timeouts, idle: Mutex::default() }
    }

    pub fn target(&self) -> &Target {
        &self.target
    }

    /// Delivers a message; each recipient with what became of it, in order.
    pub async fn deliver(&self, envelope: &Envelope, content: &Content) -> Vec<(ForwardPath, Outcome)> {
        self.run(&Errand { envelope, octets: content.octets(), content: Some(content) }).await
    }

    /// Whether the server would take a message of so many octets; 0 where nobody knows yet. Each recipient with the answer, in order;
    /// where the server does not answer it is a refusal for now.
    pub async fn ask(&self, envelope: &Envelope, octets: u64) -> Vec<(ForwardPath, Result<(), Refusal>)> {
        let told = self.run(&Errand { envelope, octets, content: None }).await;
        told.into_iter()
            .map(|(recipient, outcome)| (recipient, outcome.refusal().map_or(Ok(()), Err)))
            .collect()
    }

    /// Whether the server answers at all.
    pub async fn reach(&self) -> Result<(), LmtpError> {
        let connection = Connection::open(&self.target, &self.host, self.timeouts).await?;
        self.keep(connection);
        Ok(())
    }

    async fn run(&self, errand: &Errand<'_>) -> Vec<(ForwardPath, Outcome)> {
        let recipients = &errand.envelope.recipients;
        let mut told = Told::new(recipients.len());
        let tries = self.try_connections(errand, &mut told);
        let failure = match timeout(self.timeouts.whole, tries).await {
            Ok(Ok(())) => None,
            Ok(Err(error)) => Some(error),
            Err(_) => Some(LmtpError::Slow("in all")),
        };
        if let Some(failure) = &failure {
            debug!(target = %self.target, error = failure as &dyn std::error::Error, "LMTP failed");
        }
        recipients.iter().cloned().zip(told.outcomes(failure.as_ref())).collect()
    }

    async fn try_connections(&self, errand: &Errand<'_>, told: &mut Told) -> Result<(), LmtpError> {
        if let Some(connection) = self.idle_connection() {
            match self.speak(connection, errand, told).await {
                // It may have been closed while nobody looked.
                Err(error) if told.is_fresh() => debug!(error = &error as &dyn std::error::Error, "again"),
                result => return result,
            }
        }
        let connection = Connection::open(&self.target, &self.host, self.timeouts).await?;
        self.speak(connection, errand, told).await
    }

    async fn speak(
        &self,
        mut connection: Connection,
        errand: &Errand<'_>,
        told: &mut Told,
    ) -> Result<(), LmtpError> {
        transaction::send(&mut connection, errand, told).await?;
        if told.is_clean() {
            self.keep(connection);
        }
        Ok(())
    }

    fn idle_connection(&self) -> Option<Connection> {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        idle.retain(|(_, since)| since.elapsed() < IDLE);
        idle.pop().map(|(connection, _)| connection)
    }

    fn keep(&self, connection: Connection) {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        idle.retain(|(_, since)| since.elapsed() < IDLE);
        if idle.len() < IDLE_MAX {
            idle.push((connection, Instant::now()));
        }
    }
}

/// Delivers one message on a connection of its own.
pub async fn deliver(
    target: &Target,
    host: &Domain,
    envelope: &Envelope,
    content: &Content,
    timeouts: Timeouts,
) -> Vec<(ForwardPath, Outcome)> {
    Client::new(target.clone(), host.clone(), timeouts).deliver(envelope, content).await
}

impl Outcome {
    pub fn is_delivered(&self) -> bool {
        matches!(self, Self::Delivered(_))
    }

    /// What was said against it.
    pub fn refusal(self) -> Option<Refusal> {
        match self {
            Self::Delivered(_) => None,
            Self::Temporary(refusal) | Self::Permanent(refusal) => Some(refusal),
        }
    }

    fn temporary(text: &str) -> Self {
        // RFC 3463, section 3.5: bad connection.
        let refusal = Refusal::new(451, Status::new(4, 2), text);
        Self::Temporary(refusal.expect("451 is the code of a refusal"))
    }
}
