//! The command and its images, tried from outside: real packages, real firmware, real checkers.
//!
//! `make test` runs this. One image is built for all tests; each test that changes one works on a copy.

#![expect(clippy::unwrap_used, reason = "here a panic with its place is the message")]

mod ailing;
mod bad_disks;
mod bad_images;
mod blocks;
mod command;
mod definitions;
mod dns_rack;
mod fixture;
mod full_disk;
mod identities;
#[path = "../inside.rs"]
mod inside;
mod installed;
mod interruptions;
mod lab;
mod liars;
mod machines;
mod mirror;
mod netboot;
mod network;
mod operators;
mod origins;
mod outputs;
mod packages;
#[path = "../peers.rs"]
mod peers;
mod questions;
mod rack;
mod relayed;
mod reproducibility;
mod restarted;
mod site;
mod spares;
mod storms;
mod told;
mod trust;
mod unit;
mod volumes;
mod wrong_machines;
