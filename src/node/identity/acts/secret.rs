//! The identity's secret: opened with this node's key (HPKE, RFC 9180, base mode, one shot), and what services derive
//! from it.
//!
//! HKDF and the AEAD are those of the TLS library; only the key agreement with a key that is kept comes from elsewhere.

use hkdf::{HKDF_SHA256, Prk, Salt};
use p256::elliptic_curve::sec1::ToSec1Point;
use p256::pkcs8::DecodePrivateKey;
use p256::{PublicKey, SecretKey, ecdh};
use ring::aead::{self, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use ring::hkdf::{self, KeyType};
use understudy_core::model::epoch::Epoch;
use understudy_core::model::id::NodeId;
use understudy_core::model::name::Name;
use understudy_core::protocol::bundle::SealedSecret;

/// What the sealer binds the secret to, beside the identity.
const INFO: &[u8] = b"understudy identity secret v1";
const SECRET_BYTES: usize = 32;
/// RFC 9180, section 7: DHKEM(P-256, HKDF-SHA256), HKDF-SHA256, ChaCha20Poly1305.
const KEM_SUITE: &[u8] = b"KEM\x00\x10";
const SUITE: &[u8] = b"HPKE\x00\x10\x00\x01\x00\x03";
const MODE_BASE: u8 = 0;
const KEY_BYTES: usize = 32;

/// A secret that is not for this node, or not of this identity and epoch.
#[derive(Debug, thiserror::Error)]
pub enum SecretError {
    #[error("this node's key is no P-256 key")]
    Key,
    #[error("the secret is not sealed to this node, identity and epoch")]
    Sealed,
}

/// 32 bytes that only the holder of an identity at an epoch knows.
pub struct IdentitySecret(Prk);

impl IdentitySecret {
    /// Opens what the site sealed to `node`, whose private key (PKCS #8, DER) this is.
    pub fn open(
        sealed: &SealedSecret,
        private_key: &[u8],
        node: &NodeId,
        identity: &Name,
        epoch: Epoch,
    ) -> Result<Self, SecretError> {
        let aad = format!("{identity}/{epoch}/{node}");
        let secret = open(sealed, private_key, INFO, aad.as_bytes())?;
        let secret: [u8; SECRET_BYTES] = secret.try_into().map_err(|_| SecretError::Sealed)?;
        Ok(Self::of_bytes(&secret))
    }

    /// The secret itself.
    pub fn of_bytes(secret: &[u8; SECRET_BYTES]) -> Self {
        Self(Prk::new_less_safe(HKDF_SHA256, secret))
    }

    /// A secret of its own for each name, in hexadecimal.
    pub fn derive(&self, name: &str) -> String {
        hex::encode(expand(&self.0, &[b"understudy service secret v1 ", name.as_bytes()], SECRET_BYTES))
    }
}

fn open(sealed: &SealedSecret, private_key: &[u8], info: &[u8], aad: &[u8]) -> Result<Vec<u8>, SecretError> {
    let own = SecretKey::from_pkcs8_der(private_key).map_err(|_| SecretError::Key)?;
    let sender = PublicKey::from_sec1_bytes(&sealed.encapsulated_key).map_err(|_| SecretError::Sealed)?;
    let shared = decapsulate(&own, &sender, &sealed.encapsulated_key);
    let (key, nonce) = schedule(&shared, info);
    let key = UnboundKey::new(&aead::CHACHA20_POLY1305, &key).map_err(|_| SecretError::Sealed)?;
    let mut text = sealed.ciphertext.clone();
    let opened =
        LessSafeKey::new(key).open_in_place(Nonce::assume_unique_for_key(nonce), Aad::from(aad), &mut text);
    Ok(opened.map_err(|_| SecretError::Sealed)?.to_vec())
}

/// Decap and ExtractAndExpand, section 4.1.
fn decapsulate(own: &SecretKey, sender: &PublicKey, encapsulated: &[u8]) -> Vec<u8> {
    let shared = ecdh::diffie_hellman(own.to_nonzero_scalar(), sender.as_affine());
    let own_public = own.public_key().to_sec1_point(false);
    let context = [encapsulated, own_public.as_bytes()].concat();
    let prk = extract(KEM_SUITE, b"", b"eae_prk", shared.raw_secret_bytes());
    labeled_expand(KEM_SUITE, &prk, b"shared_secret", &context, KEY_BYTES)
}

/// KeySchedule of the base mode, section 5.1: the key and the nonce of the only message.
fn schedule(shared: &[u8], info: &[u8]) -> (Vec<u8>, [u8; NONCE_LEN]) {
    let hash = |label, input| hash(SUITE, label, input);
    let context = [&[MODE_BASE][..], &hash(b"psk_id_hash", b""), &hash(b"info_hash", info)].concat();
    let secret = extract(SUITE, shared, b"secret", b"");
    let key = labeled_expand(SUITE, &secret, b"key", &context, KEY_BYTES);
    let nonce = labeled_expand(SUITE, &secret, b"base_nonce", &context, NONCE_LEN);
    (key, nonce.try_into().expect("as many bytes as were asked for"))
}

/// LabeledExtract, section 4, where the result goes on into LabeledExpand.
fn extract(suite: &[u8], salt: &[u8], label: &[u8], input: &[u8]) -> Prk {
    Salt::new(HKDF_SHA256, salt).extract(&[b"HPKE-v1", suite, label, input].concat())
}

/// LabeledExtract without a salt, where the result is used as it is. HKDF-Extract is HMAC (RFC 5869, section 2.2).
fn hash(suite: &[u8], label: &[u8], input: &[u8]) -> Vec<u8> {
    let key = ring::hmac::Key::new(ring::hmac::HMAC_SHA256, b"");
    ring::hmac::sign(&key, &[b"HPKE-v1", suite, label, input].concat()).as_ref().to_vec()
}

/// LabeledExpand, section 4.
fn labeled_expand(suite: &[u8], prk: &Prk, label: &[u8], info: &[u8], length: usize) -> Vec<u8> {
    let bytes = u16::try_from(length).expect("a key or a nonce").to_be_bytes();
    expand(prk, &[&bytes, b"HPKE-v1", suite, label, info], length)
}

fn expand(prk: &Prk, info: &[&[u8]], length: usize) -> Vec<u8> {
    let mut out = vec![0; length];
    let expanded = prk.expand(info, Length(length)).and_then(|okm| okm.fill(&mut out));
    expanded.expect("HKDF yields 255 times its hash, and a key is shorter");
    out
}

struct Length(usize);

impl KeyType for Length {
    fn len(&self) -> usize {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::enrol::NodeKey;
    use hpke::aead::ChaCha20Poly1305;
    use hpke::kdf::HkdfSha256;
    use hpke::kem::DhP256HkdfSha256;
    use hpke::{Deserializable, Kem, OpModeS, Serializable, single_shot_seal};

    const SECRET: [u8; 32] = [7; 32];

    /// What an implementation that is not ours seals.
    fn sealed(key: &NodeKey, info: &[u8], aad: &str, secret: &[u8]) -> SealedSecret {
        let own = SecretKey::from_pkcs8_der(&key.to_der()).unwrap();
        let point = own.public_key().to_sec1_point(false);
        let public = <DhP256HkdfSha256 as Kem>::PublicKey::from_bytes(point.as_bytes()).unwrap();
        let (encapsulated_key, ciphertext) =
            single_shot_seal::<ChaCha20Poly1305, HkdfSha256, DhP256HkdfSha256>(
                &OpModeS::Base,
                &public,
                info,
                secret,
                aad.as_bytes(),
            )
            .unwrap();
        SealedSecret { encapsulated_key: encapsulated_key.to_bytes().to_vec(), ciphertext }
    }

    fn try_open(
        sealed: &SealedSecret,
        key: &NodeKey,
        identity: &str,
        epoch: u64,
    ) -> Result<String, SecretError> {
        let (identity, epoch) = (identity.parse().unwrap(), Epoch::new(epoch));
        let opened = IdentitySecret::open(sealed, &key.to_der(), &key.node_id(), &identity, epoch);
        opened.map(|secret| secret.derive("x"))
    }

    #[test]
    fn what_another_implementation_seals_is_opened() {
        let key = NodeKey::make().unwrap();
        let aad = format!("dns-1/3/{}", key.node_id());
        let derived = try_open(&sealed(&key, INFO, &aad, &SECRET), &key, "dns-1", 3).unwrap();
        assert_eq!(derived, try_open(&sealed(&key, INFO, &aad, &SECRET), &key, "dns-1", 3).unwrap());
        assert_ne!(derived, try_open(&sealed(&key, INFO, &aad, &[8; 32]), &key, "dns-1", 3).unwrap());
        assert_eq!(derived.len(), 64);
    }

    /// Catches the mutants that leave identity, epoch or node out of what the secret is bound to.
    #[test]
    fn a_secret_of_another_identity_epoch_or_node_stays_closed() {
        let (key, other) = (NodeKey::make().unwrap(), NodeKey::make().unwrap());
        let aad = format!("dns-1/3/{}", key.node_id());
        let good = sealed(&key, INFO, &aad, &SECRET);
        assert!(try_open(&good, &key, "dns-1", 3).is_ok());
        assert!(try_open(&good, &key, "dns-2", 3).is_err(), "another identity");
        assert!(try_open(&good, &key, "dns-1", 4).is_err(), "another epoch");
        assert!(try_open(&good, &other, "dns-1", 3).is_err(), "another node's key");
        let of_other = sealed(&key, INFO, &format!("dns-1/3/{}", other.node_id()), &SECRET);
        assert!(try_open(&of_other, &key, "dns-1", 3).is_err(), "another node's id");
        assert!(try_open(&sealed(&key, b"v2", &aad, &SECRET), &key, "dns-1", 3).is_err(), "another use");
        assert!(try_open(&sealed(&key, INFO, &aad, b"short"), &key, "dns-1", 3).is_err(), "another length");
    }

    #[test]
    fn one_changed_byte_keeps_it_closed() {
        let key = NodeKey::make().unwrap();
        let good = sealed(&key, INFO, &format!("dns-1/3/{}", key.node_id()), &SECRET);
        for at in 0..good.encapsulated_key.len() {
            let mut bad = good.clone();
            bad.encapsulated_key[at] ^= 1;
            assert!(try_open(&bad, &key, "dns-1", 3).is_err(), "key byte {at}");
        }
        for at in 0..good.ciphertext.len() {
            let mut bad = good.clone();
            bad.ciphertext[at] ^= 1;
            assert!(try_open(&bad, &key, "dns-1", 3).is_err(), "text byte {at}");
        }
        for length in 0..good.ciphertext.len() {
            let bad = SealedSecret { ciphertext: good.ciphertext[..length].to_vec(), ..good.clone() };
            assert!(try_open(&bad, &key, "dns-1", 3).is_err(), "{length} bytes");
        }
    }
}
