//! SORT (RFC 5256): by what the index knows, and by what headers say.
//!
//! What is compared of each message is kept until all are there, and is bounded: longer texts are the same if they begin in the same way.

use super::content;
use super::failure::Failure;
use super::search::Found;
use super::session::{Answer, Done, Session};
use crate::error::StoreError;
use crate::message::MessageInfo;
use crate::number::UidSet;
use crate::store::MailboxView;
use mail::imap::command::search::{Order, Sort};
use mail::mime::address::Address;
use mail::mime::{Envelope, text};
use std::cmp::Ordering;

/// Messages whose headers are read in one turn.
const PAGE: usize = 256;
/// Of a text that messages are sorted by.
const TEXT_OCTETS_MAX: usize = 128;

/// By what a message is compared, in the order of the criteria.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum By {
    Number(i64),
    Text(Box<str>),
}

impl Session {
    pub(super) async fn sort(&mut self, sort: Sort) -> Answer {
        let found = self.find(&sort.key).await?;
        let mut sorted = Vec::with_capacity(found.len());
        for page in found.chunks(PAGE) {
            self.wire.must_stop().map_err(Failure::Ended)?;
            let (view, page, order) =
                (self.selected()?.view.clone_handle(), page.to_vec(), sort.order.clone());
            sorted.extend(self.parts.work(move || keys(&view, &page, &order)).await?);
        }
        let order = sort.order;
        sorted.sort_by(|(one, at), (other, other_at)| {
            compare(&order, one, other).then_with(|| at.place.cmp(&other_at.place))
        });
        let numbers: Vec<u32> = sorted.iter().map(|(_, found)| found.number(sort.by)).collect();
        self.wire.out.sort(&numbers);
        Ok(Done::new("Sorted"))
    }
}

fn compare(order: &[(Order, bool)], one: &[By], other: &[By]) -> Ordering {
    let pairs = order.iter().zip(one.iter().zip(other));
    pairs.fold(Ordering::Equal, |so_far, ((_, is_backwards), (one, other))| {
        so_far.then_with(|| if *is_backwards { other.cmp(one) } else { one.cmp(other) })
    })
}

fn keys(
    view: &MailboxView,
    page: &[Found],
    order: &[(Order, bool)],
) -> Result<Vec<(Vec<By>, Found)>, StoreError> {
    let is_in_header = |order: &Order| !matches!(order, Order::Arrival | Order::Size);
    let needs_header = order.iter().any(|(order, _)| is_in_header(order));
    let uids: UidSet = page.iter().map(|found| found.uid).collect();
    let mut page = page.iter();
    let mut keys = Vec::new();
    for message in view.page(&uids, PAGE)? {
        let Some(found) = page.find(|found| found.uid == message.uid) else { break };
        let header = match needs_header {
            true => match content::header(view, &message) {
                Err(StoreError::NoMessage(_)) => continue,
                header => header?,
            },
            false => bytes::Bytes::new(),
        };
        let envelope = Envelope::of(&header);
        let all = order.iter().map(|(order, _)| by(*order, &message, &header, &envelope));
        keys.push((all.collect(), *found));
    }
    Ok(keys)
}

fn by(order: Order, message: &MessageInfo, header: &[u8], envelope: &Envelope) -> By {
    match order {
        Order::Arrival => By::Number(message.received.as_second()),
        Order::Size => By::Number(i64::try_from(message.size).unwrap_or(i64::MAX)),
        // Without a date it is that of its arrival (RFC 5256, section 2.2).
        Order::Date => By::Number(match text::sent(header) {
            Some(sent) => sent.seconds,
            None => message.received.as_second(),
        }),
        Order::Subject => short(&text::base_subject(envelope)),
        Order::From => mailbox(&envelope.from),
        Order::To => mailbox(&envelope.to),
        Order::Cc => mailbox(&envelope.cc),
    }
}

/// The local part of the first address (RFC 5256, section 3).
fn mailbox(addresses: &[Address]) -> By {
    let mailbox = addresses.first().and_then(|address| address.mailbox.as_deref()).unwrap_or_default();
    short(&String::from_utf8_lossy(mailbox).to_lowercase())
}

fn short(text: &str) -> By {
    By::Text(text[..text.floor_char_boundary(TEXT_OCTETS_MAX)].into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_criterion_that_differs_decides() {
        let order = [(Order::Subject, false), (Order::Size, true)];
        let message = |subject: &str, size| vec![short(subject), By::Number(size)];
        for (one, other, expected) in [
            (message("a", 1), message("b", 9), Ordering::Less),
            (message("a", 1), message("a", 9), Ordering::Greater),
            (message("a", 1), message("a", 1), Ordering::Equal),
        ] {
            assert_eq!(compare(&order, &one, &other), expected);
        }
    }

    #[test]
    fn what_is_kept_of_a_text_is_bounded() {
        let By::Text(text) = short(&"\u{fc}".repeat(1000)) else { panic!("no text") };
        assert_eq!(text.len(), TEXT_OCTETS_MAX);
    }
}
