//! The core in small sites: a table of rules, random histories, and a model checker, all around the same `step`.

#![expect(clippy::unwrap_used, reason = "here a panic with its place is the message")]

mod hands;
mod histories;
mod ledger;
mod limits;
mod machine;
mod model;
mod operators;
mod planner;
mod restarts;
mod sample;
mod takeovers;
mod volumes;
mod watchers;
mod world;
