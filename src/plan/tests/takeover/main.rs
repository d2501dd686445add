//! The core in small sites: a table of rules, random histories, and a model checker, all around the same `step`.

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
mod watchers;
mod world;
