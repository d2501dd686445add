//! What a client hears: for now (4yz) where the same may work later, for good (5yz) where it cannot.

use crate::error::StoreError;
use mail::reply::{Refusal, Status, Text};

pub const DELIVERED: Text = Text::fixed("Delivered");
pub const DELIVERED_BEFORE: Text = Text::fixed("Delivered before");

/// RFC 3463 section 3.2: bad destination mailbox address.
pub const NO_SUCH_USER: Refusal = Refusal::fixed(550, Status::new(1, 1), "No such user here");
/// Section 3.5: unable to route. Whoever asks the directory again learns where the mailbox is.
pub const ELSEWHERE: Refusal =
    Refusal::fixed(451, Status::new(4, 4), "The mailbox is on another server; try again later");
/// Section 3.3: mailbox full. Its owner can make room, so it is for now.
pub const MAILBOX_FULL: Refusal = Refusal::fixed(452, Status::new(2, 2), "Mailbox is full; try again later");
/// Section 3.3: message length exceeds administrative limit of the mailbox. There will never be room for it.
pub const LARGER_THAN_MAILBOX: Refusal =
    Refusal::fixed(552, Status::new(2, 3), "Message is larger than all that the mailbox may keep");
/// Section 3.4: message too big for system.
const TOO_LARGE: Refusal = Refusal::fixed(552, Status::new(3, 4), "Message is too large");
/// Section 3.4: mail system full.
const NO_ROOM: Refusal = Refusal::fixed(452, Status::new(3, 1), "No room on the volume; try again later");
pub const FAILED: Refusal =
    Refusal::fixed(451, Status::new(3, 0), "The mailbox cannot be reached now; try again later");

/// The answer to a delivery that was not done. A trouble of ours is never told as for good: the mail is still wanted.
pub fn refusal(error: &StoreError, octets: u64) -> Refusal {
    match error {
        StoreError::OverQuota { limit, .. } => over_quota(octets, *limit),
        StoreError::TooLarge { .. } => TOO_LARGE,
        StoreError::Full(_) => NO_ROOM,
        _ => FAILED,
    }
}

/// A message of so many octets does not fit into what is left.
pub fn over_quota(octets: u64, limit: u64) -> Refusal {
    if octets > limit { LARGER_THAN_MAILBOX } else { MAILBOX_FULL }
}
