//! A secret for one node: HPKE (RFC 9180) in base mode to the key that the node enrolled with.

use super::secret::{Secret, fill};
use hpke::aead::ChaCha20Poly1305;
use hpke::kdf::HkdfSha256;
use hpke::kem::DhP256HkdfSha256;
use hpke::rand_core::{Infallible, TryCryptoRng, TryRng};
use hpke::{Deserializable, HpkeError, Kem, OpModeS, Serializable, single_shot_seal_with_rng};
use understudy_core::model::epoch::Epoch;
use understudy_core::model::id::NodeId;
use understudy_core::model::name::Name;
use understudy_core::protocol::bundle::SealedSecret;
use zeroize::Zeroizing;

/// What the secret is for: another use of the same key opens nothing of ours.
const INFO: &[u8] = b"understudy identity secret v1";
/// Nsk of DHKEM(P-256, HKDF-SHA256) (RFC 9180, section 7.1): what an ephemeral key is made of.
const EPHEMERAL_BYTES: usize = 32;
/// The beginning of every SubjectPublicKeyInfo with an uncompressed P-256 point (RFC 5480, section 2): id-ecPublicKey,
/// secp256r1, and the head of a bit string of 65 bytes.
const P256_HEAD: [u8; 26] = [
    0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a, 0x86,
    0x48, 0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00,
];

/// Why a secret cannot be sealed.
#[derive(Debug, thiserror::Error)]
pub enum SealError {
    #[error("the node's key is not an ECDSA key on P-256, to which secrets are sealed")]
    Key,
    #[error("the point of the node's key is not on its curve")]
    Point(#[source] HpkeError),
    #[error("the kernel gives no random bytes to seal a secret with")]
    Random,
    #[error("the secret cannot be encrypted")]
    Encrypt(#[source] HpkeError),
}

/// A node that a secret is for.
pub struct Recipient {
    node: NodeId,
    key: <DhP256HkdfSha256 as Kem>::PublicKey,
}

impl Recipient {
    /// The holder of this public key (DER of its SubjectPublicKeyInfo).
    pub fn of(public_key_info: &[u8]) -> Result<Self, SealError> {
        let point = public_key_info.strip_prefix(&P256_HEAD).ok_or(SealError::Key)?;
        let key = <DhP256HkdfSha256 as Kem>::PublicKey::from_bytes(point).map_err(SealError::Point)?;
        Ok(Self { node: NodeId::of_public_key(public_key_info), key })
    }

    /// Readable by this node alone, and only as this identity's at this epoch.
    pub fn seal(&self, identity: &Name, epoch: Epoch, secret: &Secret) -> Result<SealedSecret, SealError> {
        let mut drawn = Zeroizing::new([0; EPHEMERAL_BYTES]);
        fill(drawn.as_mut_slice()).ok_or(SealError::Random)?;
        let bound = format!("{identity}/{epoch}/{}", self.node);
        seal(&self.key, Drawn(drawn), INFO, bound.as_bytes(), secret.expose()).map_err(SealError::Encrypt)
    }
}

fn seal(
    key: &<DhP256HkdfSha256 as Kem>::PublicKey,
    mut drawn: Drawn,
    info: &[u8],
    bound: &[u8],
    text: &[u8],
) -> Result<SealedSecret, HpkeError> {
    let (encapsulated, ciphertext) = single_shot_seal_with_rng::<
        ChaCha20Poly1305,
        HkdfSha256,
        DhP256HkdfSha256,
    >(&OpModeS::Base, key, info, text, bound, &mut drawn)?;
    Ok(SealedSecret { encapsulated_key: encapsulated.to_bytes().to_vec(), ciphertext })
}

/// Random bytes that were drawn before, so that a kernel without any is an error and no panic: exactly what one
/// ephemeral key is made of.
struct Drawn(Zeroizing<[u8; EPHEMERAL_BYTES]>);

impl TryRng for Drawn {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        unreachable!("an ephemeral key is made of bytes (RFC 9180, section 7.1.3)")
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        unreachable!("an ephemeral key is made of bytes at once (RFC 9180, section 7.1.3)")
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Infallible> {
        assert_eq!(bytes.len(), EPHEMERAL_BYTES, "one ephemeral key takes Nsk bytes");
        bytes.copy_from_slice(self.0.as_slice());
        // What was used once is never used again: a second call would get zeros, which make no key.
        self.0.fill(0);
        Ok(())
    }
}

impl TryCryptoRng for Drawn {}

#[cfg(test)]
mod tests {
    use super::*;
    use hpke::{OpModeR, single_shot_open};
    use rcgen::PublicKeyData;

    type PrivateKey = <DhP256HkdfSha256 as Kem>::PrivateKey;

    fn open(key: &PrivateKey, sealed: &SealedSecret, info: &[u8], bound: &str) -> Result<Vec<u8>, HpkeError> {
        let encapsulated = <DhP256HkdfSha256 as Kem>::EncappedKey::from_bytes(&sealed.encapsulated_key)?;
        single_shot_open::<ChaCha20Poly1305, HkdfSha256, DhP256HkdfSha256>(
            &OpModeR::Base,
            key,
            &encapsulated,
            info,
            &sealed.ciphertext,
            bound.as_bytes(),
        )
    }

    /// RFC 9180, appendix A.5.1: base mode, the first message.
    #[test]
    fn the_reference_vector_is_sealed_byte_for_byte() {
        let point = "04a697bffde9405c992883c5c439d6cc358170b51af72812333b015621dc0f40bad9bb726f68a5c013806a790ec716ab\
                     8669f84f6b694596c2987cf35baba2a006";
        let drawn = "f1f1a3bc95416871539ecb51c3a8f0cf608afb40fbbe305c0a72819d35c33f1f";
        let info = "4f6465206f6e2061204772656369616e2055726e";
        let text = "4265617574792069732074727574682c20747275746820626561757479";
        let bytes = |text: &str| hex::decode(text).unwrap();
        let key = <DhP256HkdfSha256 as Kem>::PublicKey::from_bytes(&bytes(point)).unwrap();
        let mut ephemeral = Zeroizing::new([0; EPHEMERAL_BYTES]);
        ephemeral.copy_from_slice(&bytes(drawn));
        let sealed = seal(&key, Drawn(ephemeral), &bytes(info), b"Count-0", &bytes(text)).unwrap();
        let encapsulated = "04c07836a0206e04e31d8ae99bfd549380b072a1b1b82e563c935c095827824fc1559eac6fb9e3c70cd3193968\
                            994e7fe9781aa103f5b50e934b5b2f387e381291";
        let ciphertext =
            "6469c41c5c81d3aa85432531ecf6460ec945bde1eb428cb2fedf7a29f5a685b4ccb0d057f03ea2952a27bb458b";
        assert_eq!(hex::encode(sealed.encapsulated_key), encapsulated);
        assert_eq!(hex::encode(sealed.ciphertext), ciphertext);
    }

    /// Catches a seal that is bound to nothing: a bundle that was recorded would open as one of another epoch, of
    /// another identity, or for another node.
    #[test]
    fn a_sealed_secret_opens_for_its_node_identity_and_epoch_only() {
        let (private, public) = DhP256HkdfSha256::derive_keypair(&[7; EPHEMERAL_BYTES]);
        let info = [&P256_HEAD[..], public.to_bytes().as_slice()].concat();
        let recipient = Recipient::of(&info).unwrap();
        let (identity, node) = ("dns-1".parse().unwrap(), NodeId::of_public_key(&info));
        let secret = Secret::random().unwrap();
        let sealed = recipient.seal(&identity, Epoch::new(3), &secret).unwrap();
        let opened = open(&private, &sealed, b"understudy identity secret v1", &format!("dns-1/3/{node}"));
        assert_eq!(opened.unwrap(), secret.expose());
        for bound in
            [format!("dns-1/2/{node}"), format!("dns-2/3/{node}"), "dns-1/3/0000000000000000".to_owned()]
        {
            assert!(open(&private, &sealed, INFO, &bound).is_err(), "{bound}");
        }
        let (other, _) = DhP256HkdfSha256::derive_keypair(&[8; EPHEMERAL_BYTES]);
        assert!(open(&other, &sealed, INFO, &format!("dns-1/3/{node}")).is_err());
        let again = recipient.seal(&identity, Epoch::new(3), &secret).unwrap();
        assert_ne!(sealed, again, "each seal has an ephemeral key of its own");
    }

    #[test]
    fn keys_of_other_kinds_and_points_off_the_curve_are_refused() {
        let p256 = rcgen::KeyPair::generate().unwrap().subject_public_key_info();
        assert!(Recipient::of(&p256).is_ok());
        let p384 = rcgen::KeyPair::generate_for(&rcgen::PKCS_ECDSA_P384_SHA384).unwrap();
        assert!(matches!(Recipient::of(&p384.subject_public_key_info()), Err(SealError::Key)));
        let mut off = p256.clone();
        *off.last_mut().unwrap() ^= 1;
        assert!(matches!(Recipient::of(&off), Err(SealError::Point(_))));
        assert!(matches!(Recipient::of(&p256[..90]), Err(SealError::Point(_))));
        assert!(matches!(Recipient::of(&[]), Err(SealError::Key)));
    }
}
