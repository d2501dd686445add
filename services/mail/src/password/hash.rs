//! argon2id hashes as PHC strings, such as `$argon2id$v=19$m=19456,t=2,p=1$c2FsdA$aGFzaA` (RFC 9106).
//!
//! A hash names its own cost. What a stored string may cost is bounded, for hashes also come from other systems' exports.

use super::{NoRandomness, Password, random};
use argon2::password_hash::phc;
use argon2::{Algorithm, Argon2, Params, Version};
use std::fmt;
use std::str::FromStr;
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

/// Of a PHC string: the longest that its fields can make.
const TEXT_OCTETS_MAX: usize = 255;
/// What comparing with one hash may cost at most.
const KIB_MAX: u32 = 256 * 1024;
const PASSES_MAX: u32 = 16;
const LANES_MAX: u32 = 16;
const SALT_OCTETS: usize = 16;
const SALT_OCTETS_MIN: usize = 8;
const OUTPUT_OCTETS: usize = 32;

/// What one comparison costs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cost {
    pub memory_kib: u32,
    pub passes: u32,
    pub lanes: u32,
}

impl Default for Cost {
    /// 19 MiB and two passes, 15 to 30 ms of one core.
    fn default() -> Self {
        Self { memory_kib: 19 * 1024, passes: 2, lanes: 1 }
    }
}

/// A text is no hash that this program compares with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HashError {
    #[error("a password hash is a PHC string such as $argon2id$v=19$m=19456,t=2,p=1$SALT$HASH")]
    Syntax,
    #[error("a password hash is of argon2id, version 19; set the password again")]
    Algorithm,
    #[error(
        "a password hash has at most m={KIB_MAX},t={PASSES_MAX},p={LANES_MAX}, a salt and 16 octets or more of hash"
    )]
    Cost,
    #[error(transparent)]
    NoRandomness(#[from] NoRandomness),
}

/// A password, as it is kept.
#[derive(Clone, PartialEq, Eq)]
pub struct PasswordHash {
    parameters: Params,
    salt: Vec<u8>,
    output: Vec<u8>,
}

impl PasswordHash {
    /// Of a new password.
    pub fn new(password: &Password, cost: Cost) -> Result<Self, HashError> {
        if cost.memory_kib > KIB_MAX || cost.passes > PASSES_MAX || cost.lanes > LANES_MAX {
            return Err(HashError::Cost);
        }
        let parameters = parameters(cost.memory_kib, cost.passes, cost.lanes)?;
        let salt = random::<SALT_OCTETS>()?.to_vec();
        let mut hash = Self { parameters, salt, output: vec![0; OUTPUT_OCTETS] };
        hash.output = hash.derive(password).ok_or(HashError::Cost)?.to_vec();
        Ok(hash)
    }

    /// Whether the password is this one. Takes as long for one that is not.
    pub fn matches(&self, password: &Password) -> bool {
        let Some(output) = self.derive(password) else { return false };
        output.ct_eq(&self.output).into()
    }

    fn derive(&self, password: &Password) -> Option<Zeroizing<Vec<u8>>> {
        let mut output = Zeroizing::new(vec![0; self.output.len()]);
        let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, self.parameters.clone());
        argon2.hash_password_into(password.octets(), &self.salt, &mut output).ok()?;
        Some(output)
    }
}

/// Without the length of the output, which is that of the hash.
fn parameters(memory_kib: u32, passes: u32, lanes: u32) -> Result<Params, HashError> {
    Params::new(memory_kib, passes, lanes, None).map_err(|_| HashError::Cost)
}

impl FromStr for PasswordHash {
    type Err = HashError;

    fn from_str(text: &str) -> Result<Self, HashError> {
        if text.len() > TEXT_OCTETS_MAX {
            return Err(HashError::Syntax);
        }
        let read = phc::PasswordHash::new(text).map_err(|_| HashError::Syntax)?;
        if read.algorithm.as_str() != "argon2id" || read.version != Some(Version::V0x13.into()) {
            return Err(HashError::Algorithm);
        }
        let (Some(salt), Some(output)) = (&read.salt, &read.hash) else { return Err(HashError::Syntax) };
        let named = Params::try_from(&read.params).map_err(|_| HashError::Cost)?;
        if !named.keyid().is_empty() || !named.data().is_empty() {
            return Err(HashError::Algorithm);
        }
        let parameters = parameters(named.m_cost(), named.t_cost(), named.p_cost())?;
        let is_cheap = parameters.m_cost() <= KIB_MAX
            && parameters.t_cost() <= PASSES_MAX
            && parameters.p_cost() <= LANES_MAX;
        if !is_cheap || salt.len() < SALT_OCTETS_MIN || output.len() < OUTPUT_OCTETS / 2 {
            return Err(HashError::Cost);
        }
        Ok(Self { parameters, salt: salt.to_vec(), output: output.as_bytes().to_vec() })
    }
}

impl fmt::Display for PasswordHash {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        use base64::{Engine, engine::general_purpose::STANDARD_NO_PAD as BASE64};
        let (memory, passes, lanes) =
            (self.parameters.m_cost(), self.parameters.t_cost(), self.parameters.p_cost());
        write!(out, "$argon2id$v=19$m={memory},t={passes},p={lanes}")?;
        write!(out, "${}${}", BASE64.encode(&self.salt), BASE64.encode(&self.output))
    }
}

impl fmt::Debug for PasswordHash {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("PasswordHash(..)")
    }
}
