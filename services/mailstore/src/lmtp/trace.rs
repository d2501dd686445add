//! The fields that final delivery puts on top of a message (RFC 5321 section 4.4): Return-Path, Delivered-To, Received.

use crate::header_field;
use crate::name::AccountName;
use bytes::Bytes;
use jiff::Timestamp;
use jiff::fmt::rfc2822;
use jiff::tz::TimeZone;
use mail::address::Domain;
use mail::command::{ClientName, Rcpt};
use mail::engine::Envelope;
use mail::message_id::MessageId;
use std::net::IpAddr;

/// More than all the fields can have: each part of them is bounded by the grammar of LMTP.
pub const OCTETS_MAX: u64 = 4096;

/// What the fields of one message say.
#[derive(Debug)]
pub struct Trace<'a> {
    pub host: &'a Domain,
    pub client: IpAddr,
    pub id: MessageId,
    pub envelope: &'a Envelope,
    pub received: Timestamp,
}

impl Trace<'_> {
    /// The message as it is kept for one recipient. A Return-Path that somebody wrote before goes, for there is only one (section 4.4).
    pub fn stamp(&self, rcpt: &Rcpt, account: &AccountName, message: &[u8]) -> Bytes {
        let fields = self.fields(rcpt, account);
        let mut stamped = Vec::with_capacity(fields.len() + message.len());
        stamped.extend_from_slice(fields.as_bytes());
        let mut rest = message;
        while let Some(field) = header_field::first(rest) {
            if !field.is("Return-Path") {
                stamped.extend_from_slice(field.whole);
            }
            rest = field.rest;
        }
        stamped.extend_from_slice(rest);
        stamped.into()
    }

    fn fields(&self, rcpt: &Rcpt, account: &AccountName) -> String {
        let Self { host, id, envelope, .. } = self;
        let (from, to) = (&envelope.mail.from, &rcpt.to);
        let (name, client) = (shown(&envelope.hello.client), literal(self.client));
        let (with, date) = (envelope.transmission(), date(self.received));
        format!(
            "Return-Path: {from}\r\nDelivered-To: {account}\r\nReceived: from {name} ({client})\r\n\
             \tby {host} with {with} id {id}\r\n\tfor {to}; {date}\r\n"
        )
    }
}

/// What a client calls itself, without what would mean something in a field, such as a comment.
fn shown(name: &ClientName) -> String {
    let is_plain = |letter: char| letter.is_ascii_alphanumeric() || "-._:[]".contains(letter);
    name.as_str().chars().map(|letter| if is_plain(letter) { letter } else { '?' }).collect()
}

/// RFC 5321 section 4.1.3.
fn literal(address: IpAddr) -> String {
    match address.to_canonical() {
        IpAddr::V4(address) => format!("[{address}]"),
        IpAddr::V6(address) => format!("[IPv6:{address}]"),
    }
}

fn date(time: Timestamp) -> String {
    let zoned = time.to_zoned_datetime(TimeZone::UTC);
    rfc2822::to_string(&zoned).expect("the year has four digits")
}
