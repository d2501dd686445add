//! A real site on loopback, and nodes that speak to it over TLS as /init does.

#![expect(clippy::unwrap_used, reason = "here a panic with its place is the message")]

mod doors;
mod fixture;
mod holder;
mod identities;
mod node;
mod operators;
mod restart;
mod shelf;
mod strangers;
mod way;
