//! The answers of port 25, as a [`Policy`]: who may send what to whom, and what became of it.
//!
//! | answer to | file |
//! | --- | --- |
//! | MAIL | here: the rate of messages |
//! | RCPT | [`recipient`]: the directory, lists, greylisting, quota |
//! | a message | [`message`]: loops, authentication, filters, delivery |
//!
//! "No such user" is said where the directory says so, and never because something failed. 250 is said behind a message when the mailstore of
//! every recipient has said 250 for it; there is no queue here, so what was not said, the client still has.

mod message;
mod recipient;

use crate::authentication::Authenticator;
use crate::delivery::Mailstores;
use crate::filter::Chain;
use crate::gate::Gate;
use crate::numbers::Numbers;
use crate::replies;
use mail::address::{Domain, ForwardPath, Mailbox};
use mail::command::{Mail, Rcpt};
use mail::directory::{Destinations, Directory};
use mail::message_id::MessageId;
use mail::reply::{Refusal, Text};
use mail::server::{Arrived, Peer, Policy, Unwelcome};
use std::collections::HashMap;
use std::sync::Arc;

/// Everything that an answer needs.
pub struct Inbound<D> {
    pub names: Names,
    pub hops_max: usize,
    pub directory: D,
    pub mailstores: Mailstores<D>,
    pub gate: Arc<Gate>,
    pub authenticator: Authenticator,
    pub filters: Arc<Chain>,
    pub numbers: Arc<Numbers>,
}

/// Ours.
#[derive(Clone, Debug)]
pub struct Names {
    /// In Received.
    pub host: Domain,
    /// In Authentication-Results.
    pub results: Domain,
    /// By which nobody else writes Authentication-Results; in the form in which domains are looked up.
    pub own: Vec<Domain>,
    /// Who receives what is sent to `<postmaster>`.
    pub postmaster: Mailbox,
}

/// What is known of a client, and of the message that it is about to send.
#[derive(Debug)]
pub struct Session {
    peer: Peer,
    is_exempt: bool,
    /// By which list, once that was asked.
    listed: Option<Option<String>>,
    mail: Option<Mail>,
    /// Where mail to those goes who were accepted.
    recipients: HashMap<ForwardPath, Destinations>,
}

impl<D: Directory> Policy for Inbound<D> {
    type Session = Session;

    async fn connected(&self, peer: Peer) -> Result<Session, Unwelcome> {
        let is_exempt = self.gate.is_exempt(peer.client.ip());
        Ok(Session { peer, is_exempt, listed: None, mail: None, recipients: HashMap::new() })
    }

    async fn sender(&self, session: &mut Session, _: MessageId, mail: Mail) -> Result<(), Refusal> {
        session.recipients.clear();
        if !session.is_exempt && !self.gate.take_message(session.peer.client.ip()) {
            return Err(replies::TOO_MANY_MESSAGES);
        }
        session.mail = Some(mail);
        Ok(())
    }

    async fn recipient(&self, session: &mut Session, rcpt: Rcpt) -> Result<(), Refusal> {
        let (answer, result) = match self.admit(session, &rcpt.to).await {
            Ok(destinations) => {
                session.recipients.insert(rcpt.to, destinations);
                (crate::numbers::Rcpt::Taken, Ok(()))
            }
            Err((answer, refusal)) => (answer, Err(refusal)),
        };
        self.numbers.rcpt(answer);
        result
    }

    async fn message(&self, session: &mut Session, arrived: Arrived) -> Vec<Result<Text, Refusal>> {
        let recipients = arrived.envelope.recipients.len();
        let taken = self.take(session, arrived).await;
        taken.unwrap_or_else(|(end, refusal)| {
            self.numbers.message(end);
            vec![Err(refusal); recipients]
        })
    }
}
