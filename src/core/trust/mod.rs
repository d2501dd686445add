//! Which bytes may be used: keys, signatures, and the proof that both were looked at.
//!
//! A [`Verified`] value can only be made here. Entry point: [`TrustPolicy::verify_manifest`].

mod key;
mod policy;
mod short_code;

pub use key::{KeyError, KeyId, PublicKey};

/// Where a node keeps the public keys whose images it takes, one minisign file after the other.
pub const TRUSTED_KEYS_PATH: &str = "/etc/understudy/trusted.pub";

pub use policy::{TrustError, TrustPolicy, Verified};
pub use short_code::short_code;
