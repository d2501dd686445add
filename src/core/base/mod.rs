//! Files, child processes and quantities, with errors that say what and about which file.

pub mod byte_count;
pub mod causes;
pub mod fs;
pub mod notify;
pub mod process;
pub mod sha256;
