//! Which bytes may be used: keys, signatures, and the proof that both were looked at.
//!
//! A [`Verified`] value can only be made here. Entry point: [`TrustPolicy::verify_manifest`].

mod key;
mod policy;

pub use key::{KeyError, KeyId, PublicKey};
pub use policy::{TrustError, TrustPolicy, Verified};
