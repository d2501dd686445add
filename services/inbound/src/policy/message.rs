//! All of a message has come: is it to be taken, and is it safe now?

use super::recipient::sender;
use super::{Inbound, Session};
use crate::authentication::{Question, Results};
use crate::delivery::{Delivery, answer};
use crate::filter;
use crate::numbers::Message;
use crate::replies;
use crate::trace::header::{self, HeaderError};
use crate::trace::{Received, forged};
use jiff::Timestamp;
use mail::address::ForwardPath;
use mail::content::Content;
use mail::directory::{Directory, LocalMailbox};
use mail::reply::{Refusal, Text};
use mail::server::Arrived;
use std::sync::Arc;
use tracing::{debug, info, warn};

type Outcomes = Vec<Result<Text, Refusal>>;

impl<D: Directory> Inbound<D> {
    /// What became of it for each recipient; or why it is taken for nobody, and how that is counted.
    pub(super) async fn take(
        &self,
        session: &Session,
        arrived: Arrived,
    ) -> Result<Outcomes, (Message, Refusal)> {
        let header = read_header(&arrived).await?;
        if header::hops(&header) > self.hops_max {
            return Err((Message::Loops, replies::TOO_MANY_HOPS));
        }
        if header::authors(&header) > 1 {
            return Err((Message::BadHeader, replies::MANY_AUTHORS));
        }
        let results = self.authenticate(session, &arrived, &header).await?;
        let (content, trace) = self.with_trace(session, &arrived, &header, &results);
        let message = Arc::new(filter::Message {
            id: arrived.id,
            client: session.peer.client.ip(),
            tls: arrived.tls.clone(),
            envelope: arrived.envelope.clone(),
            content: content.with_front(trace.clone()),
            results,
        });
        let added = self.filters.check(&message).await.map_err(|refusal| (Message::Filtered, refusal))?;
        let added: String = added.iter().map(ToString::to_string).collect();
        let content = content.with_front(trace + &added);
        self.numbers.message(Message::Delivering);
        let delivery = Delivery { id: arrived.id, sender: sender(session), content };
        Ok(self.deliver(session, &arrived, &delivery, &header).await)
    }

    async fn authenticate(
        &self,
        session: &Session,
        arrived: &Arrived,
        header: &[u8],
    ) -> Result<Results, (Message, Refusal)> {
        let question = Question {
            client: session.peer.client.ip(),
            hello: &arrived.envelope.hello.client,
            from: &arrived.envelope.mail.from,
            header,
            content: &arrived.content,
        };
        let results = self.authenticator.check(&question).await.map_err(|error| {
            warn!(mail = %arrived.id, %error, "a message cannot be read back");
            (Message::Unreadable, replies::FAILED)
        })?;
        self.numbers.authenticated(&results);
        let (spf, dmarc, arc) = (results.spf.outcome, results.dmarc.outcome, results.arc.outcome);
        debug!(mail = %arrived.id, %spf, %dmarc, %arc, "authenticated");
        if self.authenticator.is_refused(&results) {
            info!(mail = %arrived.id, from = results.dmarc.from, "refused as its author's domain asks");
            return Err((Message::Dmarc, replies::DMARC));
        }
        Ok(results)
    }

    /// Without what somebody wrote in our name; and our own fields, to stand on top.
    fn with_trace(
        &self,
        session: &Session,
        arrived: &Arrived,
        header: &[u8],
        results: &Results,
    ) -> (Content, String) {
        let forged = forged::places(header, &self.names.own, &self.filters.fields());
        let content =
            forged.iter().rev().fold(arrived.content.clone(), |content, place| content.without(place));
        let received = Received {
            host: &self.names.host,
            client: session.peer.client.ip(),
            id: arrived.id,
            tls: arrived.tls.as_deref(),
            envelope: &arrived.envelope,
            time: Timestamp::now(),
        };
        (content, results.field(&self.names.results) + &received.field())
    }

    async fn deliver(
        &self,
        session: &Session,
        arrived: &Arrived,
        delivery: &Delivery,
        header: &[u8],
    ) -> Outcomes {
        let recipients: Vec<_> = arrived.envelope.recipients.iter().map(|rcpt| rcpt.to.clone()).collect();
        let mailboxes = |to: &ForwardPath| session.recipients.get(to).map(|found| &found.mailboxes[..]);
        let was_here = |mailbox: &LocalMailbox| header::was_delivered_to(header, &mailbox.account);
        let wanted = recipients.iter().filter_map(mailboxes).flatten().filter(|mailbox| !was_here(mailbox));
        let told = self.mailstores.deliver(delivery, wanted).await;
        let of_mailbox = |mailbox: &LocalMailbox| {
            if was_here(mailbox) {
                return Err(replies::LOOP);
            }
            told.get(&mailbox.account).cloned().unwrap_or(Err(replies::NO_STORE))
        };
        let of_recipient = |to: &ForwardPath| match mailboxes(to) {
            Some(mailboxes) => answer::of_recipient(mailboxes.iter().map(of_mailbox).collect()),
            None => Err(replies::CANNOT_TELL),
        };
        answer::together(&recipients, recipients.iter().map(of_recipient).collect())
    }
}

async fn read_header(arrived: &Arrived) -> Result<bytes::Bytes, (Message, Refusal)> {
    header::read(&arrived.content).await.map_err(|error| match error {
        HeaderError::TooLarge => (Message::BadHeader, replies::HEADER_TOO_LARGE),
        HeaderError::Read(error) => {
            warn!(mail = %arrived.id, %error, "a message cannot be read back");
            (Message::Unreadable, replies::FAILED)
        }
    })
}
