//! `mailstore::imap` with clients that others wrote, and with those that nobody wants.

#![expect(clippy::unwrap_used, reason = "here a panic with its place is the message")]

mod client;
mod clients;
mod condstore;
mod curl;
mod damage;
mod drain;
mod hostile;
mod house;
mod idle;
mod large;
mod many;
mod mbsync;
mod messages;
mod process;
mod sessions;
mod slow;
mod tls;
