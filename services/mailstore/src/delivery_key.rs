//! Names a delivery, so that its repeat is known after an answer was lost on its way.
//!
//! The name is a hash of what the client handed in: envelope, client, and the message without the trace headers that our own hosts put
//! on top of it, as those differ each time. A message without Message-ID or Date has no name: two identical mails of a cron job are two
//! mails. Entry points: [`DeliveryKey::of`], [`first_client`], [`first_id`].

use crate::header_field::{self, Field};
use crate::message::DeliveryKey;
use mail::message_id::MessageId;
use sha2::{Digest, Sha256};

/// Changes when the meaning of the hash does.
const DOMAIN: &[u8] = b"mailstore delivery 1";

/// A message as it reached the mailstore, and who sent it to whom.
#[derive(Clone, Copy, Debug)]
pub struct Handed<'a> {
    pub message: &'a [u8],
    /// Of the envelope; empty for the null sender.
    pub sender: &'a str,
    pub recipient: &'a str,
    /// Who handed the message to our first host, as an address.
    pub client: &'a str,
    /// Names under which our own hosts write trace headers (`by` in Received, the authserv-id in Authentication-Results).
    pub own_names: &'a [String],
}

impl DeliveryKey {
    /// None for a message that must not be suppressed.
    pub fn of(handed: &Handed<'_>) -> Option<Self> {
        let received = without_own_trace(handed.message, handed.own_names);
        if !has_name(received) {
            return None;
        }
        let mut hash = Sha256::new();
        hash.update(DOMAIN);
        for part in [handed.sender, handed.recipient, handed.client] {
            hash.update((part.len() as u64).to_le_bytes());
            hash.update(part.as_bytes());
        }
        hash.update(received);
        Some(Self(hash.finalize().into()))
    }
}

/// The address of whom the first of our own hosts had a message from, as the innermost of their Received fields has it. None where no host
/// of ours had the message before.
pub fn first_client<'a>(message: &'a [u8], own_names: &[String]) -> Option<&'a str> {
    own_received(message, own_names).filter_map(sending_address).last()
}

/// The name that the first of our own hosts gave the message, under which its log has it.
pub fn first_id(message: &[u8], own_names: &[String]) -> Option<MessageId> {
    own_received(message, own_names).filter_map(given_id).last()
}

/// The Received fields that our own hosts put on top, the newest first.
fn own_received<'a>(message: &'a [u8], own_names: &[String]) -> impl Iterator<Item = &'a str> {
    let mut rest = message;
    let fields = std::iter::from_fn(move || {
        let field = header_field::first(rest).filter(|field| is_own_trace(field, own_names))?;
        rest = field.rest;
        Some(field)
    });
    fields.filter(|field| field.is("Received")).filter_map(|field| std::str::from_utf8(field.value).ok())
}

/// `from NAME (... [ADDRESS]) by`: the name is the client's own word, also where it looks like an address (RFC 5321 section 4.4, `TCP-info`).
fn sending_address(received: &str) -> Option<&str> {
    let words = received.split_ascii_whitespace();
    let literal = words.take_while(|word| !word.eq_ignore_ascii_case("by")).skip(2).filter_map(|word| {
        let word = word.trim_start_matches('(').strip_prefix('[')?;
        word.split_once(']').map(|(address, _)| address)
    });
    literal.last()
}

/// `by HOST ... id ID`: what stands before that is the client's own word.
fn given_id(received: &str) -> Option<MessageId> {
    let words = received.split_ascii_whitespace().skip_while(|word| !word.eq_ignore_ascii_case("by"));
    let mut behind = words.skip_while(|word| !word.eq_ignore_ascii_case("id")).skip(1);
    behind.next()?.trim_end_matches(';').parse().ok()
}

fn without_own_trace<'a>(message: &'a [u8], own_names: &[String]) -> &'a [u8] {
    let mut rest = message;
    while let Some(field) = header_field::first(rest).filter(|field| is_own_trace(field, own_names)) {
        rest = field.rest;
    }
    rest
}

fn is_own_trace(field: &Field<'_>, own_names: &[String]) -> bool {
    let is_own = |word: &[u8]| {
        let word = word.strip_suffix(b";").unwrap_or(word);
        own_names.iter().any(|name| word.eq_ignore_ascii_case(name.as_bytes()))
    };
    let mut words = field.value.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty());
    if field.is("Received") {
        // RFC 5321 section 4.4: `from ... by ...`
        return words.by_ref().any(|word| word.eq_ignore_ascii_case(b"by"))
            && words.next().is_some_and(is_own);
    }
    if field.is("Authentication-Results") {
        return words.next().is_some_and(is_own);
    }
    field.is("Return-Path") || field.is("Delivered-To")
}

fn has_name(message: &[u8]) -> bool {
    let (mut has_id, mut has_date) = (false, false);
    let mut rest = message;
    while let Some(field) = header_field::first(rest) {
        let has_value = !field.value.trim_ascii().is_empty();
        has_id |= has_value && field.is("Message-ID");
        has_date |= has_value && field.is("Date");
        if has_id && has_date {
            return true;
        }
        rest = field.rest;
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const MESSAGE: &str =
        "Received: from a by b.example\r\nMessage-ID: <1@a>\r\nDate: today\r\n\r\nHello\r\n";

    fn key(message: &str) -> Option<DeliveryKey> {
        key_of(message.as_bytes(), "a@a", "b@b", "192.0.2.1")
    }

    fn key_of(message: &[u8], sender: &str, recipient: &str, client: &str) -> Option<DeliveryKey> {
        let own_names = ["mx1.example".to_owned(), "mx2.example".to_owned()];
        DeliveryKey::of(&Handed { message, sender, recipient, client, own_names: &own_names })
    }

    #[test]
    fn our_own_trace_headers_do_not_matter_and_all_else_does() {
        let first = format!(
            "Return-Path: <a@a>\r\nReceived: from a (a [192.0.2.1])\r\n\tby mx1.example with ESMTP\r\n id 1; now\r\n\
             Authentication-Results: mx1.example; spf=pass\r\n{MESSAGE}"
        );
        let again =
            format!("Received: from a (a [192.0.2.1]) by MX2.example with ESMTP id 2; later\r\n{MESSAGE}");
        assert_eq!(key(&first), key(&again));
        assert_eq!(key(&first), key(MESSAGE));
        for other in [
            MESSAGE.replace("Hello", "hello"),
            MESSAGE.replace("b.example", "c.example"),
            format!("Authentication-Results: mx9.example; spf=pass\r\n{MESSAGE}"),
            format!("X: y\r\n{first}"),
        ] {
            assert!(key(&other).is_some() && key(&other) != key(MESSAGE), "{other}");
        }
        let message = MESSAGE.as_bytes();
        let keys = [("a@a", "b@b", "192.0.2.2"), ("a@a", "c@b", "192.0.2.1"), ("a@ab", "@b", "192.0.2.1")];
        assert!(keys.iter().all(|(a, b, c)| key_of(message, a, b, c) != key(MESSAGE)));
    }

    #[test]
    fn a_message_without_message_id_or_date_is_never_a_repeat() {
        for bad in [
            MESSAGE.replace("Message-ID: <1@a>\r\n", ""),
            MESSAGE.replace("Date: today\r\n", ""),
            MESSAGE.replace("<1@a>", " "),
            MESSAGE.replace("Date:", "Date"),
            MESSAGE.replace("Date:", "\r\nDate:"),
            String::new(),
        ] {
            assert_eq!(key(&bad), None, "{bad}");
        }
        assert!(key(&MESSAGE.replace("Message-ID", "message-id")).is_some());
    }

    proptest! {
        #[test]
        fn any_octets_have_a_key_or_none(message in proptest::collection::vec(prop_oneof![Just(b'\n'), Just(b':'), Just(b' '), any::<u8>()], 0..200)) {
            let key = key_of(&message, "", "b@b", "");
            let named = [b"Message-ID: x\r\nDate: y\r\n", &message[..]].concat();
            prop_assert!(key_of(&named, "", "b@b", "").is_some());
            prop_assert!(key.is_none() || message.len() > 10);
        }
    }

    /// Catches a name in EHLO that is taken for the client's address.
    #[test]
    fn the_first_client_is_whom_our_own_host_saw() {
        let of =
            |message: &str| first_client(message.as_bytes(), &["mx1.example".to_owned()]).map(str::to_owned);
        let seen = "Received: from [10.0.0.1] (x.example [192.0.2.7])\r\n by mx1.example with ESMTP; now\r\n";
        let direct = "Received: from x ([IPv6:2001:db8::1]) by mx1.example with ESMTP; now\r\n";
        let strange = "Received: from [10.9.9.9] ([192.0.2.9]) by other.example with ESMTP; then\r\n";
        assert_eq!(of(&format!("{seen}{strange}\r\n")).as_deref(), Some("192.0.2.7"));
        assert_eq!(of(&format!("{direct}{strange}\r\n")).as_deref(), Some("IPv6:2001:db8::1"));
        assert_eq!(of(&format!("{direct}{seen}\r\n")).as_deref(), Some("192.0.2.7"));
        assert_eq!(of(&format!("{strange}{seen}\r\n")), None);
        assert_eq!(of("Received: from [10.0.0.1] by mx1.example; now\r\n\r\n"), None);
    }

    /// Catches an id that the client wrote, in its name or in a field of its own.
    #[test]
    fn the_id_is_the_one_that_our_first_host_gave() {
        let of = |message: &str| first_id(message.as_bytes(), &["mx1.example".to_owned()]);
        let id = |letter: &str| format!("{}b", letter.repeat(25));
        let received = |from: &str, by: &str, id: &str| {
            format!("Received: from {from}\r\n\tby {by} with ESMTP\r\n\tid {id}; now\r\n")
        };
        let (first, second) = (id("a"), id("c"));
        let strange = received("x", "other.example", &id("d"));
        let inner = received("id", "mx1.example", &first);
        let outer = received("x", "mx1.example", &second);
        assert_eq!(of(&format!("{outer}{inner}{strange}\r\n")), first.parse().ok());
        assert!(of(&inner).is_some());
        assert_eq!(of(&format!("{strange}{inner}\r\n")), None);
        assert_eq!(of(&received("x", "mx1.example", "17")), None);
    }
}
