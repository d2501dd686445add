//! Octets of messages: a header without what stands behind it, a whole message, a piece. Each blocks.

use crate::error::StoreError;
use crate::message::MessageInfo;
use crate::number::Uid;
use crate::store::MailboxView;
use bytes::Bytes;
use mail::mime::header;

/// What is read of a message to find the end of its header; four times as much when it is not in there.
const HEADER_OCTETS: u64 = 8 * 1024;
/// What is in memory of a message that is sent.
pub(super) const PIECE_OCTETS: u64 = 64 * 1024;

/// The header, the empty line behind it included. Of most messages that is one short read.
pub(super) fn header(view: &MailboxView, message: &MessageInfo) -> Result<Bytes, StoreError> {
    let mut wanted = HEADER_OCTETS;
    loop {
        let octets = view.message(message.uid, 0..wanted)?;
        let end = header::end(&octets);
        // One that ends where the octets do may go on.
        if end < octets.len() || octets.len() as u64 >= message.size {
            return Ok(octets.slice(..end));
        }
        wanted = wanted.saturating_mul(4);
    }
}

/// All of it, checked.
pub(super) fn whole(view: &MailboxView, uid: Uid) -> Result<Bytes, StoreError> {
    view.message(uid, 0..u64::MAX)
}
