//! What a machine without a disk asks the network for: a pure engine and a thin server for each protocol.
//!
//! `dhcp` answers DHCP and proxyDHCP, `advertise` tells IPv6 hosts that nothing is to be had there. Each exports
//! `Config`, `build` and `Server::run`, which ends when its token is cancelled.
//!
//! This crate listens only on interfaces that its configuration names, keeps nothing on disk by itself, and
//! knows no node: what a machine is told at DHCP time follows from its firmware alone.

pub mod advertise;
pub mod dhcp;
