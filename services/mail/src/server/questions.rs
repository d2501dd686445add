//! What the engine asks, the policy answers; what became of each message is told here once.

use super::policy::{Arrived, Policy};
use super::session::Session;
use crate::command::{Mail, Rcpt};
use crate::content::{Content, SpoolError};
use crate::engine::{Event, Message, Question};
use crate::message_id::MessageId;
use crate::reply::{Refusal, Status, Text};
use std::time::Duration;
use tokio::time::timeout;
use tracing::{info, warn};

pub(super) const SLOW_WELCOME: Refusal = Refusal::fixed(421, Status::new(3, 0), "Come again");
/// The policy has no answer in time.
const SLOW: Refusal = Refusal::fixed(451, Status::new(3, 0), "Cannot tell now; try again later");
/// It may have been delivered: who comes again with it must not do harm (mail.md's first rule).
const SLOW_DELIVERY: Refusal =
    Refusal::fixed(451, Status::new(3, 0), "Delivery takes too long; try again later");
/// RFC 5321, section 4.2.3; RFC 3463 has 4.3.1 for a full system.
const NO_ROOM: Refusal =
    Refusal::fixed(452, Status::new(3, 1), "No room for the message now; try again later");

type Outcomes = Vec<Result<Text, Refusal>>;

impl<P: Policy> Session<P> {
    pub(super) async fn answer(&mut self, question: Question, memory: &mut P::Session) -> Event<'static> {
        match question {
            Question::Sender(mail) => Event::Verdict(self.ask_sender(mail, memory).await),
            Question::Recipient(rcpt) => Event::Verdict(self.ask_recipient(rcpt, memory).await),
            Question::Message(message) => Event::Delivered(self.deliver(message, memory).await),
        }
    }

    async fn ask_sender(&mut self, mail: Mail, memory: &mut P::Session) -> Result<(), Refusal> {
        self.content = None;
        let (id, from) = (MessageId::new(), mail.from.clone());
        self.mail = Some(id);
        let answer = self.parts.policy.sender(memory, id, mail);
        let verdict = self.within(self.parts.config.timeouts.question, answer).await;
        self.note_refusal(&verdict, "sender", &from);
        verdict
    }

    async fn ask_recipient(&mut self, rcpt: Rcpt, memory: &mut P::Session) -> Result<(), Refusal> {
        let to = rcpt.to.clone();
        let answer = self.parts.policy.recipient(memory, rcpt);
        let verdict = self.within(self.parts.config.timeouts.question, answer).await;
        self.note_refusal(&verdict, "recipient", &to);
        verdict
    }

    async fn within(
        &self,
        time: Duration,
        answer: impl Future<Output = Result<(), Refusal>>,
    ) -> Result<(), Refusal> {
        timeout(time, answer).await.unwrap_or(Err(SLOW))
    }

    fn note_refusal(&self, verdict: &Result<(), Refusal>, what: &str, address: &impl std::fmt::Display) {
        let Err(refusal) = verdict else { return };
        self.parts.numbers.refused.one_more();
        let (listener, client, reply) = (self.parts.config.name, self.client.ip(), told(refusal));
        let mail = self.mail.map(tracing::field::display);
        info!(listener, %client, mail, what, %address, reply, "refused");
    }

    async fn deliver(&mut self, message: Message, memory: &mut P::Session) -> Outcomes {
        let id = self.mail.take().unwrap_or_else(MessageId::new);
        let content = match self.content.take() {
            Some(writer) => writer.finish().await,
            None => Ok(Content::default()),
        };
        let (recipients, octets) = (message.envelope.recipients.len(), message.octets);
        let from = message.envelope.mail.from.to_string();
        let outcomes = match content {
            Ok(content) => self.ask_message(id, message, content, memory).await,
            Err(error) => {
                self.note_no_room(id, &error);
                vec![Err(NO_ROOM); recipients]
            }
        };
        self.parts.numbers.octets.more(octets);
        outcomes.iter().for_each(|outcome| self.parts.numbers.outcome(outcome));
        let taken = outcomes.iter().filter(|outcome| outcome.is_ok()).count();
        let reply = outcomes.iter().find_map(|outcome| outcome.as_ref().err().map(told));
        let (listener, client) = (self.parts.config.name, self.client.ip());
        info!(listener, %client, mail = %id, from, octets, recipients, taken, reply, "message answered");
        outcomes
    }

    async fn ask_message(
        &self,
        id: MessageId,
        message: Message,
        content: Content,
        memory: &mut P::Session,
    ) -> Outcomes {
        let recipients = message.envelope.recipients.len();
        let arrived = Arrived { id, envelope: message.envelope, content, tls: self.stream.tls() };
        let delivery = self.parts.policy.message(memory, arrived);
        let outcomes = timeout(self.parts.config.timeouts.delivery, delivery).await;
        outcomes.unwrap_or_else(|_| vec![Err(SLOW_DELIVERY); recipients])
    }

    fn note_no_room(&self, id: MessageId, error: &SpoolError) {
        let listener = self.parts.config.name;
        warn!(listener, mail = %id, error = error as &dyn std::error::Error, "no room for a message");
    }
}

/// A refusal in one line.
fn told(refusal: &Refusal) -> String {
    refusal.reply().to_string().trim_end().to_owned()
}
