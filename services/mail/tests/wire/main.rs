//! `mail::server` with clients that others wrote, and with those that nobody wants.

#![expect(clippy::unwrap_used, reason = "here a panic with its place is the message")]

mod ask;
mod client;
mod clients;
mod drain;
mod house;
mod limits;
mod lmtp;
mod observe;
mod peer;
mod slow;
mod tls;
