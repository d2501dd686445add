//! Fields at the top of a message that say where it came from (RFC 5321, section 4.4): what others wrote there is read, what somebody wrote
//! in our name is found, and ours is made. Pure but for [`header::read`]; nothing here copies a body.

pub mod forged;
pub mod header;
pub mod received;

pub use received::Received;
