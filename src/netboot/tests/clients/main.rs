//! Real clients, a real relay and another real server, in network namespaces that each test makes for itself.

#![expect(clippy::unwrap_used, reason = "here a panic with its place is the message")]

mod advertisements;
#[path = "../../../../tests/inside.rs"]
mod inside;
mod linux;
#[path = "../../../../tests/peers.rs"]
mod peers;
mod proxy;
mod rack;
mod relay;
mod storm;
mod wire;
