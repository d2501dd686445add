//! A rack on one computer: who its machines are, where it lives, and the supervisor that everything hangs on.

pub mod folder;
pub mod network;
pub mod origin;
pub mod plan;
pub mod site;
pub mod special;
pub mod start;
pub mod supervisor;
