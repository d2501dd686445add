//! Is mail for them taken?

use super::{Inbound, Session};
use crate::delivery::Sender;
use crate::numbers::Rcpt;
use crate::replies;
use mail::address::{ForwardPath, Mailbox, ReversePath};
use mail::directory::{Destinations, Directory, Recipient};
use mail::reply::Refusal;
use tracing::warn;

const POSTMASTER: &str = "postmaster";

impl<D: Directory> Inbound<D> {
    /// Where the mail goes, or why it is not taken, and how that is counted.
    pub(super) async fn admit(
        &self,
        session: &mut Session,
        to: &ForwardPath,
    ) -> Result<Destinations, (Rcpt, Refusal)> {
        let client = session.peer.client.ip();
        if !session.is_exempt && !self.gate.take_recipient(client) {
            return Err((Rcpt::TooMany, replies::TOO_MANY_RECIPIENTS));
        }
        let mailbox = match to {
            ForwardPath::Postmaster => &self.names.postmaster,
            ForwardPath::Mailbox(mailbox) => mailbox,
        };
        let destinations = self.destinations(mailbox).await?;
        if !session.is_exempt && !is_postmaster(mailbox) {
            self.pass(session, mailbox).await?;
        }
        let sender = sender(session);
        let octets = session.mail.as_ref().and_then(|mail| mail.size).unwrap_or(0);
        let asked = self.mailstores.ask(&sender, octets, &destinations.mailboxes).await;
        asked.map_err(|refusal| (Rcpt::Mailstore, refusal))?;
        Ok(destinations)
    }

    async fn destinations(&self, mailbox: &Mailbox) -> Result<Destinations, (Rcpt, Refusal)> {
        match self.directory.recipient(mailbox).await {
            Ok(Recipient::Found(destinations)) if destinations.forwards.is_empty() => Ok(destinations),
            Ok(Recipient::Found(_)) => Err((Rcpt::Forward, replies::FORWARD)),
            Ok(Recipient::NoSuchUser) => Err((Rcpt::NoSuchUser, replies::NO_SUCH_USER)),
            Ok(Recipient::NoSuchDomain) => Err((Rcpt::RelayDenied, replies::RELAY_DENIED)),
            // Also where aliases lead in a circle: somebody may put that right before the client gives up.
            Err(error) => {
                let (error, hint) = (&error as &dyn std::error::Error, error.hint());
                warn!(%mailbox, error, hint, "a recipient cannot be looked up");
                Err((Rcpt::CannotTell, replies::CANNOT_TELL))
            }
        }
    }

    /// Lists and greylisting.
    async fn pass(&self, session: &mut Session, mailbox: &Mailbox) -> Result<(), (Rcpt, Refusal)> {
        let client = session.peer.client.ip();
        if session.listed.is_none() {
            session.listed = Some(self.gate.listed(client).await);
        }
        if let Some(Some(zone)) = &session.listed {
            return Err((Rcpt::Listed, replies::listed(zone)));
        }
        let from = match session.mail.as_ref().map(|mail| &mail.from) {
            Some(ReversePath::Mailbox(mailbox)) => mailbox.normal().to_string(),
            Some(ReversePath::Null) | None => String::new(),
        };
        if self.gate.must_wait(client, &from, &mailbox.normal().to_string()) {
            return Err((Rcpt::Greylisted, replies::GREYLISTED));
        }
        Ok(())
    }
}

pub(super) fn sender(session: &Session) -> Sender {
    match &session.mail {
        Some(mail) => Sender { from: mail.from.clone(), is_utf8: mail.is_utf8 },
        None => Sender { from: ReversePath::Null, is_utf8: false },
    }
}

fn is_postmaster(mailbox: &Mailbox) -> bool {
    mailbox.local().as_str().eq_ignore_ascii_case(POSTMASTER)
}
