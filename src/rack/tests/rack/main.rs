//! The rack agent with a real ledger, real BMCs of a lab, and nodes that speak only heartbeats.

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
