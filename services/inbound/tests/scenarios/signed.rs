//! Keys that are made for one test, and what is signed with them.

use crate::client::{run, stdout};
use crate::dns::txt;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use mail_auth::arc::ArcSealer;
use mail_auth::common::crypto::{Ed25519Key, RsaKey, Sha256};
use mail_auth::common::headers::HeaderWriter;
use mail_auth::dkim::DkimSigner;
use mail_auth::{ArcOutput, AuthenticatedMessage, AuthenticationResults};
use rustls::pki_types::PrivateKeyDer;
use rustls::pki_types::pem::PemObject;

const HEADERS: [&str; 5] = ["From", "Date", "Subject", "Message-ID", "To"];

/// A key by OpenSSL: ring makes none.
pub struct Rsa {
    pem: String,
}

impl Rsa {
    pub fn new() -> Self {
        Self {
            pem: stdout(&run(
                "openssl",
                &["genpkey", "-quiet", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"],
                b"",
            )),
        }
    }

    fn key(&self) -> RsaKey<Sha256> {
        RsaKey::from_key_der(PrivateKeyDer::from_pem_slice(self.pem.as_bytes()).unwrap()).unwrap()
    }

    /// The record with the public key.
    pub fn record(&self, selector: &str, domain: &str) -> String {
        let public = run("openssl", &["pkey", "-pubout", "-outform", "DER"], self.pem.as_bytes()).stdout;
        let value = format!("v=DKIM1; k=rsa; p={}", STANDARD.encode(public));
        txt(&format!("{selector}._domainkey.{domain}"), &value)
    }

    /// The message with its signature.
    pub fn sign(&self, selector: &str, domain: &str, message: &str) -> String {
        let signer = DkimSigner::from_key(self.key()).domain(domain).selector(selector).headers(HEADERS);
        format!("{}{message}", signer.sign(message.as_bytes()).unwrap().to_header())
    }

    /// The message with the seal of who passed it on first.
    pub fn seal(&self, selector: &str, domain: &str, message: &str) -> String {
        let parsed = AuthenticatedMessage::parse(message.as_bytes()).unwrap();
        let results = AuthenticationResults::new(domain);
        let sealer = ArcSealer::from_key(self.key()).domain(domain).selector(selector).headers(HEADERS);
        let set = sealer.seal(&parsed, &results, &ArcOutput::default()).unwrap();
        format!("{}{message}", set.to_header())
    }
}

pub struct Ed25519 {
    pkcs8: Vec<u8>,
}

impl Ed25519 {
    pub fn new() -> Self {
        Self { pkcs8: Ed25519Key::generate_pkcs8().unwrap() }
    }

    pub fn record(&self, selector: &str, domain: &str) -> String {
        let public = Ed25519Key::from_pkcs8_der(&self.pkcs8).unwrap().public_key();
        let value = format!("v=DKIM1; k=ed25519; p={}", STANDARD.encode(public));
        txt(&format!("{selector}._domainkey.{domain}"), &value)
    }

    pub fn sign(&self, selector: &str, domain: &str, message: &str) -> String {
        let key = Ed25519Key::from_pkcs8_der(&self.pkcs8).unwrap();
        let signer = DkimSigner::from_key(key).domain(domain).selector(selector).headers(HEADERS);
        format!("{}{message}", signer.sign(message.as_bytes()).unwrap().to_header())
    }
}
