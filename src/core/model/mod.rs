//! What things are called and what kinds there are.

pub mod epoch;
pub mod id;
pub mod mac;
pub mod name;
pub mod role;
pub mod ssh_key;
pub mod uuid;
