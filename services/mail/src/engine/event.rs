//! What comes from outside, and what is to be done there.

use crate::command::{ClientName, Mail, Rcpt};
use crate::reply::{Refusal, Text};

/// What happened.
#[derive(Debug)]
pub enum Event<'a> {
    /// The client is welcome; nothing is said or read before.
    Greet,
    /// Octets from the client, at most [`super::Engine::room`] of them.
    Received(&'a [u8]),
    /// The handshake that [`Action::BeginTls`] asked for is done.
    TlsBegun,
    /// The answer to [`Question::Sender`] or [`Question::Recipient`].
    Verdict(Result<(), Refusal>),
    /// The answer to [`Question::Message`]: what became of it for each recipient, in order. With SMTP, which has one answer, the first
    /// refusal is told, and success only if there is none. Whoever is missing counts as refused for now.
    Delivered(Vec<Result<Text, Refusal>>),
    /// It is over.
    Ended(Ended),
}

/// Why a session ends from our side.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// The connection is gone, or its handshake failed: there is nobody to say anything to.
    Gone,
    /// The client was silent for too long (RFC 5321, section 4.5.3.2.7).
    TimedOut,
    ShuttingDown,
}

/// What comes next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Awaits {
    /// The client's: a command.
    Command,
    /// The client's: content, or a chunk that is refused.
    Content,
    /// The driver's: a greeting, an answer, a handshake.
    Driver,
    /// It is over.
    Nothing,
}

/// What to do, in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// Send these octets: whole replies.
    Send(Vec<u8>),
    /// Answer with [`Event::Verdict`] or [`Event::Delivered`]. One question is open at a time; what the client sends
    /// meanwhile waits.
    Ask(Question),
    /// The next piece of the message, unstuffed. It counts when [`Question::Message`] follows.
    Content(Vec<u8>),
    /// The transaction whose sender was accepted ends without a message; forget its content.
    Abandon,
    /// What was sent so far is the last in the clear: begin the handshake, and drop all that was read and not handed in.
    BeginTls,
    /// Close the connection behind what was sent. Nothing follows.
    Close,
}

/// What the policy is asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Question {
    /// Is mail from there taken?
    Sender(Mail),
    /// Is mail for them taken, from the sender that was accepted last?
    Recipient(Rcpt),
    /// All of the message has come: is it safe now?
    Message(Message),
}

/// A whole message, apart from the content, which was handed out before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    pub envelope: Envelope,
    /// Of its content.
    pub octets: u64,
}

/// Everything that the client said about a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Envelope {
    pub hello: Hello,
    pub channel: Channel,
    pub mail: Mail,
    /// Those that were accepted, in order; at least one.
    pub recipients: Vec<Rcpt>,
}

/// How the client introduced itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hello {
    pub verb: HelloVerb,
    pub client: ClientName,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HelloVerb {
    Helo,
    Ehlo,
    Lhlo,
}

/// What the client's words travelled through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Channel {
    Clear,
    Tls,
}

impl Envelope {
    /// What stands behind `with` in a Received field (RFC 3848; RFC 6531, section 4.3).
    pub fn transmission(&self) -> &'static str {
        let is_utf8 = self.mail.is_utf8;
        // There is no word for HELO under TLS, nor for it with SMTPUTF8.
        match (self.hello.verb, self.channel, is_utf8) {
            (HelloVerb::Helo, Channel::Clear, _) => "SMTP",
            (HelloVerb::Ehlo, Channel::Clear, false) => "ESMTP",
            (HelloVerb::Ehlo | HelloVerb::Helo, Channel::Tls, false) => "ESMTPS",
            (HelloVerb::Ehlo, Channel::Clear, true) => "UTF8SMTP",
            (HelloVerb::Ehlo | HelloVerb::Helo, Channel::Tls, true) => "UTF8SMTPS",
            (HelloVerb::Lhlo, Channel::Clear, false) => "LMTP",
            (HelloVerb::Lhlo, Channel::Tls, false) => "LMTPS",
            (HelloVerb::Lhlo, Channel::Clear, true) => "UTF8LMTP",
            (HelloVerb::Lhlo, Channel::Tls, true) => "UTF8LMTPS",
        }
    }
}
