//! What a machine without a system asks its network for, and what it gets: a pure engine and a thin server for
//! each protocol.
//!
//! `dhcp` answers DHCP and proxyDHCP, by firmware alone; `advertise` tells IPv6 hosts that nothing is to be had
//! there. `decision` says what one boot request is answered with, `http` serves boot answers and the shelf of
//! images, `tftp` serves the first loaders to firmware that knows nothing better, `disk_program` sends UEFI
//! firmware to its disk. Each server exports `Config`, `build` and `Server::run`, which ends when its token is
//! cancelled.
//!
//! This crate listens only where its configuration says, keeps nothing on disk by itself, never decides what a
//! node should be, and serves nothing but a closed set of names.

pub mod advertise;
pub mod decision;
pub mod dhcp;
pub mod disk_program;
pub mod http;
pub mod tftp;
