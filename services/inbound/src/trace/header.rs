//! The header of a message that has come, and what its fields say about loops.
//!
//! Entry points: [`read`], [`authors`], [`hops`], [`was_delivered_to`].

use bytes::Bytes;
use mail::content::Content;
use mail::directory::Address;
use mail::mime::header::{self, Fields};
use std::io;

/// A header that is larger is refused, for what stands in it is looked at to its end.
pub const OCTETS_MAX: usize = 1 << 20;
/// Nearly every header is smaller.
const FIRST_OCTETS: usize = 64 * 1024;

/// There is no header to go by.
#[derive(Debug, thiserror::Error)]
pub enum HeaderError {
    #[error("the header has more than {OCTETS_MAX} octets")]
    TooLarge,
    #[error("the message cannot be read back")]
    Read(#[source] io::Error),
}

/// The header with the empty line behind it; all of a message that has no such line.
pub async fn read(content: &Content) -> Result<Bytes, HeaderError> {
    for octets_max in [FIRST_OCTETS, OCTETS_MAX] {
        let start = content.start(octets_max).await.map_err(HeaderError::Read)?;
        let end = header::end(&start);
        if end < start.len() || start.len() as u64 == content.octets() {
            return Ok(start.slice(..end));
        }
    }
    Err(HeaderError::TooLarge)
}

/// From fields. Where there are more than one, each reader shows another author, and DMARC is asked for none of them (RFC 5322, section 3.6).
pub fn authors(header: &[u8]) -> usize {
    Fields::of(header).filter(|field| field.is(b"From")).count()
}

/// Hosts that the message went through (RFC 5321, section 6.3).
pub fn hops(header: &[u8]) -> usize {
    Fields::of(header).filter(|field| field.is(b"Received")).count()
}

/// Whether the message was in this mailbox before: mailstores write `Delivered-To` with the account's name.
pub fn was_delivered_to(header: &[u8], account: &Address) -> bool {
    let is_it = |value: &[u8]| {
        let text = std::str::from_utf8(value.trim_ascii()).ok();
        text.and_then(|text| text.parse::<Address>().ok()).is_some_and(|address| address == *account)
    };
    Fields::of(header).any(|field| field.is(b"Delivered-To") && is_it(field.value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_header_is_read_to_its_end_and_no_further() {
        let large = format!("X: {}\r\n", "x".repeat(990)).repeat(100);
        for header in ["A: b\r\n\r\n".to_owned(), format!("{large}\r\n"), "\r\n".to_owned()] {
            let content = Content::from(Bytes::from(format!("{header}body\r\n\r\nmore")));
            assert_eq!(read(&content).await.unwrap(), header);
        }
        for whole in ["", "A: b\r\n", "A: b\r\n\r\n"] {
            let content = Content::from(Bytes::from(whole));
            assert_eq!(read(&content).await.unwrap(), whole);
        }
        let endless = Content::from(Bytes::from(large.repeat(11)));
        assert!(matches!(read(&endless).await, Err(HeaderError::TooLarge)));
    }

    #[test]
    fn hops_and_mailboxes_are_found() {
        let header =
            b"Delivered-To: ANN@Example.org\r\nReceived: x\r\nreceived: y\r\n z\r\nX: Received: z\r\n\
            Delivered-To: \r\n\r\nReceived: body\r\n";
        assert_eq!(hops(header), 2);
        assert_eq!(authors(b"From: a\r\nfrom : b\r\nX-From: c\r\n\r\nFrom: d\r\n"), 2);
        let was = |name: &str| was_delivered_to(header, &name.parse().unwrap());
        assert!(was("ann@example.org") && !was("bob@example.org"));
    }
}
