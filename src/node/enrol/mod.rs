//! How a node and its site know each other: a key made here, the site's CA, and a short code made of both.
//!
//! The key is made only after the CA has been seen, so that a machine in the middle cannot choose a CA for a
//! key; it never leaves this node. Nothing here decides what the node does: that is the instruction's part.

mod client;
mod first_contact;
mod kept;
mod key;
mod trusted;

pub use client::{Client, ClientError};
pub use first_contact::{FirstContactError, see_ca};
pub use kept::{Kept, KeptError, Site};
pub use key::{KeyError, NodeKey};
pub use trusted::Trusted;
