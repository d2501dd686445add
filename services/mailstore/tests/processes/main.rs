//! Whole processes: one that is killed while it works, the command, and the daemon.

#![expect(clippy::unwrap_used, reason = "here a panic with its place is the message")]

mod command;
mod daemon;
mod directory;
mod killed;
mod office;
mod pop3;
mod serve;
