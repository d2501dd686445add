//! What the client does with its messages (RFC 1939, sections 5 and 7).

use super::content::Content;
use super::event::{Action, MessageHead, Question};
use super::{Command, Engine, Phase, send, send_octets};
use std::collections::BTreeSet;

/// Of a unique id (section 7).
const ID_LETTERS_MAX: usize = 70;

/// The messages as they were when the client came, and which of them are to go.
#[derive(Debug)]
pub(super) struct Transaction {
    messages: Vec<MessageHead>,
    deleted: BTreeSet<usize>,
}

impl Transaction {
    pub(super) fn new(messages: Vec<MessageHead>) -> Self {
        Self { messages, deleted: BTreeSet::new() }
    }

    /// Places from 0.
    pub(super) fn deleted(&self) -> Vec<usize> {
        self.deleted.iter().copied().collect()
    }

    pub(super) fn count(&self) -> usize {
        self.messages.len() - self.deleted.len()
    }

    fn octets(&self) -> u64 {
        self.all().map(|(_, message)| message.octets).sum()
    }

    /// The place of a message that is counted from 1 and not to go.
    fn place(&self, number: usize) -> Option<usize> {
        let place = number.checked_sub(1)?;
        (place < self.messages.len() && !self.deleted.contains(&place)).then_some(place)
    }

    /// With their numbers.
    fn all(&self) -> impl Iterator<Item = (usize, &MessageHead)> {
        let messages = self.messages.iter().enumerate();
        messages
            .filter(|(place, _)| !self.deleted.contains(place))
            .map(|(place, message)| (place + 1, message))
    }
}

impl Engine {
    pub(super) fn obey_in_transaction(&mut self, command: Command, out: &mut Vec<Action>) {
        match command {
            Command::Noop => send("+OK", out),
            Command::Stat => {
                let (count, octets) =
                    self.transaction.as_ref().map_or((0, 0), |all| (all.count(), all.octets()));
                send(&format!("+OK {count} {octets}"), out);
            }
            Command::List(which) => self.list(which, |message| Some(message.octets.to_string()), out),
            Command::Uidl(which) => self.list(which, id, out),
            Command::Retr(number) => self.read(number, None, out),
            Command::Top { message, lines } => self.read(message, Some(lines), out),
            Command::Dele(number) => self.delete(number, out),
            Command::Rset => {
                if let Some(transaction) = &mut self.transaction {
                    transaction.deleted.clear();
                }
                send("+OK", out);
            }
            _ => self.fail("logged in already", out),
        }
    }

    fn list(
        &mut self,
        which: Option<usize>,
        told: fn(&MessageHead) -> Option<String>,
        out: &mut Vec<Action>,
    ) {
        let Some(transaction) = &self.transaction else { return };
        let Some(number) = which else {
            let mut lines = "+OK\r\n".to_owned();
            for (number, message) in transaction.all() {
                if let Some(told) = told(message) {
                    lines += &format!("{number} {told}\r\n");
                }
            }
            return send_octets((lines + ".\r\n").as_bytes(), out);
        };
        let message = transaction.place(number).map(|place| &transaction.messages[place]);
        match message.and_then(told) {
            Some(told) => send(&format!("+OK {number} {told}"), out),
            None => self.fail("no such message", out),
        }
    }

    fn read(&mut self, number: usize, lines: Option<u64>, out: &mut Vec<Action>) {
        match self.transaction.as_ref().and_then(|transaction| transaction.place(number)) {
            Some(place) => {
                self.phase = Phase::Sending(Box::new(Content::new(lines)));
                out.push(Action::Ask(Question::Read(place)));
            }
            None => self.fail("no such message", out),
        }
    }

    fn delete(&mut self, number: usize, out: &mut Vec<Action>) {
        let place = self.transaction.as_ref().and_then(|transaction| transaction.place(number));
        match (place, &mut self.transaction) {
            (Some(place), Some(transaction)) => {
                transaction.deleted.insert(place);
                send("+OK it goes with QUIT", out);
            }
            _ => self.fail("no such message", out),
        }
    }

    /// Whether more of the message is of use. What is given all the same is passed over.
    pub fn wants_content(&self) -> bool {
        matches!(&self.phase, Phase::Sending(content) if !content.is_enough())
    }

    pub(super) fn pass_content(&mut self, piece: &[u8], out: &mut Vec<Action>) {
        let Phase::Sending(content) = &mut self.phase else { return };
        let mut octets = Vec::with_capacity(piece.len() + piece.len() / 32);
        begin(content, &mut octets);
        content.pass(piece, &mut octets);
        send_octets(&octets, out);
    }

    pub(super) fn end_content(&mut self, out: &mut Vec<Action>) {
        let Phase::Sending(content) = &mut self.phase else { return };
        let mut octets = Vec::new();
        begin(content, &mut octets);
        content.end(&mut octets);
        send_octets(&octets, out);
        self.phase = Phase::Commands;
    }

    pub(super) fn miss_content(&mut self, out: &mut Vec<Action>) {
        let is_begun = matches!(&self.phase, Phase::Sending(content) if content.is_begun);
        if is_begun {
            return self.close(out);
        }
        self.phase = Phase::Commands;
        send("-ERR [SYS/TEMP] the message cannot be read now", out);
    }
}

fn begin(content: &mut Content, octets: &mut Vec<u8>) {
    if !std::mem::replace(&mut content.is_begun, true) {
        octets.extend_from_slice(b"+OK\r\n");
    }
}

fn id(message: &MessageHead) -> Option<String> {
    let is_id = (1..=ID_LETTERS_MAX).contains(&message.id.len())
        && message.id.bytes().all(|octet| octet.is_ascii_graphic());
    is_id.then(|| message.id.clone())
}
