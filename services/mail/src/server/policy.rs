//! Who decides, and what is decided on.

use crate::command::{Mail, Rcpt};
use crate::content::Content;
use crate::engine::Envelope;
use crate::message_id::MessageId;
use crate::reply::{Refusal, Status, Text};
use std::net::SocketAddr;

/// Answers for one kind of listener. Each answer may take its time, within [`super::Timeouts`]: one that takes longer is cut off, and
/// the client is asked to come again. An answer to [`Policy::message`] is not cut off because the client goes away, or because the
/// server drains.
pub trait Policy: Send + Sync + 'static {
    /// What it remembers of one session.
    type Session: Send;

    /// A client is there; nothing was said yet.
    fn connected(&self, peer: Peer) -> impl Future<Output = Result<Self::Session, Unwelcome>> + Send;

    /// Is mail from there taken? A message begins here; the one before, if it was not delivered, was given up.
    fn sender(
        &self,
        session: &mut Self::Session,
        message: MessageId,
        mail: Mail,
    ) -> impl Future<Output = Result<(), Refusal>> + Send;

    /// Is mail for them taken?
    fn recipient(
        &self,
        session: &mut Self::Session,
        rcpt: Rcpt,
    ) -> impl Future<Output = Result<(), Refusal>> + Send;

    /// All of a message has come. What became of it for each recipient, in order; success means that it is durable. With SMTP the first
    /// refusal is told to the client, and success only if there is none.
    fn message(
        &self,
        session: &mut Self::Session,
        arrived: Arrived,
    ) -> impl Future<Output = Vec<Result<Text, Refusal>>> + Send;
}

/// Both ends of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Peer {
    pub client: SocketAddr,
    pub server: SocketAddr,
}

/// A whole message.
#[derive(Clone, Debug)]
pub struct Arrived {
    pub id: MessageId,
    pub envelope: Envelope,
    /// As received: no field is added.
    pub content: Content,
    /// Version and cipher suite, such as `TLSv1_3 TLS13_AES_256_GCM_SHA384`.
    pub tls: Option<String>,
}

/// The client hears this with 421 instead of a greeting, and the connection is closed. Who is to be refused for good is refused at RCPT,
/// where the reason can be told (RFC 5321, section 3.1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unwelcome {
    pub status: Status,
    pub text: Text,
}

impl Unwelcome {
    pub(super) fn refusal(&self) -> Refusal {
        Refusal::new(421, self.status, self.text.as_str()).expect("421 is the code of a refusal")
    }
}
