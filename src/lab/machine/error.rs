//! Why a machine did not do what it was told to.

use super::START_TIME_MAX;
use super::guest::GuestError;
use super::memory::MemoryError;
use super::qmp::QmpError;
use crate::rack::plan::NodeName;
use std::io;
use understudy_core::base::byte_count::ByteCount;
use understudy_core::base::fs::FsError;

/// An order was not carried out.
#[derive(Debug, thiserror::Error)]
pub enum MachineError {
    #[error("{0} is off")]
    Off(NodeName),
    #[error("{0} is frozen")]
    Frozen(NodeName),
    #[error("cannot start {node}")]
    Guest {
        node: NodeName,
        #[source]
        source: GuestError,
    },
    #[error("cannot prepare {node}")]
    File {
        node: NodeName,
        #[source]
        source: FsError,
    },
    #[error("cannot listen for the qemu of {node}")]
    Listen {
        node: NodeName,
        #[source]
        source: io::Error,
    },
    #[error("the qemu of {node} ended at once and said: {words}")]
    Stillborn { node: NodeName, words: String },
    #[error("the qemu of {node} did not come up in {} s", START_TIME_MAX.as_secs())]
    Late { node: NodeName },
    #[error("cannot steer {node}")]
    Qmp {
        node: NodeName,
        #[source]
        source: QmpError,
    },
    #[error("cannot suspend {node}")]
    Suspend {
        node: NodeName,
        #[source]
        source: MemoryError,
    },
    #[error("cannot signal the qemu of {node}")]
    Signal {
        node: NodeName,
        #[source]
        source: nix::errno::Errno,
    },
    #[error("{node} has no disk {disk}; it has {count}")]
    NoDisk { node: NodeName, disk: u8, count: usize },
    #[error("disk {disk} of {node} ends at {end}")]
    BeyondDisk { node: NodeName, disk: u8, end: ByteCount },
    #[error("the lab is going down")]
    Gone,
}
