//! Which bytes may be used: keys, signatures, and the proof that both were looked at.
//!
//! A [`Verified`] value can only be made here. Entry point: [`TrustPolicy::verify_manifest`].

mod key;
mod policy;
mod short_code;

pub use key::{KeyError, KeyId, PublicKey};
pub use policy::{TrustError, TrustPolicy, Verified};
pub use short_code::short_code;
