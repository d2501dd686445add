//! What the client does with its messages (RFC 1939, sections 5 and 7).

use super::content::Content;
use super::event::{Action, MessageHead, Question};
use super::{Command, Engine, Phase, SENT_OCTETS_MAX, send, send_octets};
use std::collections::BTreeSet;

/// Of a unique id (section 7).
const ID_LETTERS_MAX: usize = 70;

/// The messages as they were when the client came, and which of them are to go.
#[derive(Debug)]
pub(super) struct Transaction {
    messages: Vec<MessageHead>,
    deleted: BTreeSet<usize>,
    /// Of those that are not to go: STAT may come often.
    octets: u64,
}

/// A list that is being told.
#[derive(Clone, Copy, Debug)]
pub(super) struct Listing {
    told: fn(&MessageHead) -> Option<String>,
    /// The place of the next message.
    next: usize,
}

impl Transaction {
    pub(super) fn new(messages: Vec<MessageHead>) -> Self {
        let octets = octets(&messages);
        Self { messages, deleted: BTreeSet::new(), octets }
    }

    /// Places from 0.
    pub(super) fn deleted(&self) -> Vec<usize> {
        self.deleted.iter().copied().collect()
    }

    pub(super) fn count(&self) -> usize {
        self.messages.len() - self.deleted.len()
    }

    /// The place of a message that is counted from 1 and not to go.
    fn place(&self, number: usize) -> Option<usize> {
        let place = number.checked_sub(1)?;
        (place < self.messages.len() && !self.deleted.contains(&place)).then_some(place)
    }

    /// The next message that is not to go, from a place on, with its place.
    fn from(&self, place: usize) -> Option<(usize, &MessageHead)> {
        let mut messages = self.messages.iter().enumerate().skip(place);
        messages.find(|(place, _)| !self.deleted.contains(place))
    }

    fn delete(&mut self, place: usize) {
        if self.deleted.insert(place) {
            self.octets -= self.messages[place].octets;
        }
    }

    fn keep_all(&mut self) {
        let deleted = std::mem::take(&mut self.deleted);
        self.octets += deleted.into_iter().map(|place| self.messages[place].octets).sum::<u64>();
    }
}

fn octets(messages: &[MessageHead]) -> u64 {
    messages.iter().map(|message| message.octets).sum()
}

impl Engine {
    pub(super) fn obey_in_transaction(&mut self, command: Command, out: &mut Vec<Action>) {
        match command {
            Command::Noop => send("+OK", out),
            Command::Stat => {
                let (count, octets) =
                    self.transaction.as_ref().map_or((0, 0), |all| (all.count(), all.octets));
                send(&format!("+OK {count} {octets}"), out);
            }
            Command::List(which) => self.list(which, |message| Some(message.octets.to_string()), out),
            Command::Uidl(which) => self.list(which, id, out),
            Command::Retr(number) => self.read(number, None, out),
            Command::Top { message, lines } => self.read(message, Some(lines), out),
            Command::Dele(number) => self.delete(number, out),
            Command::Rset => {
                if let Some(transaction) = &mut self.transaction {
                    transaction.keep_all();
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
            self.phase = Phase::Listing(Listing { told, next: 0 });
            return send("+OK", out);
        };
        let message = transaction.place(number).map(|place| &transaction.messages[place]);
        match message.and_then(told) {
            Some(told) => send(&format!("+OK {number} {told}"), out),
            None => self.fail("no such message", out),
        }
    }

    /// Tells some more of a list.
    pub(super) fn list_on(&mut self, out: &mut Vec<Action>) {
        let (Phase::Listing(listing), Some(transaction)) = (&mut self.phase, &self.transaction) else {
            return;
        };
        let mut lines = String::new();
        while lines.len() < SENT_OCTETS_MAX {
            let Some((place, message)) = transaction.from(listing.next) else {
                lines += ".\r\n";
                self.phase = Phase::Commands;
                break;
            };
            listing.next = place + 1;
            if let Some(told) = (listing.told)(message) {
                lines += &format!("{} {told}\r\n", place + 1);
            }
        }
        send_octets(lines.as_bytes(), out);
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
                transaction.delete(place);
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
