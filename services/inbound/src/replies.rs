//! What a client hears: for now (4yz) where the same may work later, for good (5yz) where it cannot.
//!
//! Trouble of ours is never told as for good. Codes are those of RFC 5321, section 4.2.2; enhanced codes those of RFC 3463 and its registry.

use mail::reply::{Refusal, Status, Text};

pub const DELIVERED: Text = Text::fixed("Delivered");

const fn refusal(code: u16, subject: u16, detail: u16, text: &'static str) -> Refusal {
    Refusal::fixed(code, Status::new(subject, detail), text)
}

pub const NO_SUCH_USER: Refusal = refusal(550, 1, 1, "No such user here");
pub const RELAY_DENIED: Refusal = refusal(550, 7, 1, "Relay denied: mail to this domain does not come here");
/// The directory did not answer, or what it says cannot be followed.
pub const CANNOT_TELL: Refusal = refusal(451, 3, 0, "The recipient cannot be looked up now; try again later");
/// Until there is a queue and somebody who empties it.
pub const FORWARD: Refusal =
    refusal(451, 3, 5, "Mail to this address leads elsewhere, which cannot be done now");
pub const NO_STORE: Refusal = refusal(451, 3, 0, "The mailbox cannot be reached now; try again later");
pub const TOO_MANY_MESSAGES: Refusal =
    refusal(451, 7, 0, "Too many messages from your address; try again later");
pub const TOO_MANY_RECIPIENTS: Refusal =
    refusal(451, 7, 0, "Too many recipients from your address; try again later");
pub const GREYLISTED: Refusal =
    refusal(451, 7, 1, "You have not been here before; try again in some minutes");
/// RFC 3463, section 3.5: routing loop detected.
pub const LOOP: Refusal = refusal(554, 4, 6, "Message loops: it was here before");
pub const TOO_MANY_HOPS: Refusal = refusal(554, 4, 6, "Message loops: too many Received fields");
pub const HEADER_TOO_LARGE: Refusal = refusal(552, 3, 4, "Message header too large");
pub const MANY_AUTHORS: Refusal = refusal(550, 6, 0, "Message has more than one From field");
pub const FAILED: Refusal = refusal(451, 3, 0, "Cannot take the message now; try again later");
/// RFC 7489, section 10.3.
pub const DMARC: Refusal = refusal(550, 7, 1, "The author's domain asks by DMARC to refuse this message");
pub const NOT_CHECKED: Refusal = refusal(451, 3, 0, "The message cannot be checked now; try again later");

/// By whom a client is listed.
pub fn listed(zone: &str) -> Refusal {
    let text = format!("Your address is listed by {zone}");
    Refusal::new(550, Status::new(7, 1), &text).expect("550 is the code of a refusal")
}
