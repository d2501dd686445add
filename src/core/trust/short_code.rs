//! The short code that a person compares at the console and on the dashboard before approving a node.
//!
//! A machine in the middle would have to find a key whose code with the real CA equals the code of the node's
//! key with its own CA. Three things stand against that: the node makes its key only after it has seen the CA,
//! so that one side is fixed first; the code has 50 bits; and each guess costs [`ROUNDS`] hashes.

use crate::base::sha256::Sha256;

/// Without letters that look like digits or like each other.
const ALPHABET: &[u8; 32] = b"23456789ABCDEFGHJKLMNPQRSTUVWXYZ";
const SYMBOLS: usize = 10;
/// Milliseconds for a node, years for somebody who has to guess.
const ROUNDS: u32 = 1 << 16;

/// Made from the site's CA certificate (DER) and the node's public key (DER of its SubjectPublicKeyInfo), such
/// as `ABCDE-FGHJK`.
pub fn short_code(site_ca: &[u8], node_public_key: &[u8]) -> String {
    let (ca, key) = (Sha256::of(site_ca), Sha256::of(node_public_key));
    let mut digest = Sha256::of_parts(&[b"understudy short code 1 ", ca.as_bytes(), key.as_bytes()]);
    for _ in 0..ROUNDS {
        digest = Sha256::of(digest.as_bytes());
    }
    let number = digest.as_bytes()[..8].iter().fold(0u64, |number, byte| number << 8 | u64::from(*byte));
    let symbol = |at: usize| char::from(ALPHABET[(number >> (5 * at) & 31) as usize]);
    let code: String = (0..SYMBOLS).map(symbol).collect();
    format!("{}-{}", &code[..SYMBOLS / 2], &code[SYMBOLS / 2..])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_key_or_another_site_shows_another_code() {
        let code = short_code(b"ca", b"key");
        assert_eq!(code.len(), 11);
        assert_eq!(code, short_code(b"ca", b"key"));
        assert_ne!(code, short_code(b"ca", b"other"));
        assert_ne!(code, short_code(b"other", b"key"));
        assert_ne!(short_code(b"ab", b"c"), short_code(b"a", b"bc"), "the border between the two counts");
    }
}
