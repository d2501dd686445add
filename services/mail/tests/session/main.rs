//! Whole sessions, with a policy that answers at once: the RFCs' own dialogues, limits, hostile clients, any split of the input,
//! and clients that others wrote.

#![expect(clippy::unwrap_used, reason = "here a panic with its place is the message")]

mod dialogues;
mod hostile;
mod limits;
mod lmtp;
mod party;
mod peers;
mod pop3;
mod splits;
