//! The words of the platform: what is written to disk, sent between parts, and trusted.
//!
//! `model` names things, `formats` reads and writes files that outlive a process, `protocol` is what travels
//! between nodes and their site, `trust` decides which bytes may be used, `base` is the only way to files and
//! child processes.
//!
//! This crate never opens a socket, never prints, and knows no service by name.

pub mod base;
pub mod formats;
pub mod model;
pub mod protocol;
pub mod trust;
