//! What IMAP calls ENVELOPE (RFC 3501, section 7.4.2): the fields that a list of messages shows, in one pass over the header.

use super::address::{self, ADDRESSES_MAX, Address};
use super::header::{Fields, unfolded};

/// Of a field that is no list of addresses. More of it is not told of.
pub const VALUE_OCTETS_MAX: usize = 16 * 1024;

/// Nothing in it is decoded.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Envelope {
    pub date: Option<Vec<u8>>,
    pub subject: Option<Vec<u8>>,
    pub from: Vec<Address>,
    pub sender: Vec<Address>,
    pub reply_to: Vec<Address>,
    pub to: Vec<Address>,
    pub cc: Vec<Address>,
    pub bcc: Vec<Address>,
    pub in_reply_to: Option<Vec<u8>>,
    pub message_id: Option<Vec<u8>>,
}

impl Envelope {
    /// Of a header, or of a message: what stands behind the empty line is not looked at.
    pub fn of(header: &[u8]) -> Self {
        let mut envelope = Self::default();
        for field in Fields::of(header) {
            match field.name.to_ascii_lowercase().as_slice() {
                b"date" => set(&mut envelope.date, field.value),
                b"subject" => set(&mut envelope.subject, field.value),
                b"from" => add(&mut envelope.from, field.value),
                b"sender" => add(&mut envelope.sender, field.value),
                b"reply-to" => add(&mut envelope.reply_to, field.value),
                b"to" => add(&mut envelope.to, field.value),
                b"cc" => add(&mut envelope.cc, field.value),
                b"bcc" => add(&mut envelope.bcc, field.value),
                b"in-reply-to" => set(&mut envelope.in_reply_to, field.value),
                b"message-id" => set(&mut envelope.message_id, field.value),
                _ => {}
            }
        }
        for list in [&mut envelope.sender, &mut envelope.reply_to] {
            if list.is_empty() {
                list.clone_from(&envelope.from);
            }
        }
        envelope
    }
}

/// The first of several fields counts.
fn set(place: &mut Option<Vec<u8>>, value: &[u8]) {
    if place.is_none() {
        *place = Some(unfolded(value, VALUE_OCTETS_MAX).into_owned());
    }
}

/// All of several fields count: that is what their sender meant.
fn add(list: &mut Vec<Address>, value: &[u8]) {
    if list.len() < ADDRESSES_MAX {
        list.extend(address::list(value));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_fields_of_a_list_are_read() {
        let envelope = Envelope::of(
            b"Received: from x\r\nDATE: Mon, 7 Feb 1994 21:52:25 -0800\r\nSubject: a\r\n\tb =?utf-8?q?c?=\r\n\
              Subject: second\r\nFrom: A <a@b>\r\nTo: c@d\r\nTo: e@f\r\nMessage-ID: <1@x>\r\n\r\nBcc: body@x\r\n",
        );
        assert_eq!(envelope.date.as_deref(), Some(&b"Mon, 7 Feb 1994 21:52:25 -0800"[..]));
        assert_eq!(envelope.subject.as_deref(), Some(&b"a\tb =?utf-8?q?c?="[..]));
        assert_eq!(envelope.message_id.as_deref(), Some(&b"<1@x>"[..]));
        assert_eq!((envelope.to.len(), envelope.cc.len(), envelope.bcc.len()), (2, 0, 0));
        assert_eq!((&envelope.sender, &envelope.reply_to), (&envelope.from, &envelope.from));
        assert_eq!(envelope.in_reply_to, None);
    }

    #[test]
    fn a_field_that_is_there_but_empty_is_not_missing() {
        let envelope = Envelope::of(b"Subject:\r\nSender: \r\nFrom: a@b\r\n");
        assert_eq!(envelope.subject.as_deref(), Some(&b""[..]));
        assert_eq!(envelope.sender, envelope.from);
    }

    #[test]
    fn there_is_an_end_to_a_value() {
        let header = format!("Subject: {}\r\n", "x".repeat(VALUE_OCTETS_MAX * 2));
        let subject = Envelope::of(header.as_bytes()).subject.unwrap();
        assert!(subject.len() <= VALUE_OCTETS_MAX);
    }
}
