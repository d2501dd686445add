//! `understudy-node`, the one program of ours on every node: `/init` in the initrd, the node agent afterwards.
//!
//! Entry points: [`init::main`] runs as process 1 until it hands over to systemd, [`agent::main`] runs as a
//! service. The program is static, so that the initrd holds nothing else.
//!
//! It never runs a root file system that does not match the root hash on its command line, never ends
//! process 1, never empties a state partition that holds something, and never puts an empty volume in the place of a lost one.

pub mod agent;
pub mod console;
pub mod disk;
pub mod enrol;
pub mod identity;
pub mod init;
pub mod install;
pub mod inventory;
pub mod network;

#[cfg(test)]
#[path = "tests/peers/namespace.rs"]
mod namespace;
#[cfg(test)]
#[path = "../../tests/peers.rs"]
mod peers;
