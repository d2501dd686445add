//! The disk that this node boots from: its partition table and file systems, as `/init` and the agent change them.
//!
//! The table is written so that one of its copies is whole at every moment, and no partition is made where one is.

pub mod ext4;
pub mod kernel;
pub mod partition_table;
pub mod volume_partition;
