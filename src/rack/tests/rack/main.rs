//! The rack agent with a real ledger, real BMCs of a lab, and nodes that speak only heartbeats.

#![expect(clippy::unwrap_used, reason = "here a panic with its place is the message")]
mod crashes;
mod emulator;
mod events;
mod faults;
mod hostile;
mod lab_bmc;
mod limits;
mod machines;
mod nodes;
mod takeovers;
mod world;
