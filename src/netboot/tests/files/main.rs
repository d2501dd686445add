//! TFTP and HTTP on loopback, tried with clients that others wrote, and the disk program under real firmware.

#![expect(clippy::unwrap_used, reason = "here a panic with its place is the message")]

mod firmware;
mod http_clients;
mod http_limits;
mod lossy;
mod machine;
mod probes;
mod servers;
mod tftp_clients;
mod tftp_limits;
