//! What of a message has to be read for a FETCH, and what is said of it. No socket.

use crate::error::StoreError;
use crate::imap::content::{self, PIECE_OCTETS};
use crate::message::MessageInfo;
use crate::store::MailboxView;
use mail::imap::command::By;
use mail::imap::command::fetch::{Fetch, Item, Octets};
use mail::mime::section::{Found, What};
use mail::mime::{Envelope, Part};
use std::ops::Range;

/// What has to be looked into.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Reach {
    /// Nothing: the index says it all, or says where it is.
    Index,
    Header,
    Whole,
}

/// What is done for each message.
#[derive(Debug)]
pub(super) struct Plan {
    pub(super) items: Vec<Item>,
    pub(super) reach: Reach,
    /// Messages are seen by that.
    pub(super) is_seeing: bool,
}

/// What was found in a message.
#[derive(Debug, Default)]
pub(super) struct Prepared {
    pub(super) envelope: Envelope,
    pub(super) root: Option<Part>,
    /// For each item that asks for octets, in order.
    pub(super) octets: Vec<Piece>,
}

/// Octets of a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Piece {
    /// There is no such section.
    Missing,
    Octets(Vec<u8>),
    /// Too many to be kept; they are read when they are sent.
    Place(Range<u64>),
}

impl Plan {
    pub(super) fn of(fetch: &Fetch) -> Self {
        let mut items = fetch.items.clone();
        for (item, is_wanted) in
            [(Item::Uid, fetch.by == By::Uid), (Item::ModSeq, fetch.changed_since.is_some())]
        {
            if is_wanted && !items.contains(&item) {
                items.insert(0, item);
            }
        }
        let reach = items.iter().map(reach).max().unwrap_or(Reach::Index);
        let is_seeing = items.iter().any(|item| matches!(item, Item::Octets(octets) if !octets.is_peek));
        Self { items, reach, is_seeing }
    }

    /// Whether anything is asked for that is no octets.
    pub(super) fn has_facts(&self) -> bool {
        self.items.iter().any(|item| !matches!(item, Item::Octets(_)))
    }

    fn octets(&self) -> impl Iterator<Item = &Octets> {
        self.items.iter().filter_map(|item| match item {
            Item::Octets(octets) => Some(octets),
            _ => None,
        })
    }

    /// Whether nothing has to be read before octets are sent.
    pub(super) fn is_long(&self, message: &MessageInfo) -> bool {
        let short = |octets: &Octets| {
            let place = cut(0..message.size, octets);
            place.end - place.start <= PIECE_OCTETS
        };
        !self.octets().any(short)
    }

    /// For [`Reach::Index`]: every item that asks for octets asks for the message.
    pub(super) fn without_octets(&self, message: &MessageInfo) -> Prepared {
        let octets = self.octets().map(|octets| Piece::Place(cut(0..message.size, octets))).collect();
        Prepared { octets, ..Prepared::default() }
    }

    /// Reads what is needed of a message.
    pub(super) fn prepare(&self, view: &MailboxView, message: &MessageInfo) -> Result<Prepared, StoreError> {
        let mut prepared = Prepared::default();
        let whole = match self.reach {
            Reach::Whole => Some(content::whole(view, message.uid)?),
            Reach::Index | Reach::Header => None,
        };
        let header = match (self.reach, &whole) {
            (Reach::Index, _) => None,
            (_, Some(whole)) => Some(whole.slice(..mail::mime::header::end(whole))),
            (_, None) => Some(content::header(view, message)?),
        };
        let header = header.as_deref().unwrap_or_default();
        let root = whole.as_deref().map(Part::of);
        if self.items.contains(&Item::Envelope) {
            prepared.envelope = Envelope::of(header);
        }
        for wanted in self.octets() {
            let found = match (&root, whole.as_deref()) {
                (Some(root), Some(whole)) => wanted.section.find(root, whole),
                _ => find(wanted, header, message.size),
            };
            let piece = match found {
                None => Piece::Missing,
                Some(Found::Octets(octets)) => {
                    let place = cut(0..octets.len() as u64, wanted);
                    Piece::Octets(octets[place.start as usize..place.end as usize].to_vec())
                }
                Some(Found::Place(place)) => {
                    let place = cut(place.start as u64..place.end as u64, wanted);
                    match place.end - place.start {
                        0..=PIECE_OCTETS => match &whole {
                            Some(whole) => {
                                Piece::Octets(whole[place.start as usize..place.end as usize].to_vec())
                            }
                            None => Piece::Octets(view.message(message.uid, place)?.into()),
                        },
                        _ => Piece::Place(place),
                    }
                }
            };
            prepared.octets.push(piece);
        }
        prepared.root = root;
        Ok(prepared)
    }
}

/// In a message of which the header is known.
fn find(wanted: &Octets, header: &[u8], size: u64) -> Option<Found> {
    let size = usize::try_from(size).unwrap_or(usize::MAX);
    match &wanted.section.what {
        What::Whole => Some(Found::Place(0..size)),
        What::Text => Some(Found::Place(header.len()..size)),
        _ => wanted.section.find_in_header(header),
    }
}

fn reach(item: &Item) -> Reach {
    match item {
        Item::Flags | Item::InternalDate | Item::ModSeq | Item::Size | Item::Uid => Reach::Index,
        Item::Envelope => Reach::Header,
        Item::Body | Item::BodyStructure => Reach::Whole,
        Item::Octets(octets) if octets.section.is_in_header() => Reach::Header,
        Item::Octets(octets) if octets.section.path.is_empty() => match octets.section.what {
            What::Whole => Reach::Index,
            What::Text => Reach::Header,
            _ => Reach::Whole,
        },
        Item::Octets(_) => Reach::Whole,
    }
}

/// What `<from.octets>` leaves.
fn cut(place: Range<u64>, wanted: &Octets) -> Range<u64> {
    let Some((from, octets)) = wanted.partial else { return place };
    let start = place.end.min(place.start.saturating_add(u64::from(from)));
    start..place.end.min(start.saturating_add(u64::from(octets)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;
    use mail::imap::command::{Body, parse};

    fn plan(arguments: &str) -> Plan {
        let command = parse(&Bytes::from(format!("a FETCH 1 {arguments}\r\n"))).unwrap();
        let Body::Fetch(fetch) = command.body else { panic!("{command:?}") };
        Plan::of(&fetch)
    }

    /// Catches one that reads whole messages for a list of them.
    #[test]
    fn no_more_is_read_than_is_asked_for() {
        for (arguments, expected) in [
            ("(FLAGS UID RFC822.SIZE INTERNALDATE)", Reach::Index),
            ("BODY.PEEK[]", Reach::Index),
            ("RFC822", Reach::Index),
            ("ALL", Reach::Header),
            ("(BODY.PEEK[HEADER.FIELDS (SUBJECT)] FLAGS)", Reach::Header),
            ("RFC822.HEADER", Reach::Header),
            ("BODY.PEEK[TEXT]", Reach::Header),
            ("FULL", Reach::Whole),
            ("BODY.PEEK[1]", Reach::Whole),
            ("BODY.PEEK[1.MIME]", Reach::Whole),
        ] {
            assert_eq!(plan(arguments).reach, expected, "{arguments}");
        }
    }

    #[test]
    fn only_a_look_leaves_a_message_unseen() {
        assert!(plan("BODY[]").is_seeing && plan("RFC822.TEXT").is_seeing && plan("RFC822").is_seeing);
        assert!(!plan("BODY.PEEK[]").is_seeing && !plan("(ENVELOPE RFC822.HEADER)").is_seeing);
    }

    #[test]
    fn a_part_of_a_place_is_cut_at_its_end() {
        for (partial, expected) in [
            ("", 10..30),
            ("<0.5>", 10..15),
            ("<15.9>", 25..30),
            ("<20.1>", 30..30),
            ("<4000000000.4000000000>", 30..30),
        ] {
            let plan = plan(&format!("BODY[]{partial}"));
            let wanted = plan.octets().next().unwrap();
            assert_eq!(cut(10..30, wanted), expected, "{partial}");
        }
    }
}
