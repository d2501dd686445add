//! What things are called and what kinds there are.

pub mod name;
pub mod role;
