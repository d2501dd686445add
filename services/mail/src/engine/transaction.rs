//! Sender and recipients of the message that is being said (RFC 5321, section 3.3).

use super::actions::Actions;
use super::config::Protocol;
use super::event::{Envelope, Message, Question};
use super::{Asked, Engine, Phase, replies};
use crate::command::{Mail, Rcpt};
use crate::data::chunks::Chunks;
use crate::reply::{Refusal, Reply, Status, Text};

/// What is known of a message whose sender was accepted.
#[derive(Debug)]
pub(super) struct Transaction {
    pub(super) mail: Mail,
    pub(super) recipients: Vec<Rcpt>,
    /// Whether somebody was refused.
    has_refused: bool,
    /// From the first BDAT on.
    pub(super) chunks: Option<Chunks>,
}

impl Engine {
    pub(super) fn is_in_chunks(&self) -> bool {
        self.transaction.as_ref().is_some_and(|transaction| transaction.chunks.is_some())
    }

    /// Why no message can follow.
    pub(super) fn lacks_recipients(&self) -> Option<Refusal> {
        let Some(transaction) = &self.transaction else { return Some(replies::NO_MAIL) };
        // LMTP has 503 for both (RFC 2033, section 4.2).
        let is_lmtp = self.config.protocol == Protocol::Lmtp;
        match transaction.recipients.is_empty() {
            true if transaction.has_refused && !is_lmtp => Some(replies::NO_VALID_RCPT),
            true => Some(replies::NO_RCPT),
            false => None,
        }
    }

    pub(super) fn begin_transaction(&mut self, mail: Mail, out: &mut Actions) {
        if let Some(end) = self.counters.message(&self.config.limits) {
            return self.close_with(&end, out);
        }
        if mail.size.is_some_and(|octets| octets > self.config.message_octets_max) {
            return self.refuse(&replies::TOO_BIG, out);
        }
        out.ask(Question::Sender(mail.clone()));
        self.phase = Phase::Asked(Asked::Sender(Box::new(mail)));
    }

    pub(super) fn add_recipient(&mut self, rcpt: Rcpt, out: &mut Actions) {
        let transaction = self.transaction.as_ref().expect("RCPT is out of place without one");
        if transaction.recipients.len() >= self.config.limits.recipients_max {
            // No refusal that counts: those before it are to be delivered (RFC 5321, section 4.5.3.1.10).
            return out.send(replies::TOO_MANY_RCPTS.reply());
        }
        if !transaction.mail.is_utf8 && !rcpt.is_ascii() {
            return self.refuse_recipient(&replies::NOT_UTF8, out);
        }
        out.ask(Question::Recipient(rcpt.clone()));
        self.phase = Phase::Asked(Asked::Recipient(Box::new(rcpt)));
    }

    fn refuse_recipient(&mut self, refusal: &Refusal, out: &mut Actions) {
        if let Some(transaction) = &mut self.transaction {
            transaction.has_refused = true;
        }
        self.refuse(refusal, out);
    }

    pub(super) fn hear_verdict(&mut self, verdict: Result<(), Refusal>, out: &mut Actions) {
        match std::mem::replace(&mut self.phase, Phase::Commands) {
            Phase::Asked(Asked::Sender(mail)) => self.hear_of_sender(*mail, verdict, out),
            Phase::Asked(Asked::Recipient(rcpt)) => self.hear_of_recipient(*rcpt, verdict, out),
            other => {
                self.phase = other;
                return;
            }
        }
        self.go_on_if_open(out);
    }

    fn hear_of_sender(&mut self, mail: Mail, verdict: Result<(), Refusal>, out: &mut Actions) {
        if let Err(refusal) = verdict {
            return self.refuse(&refusal, out);
        }
        self.transaction =
            Some(Transaction { mail, recipients: Vec::new(), has_refused: false, chunks: None });
        out.send(&replies::SENDER_OK);
    }

    fn hear_of_recipient(&mut self, rcpt: Rcpt, verdict: Result<(), Refusal>, out: &mut Actions) {
        if let Err(refusal) = verdict {
            return self.refuse_recipient(&refusal, out);
        }
        let transaction = self.transaction.as_mut().expect("recipients are asked for within one");
        transaction.recipients.push(rcpt);
        out.send(&replies::RECIPIENT_OK);
    }

    /// The whole message is there.
    pub(super) fn ask_for_delivery(&mut self, transaction: Transaction, octets: u64, out: &mut Actions) {
        let hello = self.hello.clone().expect("MAIL is out of place without one");
        self.phase = Phase::Asked(Asked::Message { recipients: transaction.recipients.len() });
        let envelope = Envelope {
            hello,
            channel: self.channel,
            mail: transaction.mail,
            recipients: transaction.recipients,
        };
        out.ask(Question::Message(Message { envelope, octets }));
    }

    pub(super) fn hear_outcomes(&mut self, outcomes: &[Result<Text, Refusal>], out: &mut Actions) {
        let Phase::Asked(Asked::Message { recipients }) = self.phase else { return };
        self.phase = Phase::Commands;
        let (outcomes, status) = match self.config.protocol {
            Protocol::Smtp => (vec![together(outcomes, recipients)], Status::new(0, 0)),
            Protocol::Lmtp => {
                ((0..recipients).map(|number| outcome(outcomes, number)).collect(), Status::new(1, 5))
            }
        };
        if outcomes.iter().any(Result::is_ok) {
            self.counters.taken();
        }
        let answer = |outcome: Result<Text, Refusal>| {
            outcome.map_or_else(Reply::from, |text| Reply::fixed(250, Some(status), text))
        };
        self.answer_message(&outcomes.into_iter().map(answer).collect::<Vec<_>>(), out);
        self.go_on_if_open(out);
    }

    /// All answers to one message. Each of them is sent, whatever one of them says: an answer that is missing would bring
    /// the message again to those who have it.
    pub(super) fn answer_message(&mut self, answers: &[Reply], out: &mut Actions) {
        for answer in answers {
            out.send(answer);
        }
        if answers.iter().any(|answer| answer.code() == replies::CLOSING) {
            self.close(out);
        } else if answers.iter().any(Reply::is_refusal)
            && let Some(end) = self.counters.refusal(&self.config.limits)
        {
            self.close_with(&end, out);
        }
    }

    fn go_on_if_open(&mut self, out: &mut Actions) {
        if !matches!(self.phase, Phase::Closed) {
            self.go_on(out);
        }
    }
}

/// What became of the message for one recipient.
fn outcome(outcomes: &[Result<Text, Refusal>], number: usize) -> Result<Text, Refusal> {
    outcomes.get(number).cloned().unwrap_or(Err(replies::UNKNOWN_OUTCOME))
}

/// One answer for all: nobody may be told 250 of whom somebody has nothing.
fn together(outcomes: &[Result<Text, Refusal>], recipients: usize) -> Result<Text, Refusal> {
    let mut told = (0..recipients).map(|number| outcome(outcomes, number));
    let first = told.next().unwrap_or(Err(replies::UNKNOWN_OUTCOME));
    told.find(Result::is_err).filter(|_| first.is_ok()).unwrap_or(first)
}
