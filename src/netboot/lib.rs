//! What a machine without a system asks its network for, and what it gets.
//!
//! `decision` says what one boot request is answered with, `http` serves boot answers and the shelf of images,
//! `tftp` serves the first loaders to firmware that knows nothing better, `disk_program` sends UEFI firmware to
//! its disk. Protocols and decisions are pure; around each stands a thin server with `Config`, `build` and `run`.
//!
//! This crate never decides what a node should be, never writes to a disk, and serves nothing but a closed set
//! of names.

pub mod decision;
pub mod disk_program;
pub mod http;
pub mod tftp;
