//! Whole processes: one that is killed while it works, and the command.

#![expect(clippy::unwrap_used, reason = "here a panic with its place is the message")]

mod command;
mod killed;
