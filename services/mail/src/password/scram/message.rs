//! What a client says (RFC 5802, section 7).

use super::ScramError;
use super::keys::HASH_OCTETS;
use base64::{Engine, engine::general_purpose::STANDARD as BASE64};

/// Of one message of a client, without base64.
pub const MESSAGE_OCTETS_MAX: usize = 2048;
/// Without anything to go by in the RFC: four times what clients send.
const NONCE_OCTETS_MAX: usize = 128;

/// `client-first-message`: who wants to log in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientFirst {
    /// As whom, if it is not the user.
    pub authorization: Option<String>,
    /// As it was typed.
    pub user: String,
    pub(super) nonce: String,
    /// `gs2-header`, which the second message repeats.
    pub(super) header: String,
    /// `client-first-message-bare`, which the proof is about.
    pub(super) bare: String,
}

/// `client-final-message`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ClientFinal<'a> {
    pub(super) channel_binding: Vec<u8>,
    pub(super) nonce: &'a str,
    pub(super) proof: [u8; HASH_OCTETS],
    pub(super) without_proof: &'a str,
}

impl ClientFirst {
    pub fn read(message: &[u8]) -> Result<Self, ScramError> {
        let text = text(message)?;
        let (flag, rest) = text.split_once(',').ok_or(ScramError::Syntax)?;
        match flag {
            // `y`: the client could, and believes that the server cannot. It is right.
            "n" | "y" => {}
            _ if flag.starts_with("p=") => return Err(ScramError::ChannelBinding),
            _ => return Err(ScramError::Syntax),
        }
        let (authorization, bare) = rest.split_once(',').ok_or(ScramError::Syntax)?;
        let authorization = match authorization {
            "" => None,
            name => Some(name_of(attribute(name, 'a')?)?),
        };
        let header = text[..text.len() - bare.len()].to_owned();
        let mut attributes = bare.split(',');
        let mut next = || attributes.next().ok_or(ScramError::Syntax);
        let user = next()?;
        if user.starts_with("m=") {
            return Err(ScramError::Extension);
        }
        let user = name_of(attribute(user, 'n')?)?;
        let nonce = attribute(next()?, 'r')?;
        if !is_nonce(nonce) || !attributes.all(is_attribute) {
            return Err(ScramError::Syntax);
        }
        Ok(Self { authorization, user, nonce: nonce.to_owned(), header, bare: bare.to_owned() })
    }
}

impl<'a> ClientFinal<'a> {
    pub(super) fn read(message: &'a [u8]) -> Result<Self, ScramError> {
        let text = text(message)?;
        // The proof comes last; its base64 has no comma.
        let (without_proof, proof) = text.rsplit_once(',').ok_or(ScramError::Syntax)?;
        let proof = base64(attribute(proof, 'p')?)?.try_into().map_err(|_| ScramError::Syntax)?;
        let mut attributes = without_proof.split(',');
        let mut next = || attributes.next().ok_or(ScramError::Syntax);
        let channel_binding = base64(attribute(next()?, 'c')?)?;
        let nonce = attribute(next()?, 'r')?;
        if !attributes.all(is_attribute) {
            return Err(ScramError::Syntax);
        }
        Ok(Self { channel_binding, nonce, proof, without_proof })
    }
}

fn text(message: &[u8]) -> Result<&str, ScramError> {
    let text = std::str::from_utf8(message).map_err(|_| ScramError::Syntax)?;
    if text.len() > MESSAGE_OCTETS_MAX || text.contains('\0') {
        return Err(ScramError::Syntax);
    }
    Ok(text)
}

/// The value in `name=value`.
fn attribute(text: &str, name: char) -> Result<&str, ScramError> {
    text.strip_prefix(name).and_then(|rest| rest.strip_prefix('=')).ok_or(ScramError::Syntax)
}

/// An extension that may be ignored (`attr-val`).
fn is_attribute(text: &str) -> bool {
    let mut letters = text.chars();
    letters.next().is_some_and(|name| name.is_ascii_alphabetic() && name != 'm')
        && letters.next() == Some('=')
        && letters.next().is_some()
}

/// `saslname`, in which `,` is `=2C` and `=` is `=3D`.
fn name_of(text: &str) -> Result<String, ScramError> {
    let mut parts = text.split('=');
    let mut name = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (letter, rest) = match part.split_at_checked(2) {
            Some(("2C", rest)) => (',', rest),
            Some(("3D", rest)) => ('=', rest),
            _ => return Err(ScramError::Syntax),
        };
        name.push(letter);
        name.push_str(rest);
    }
    if name.is_empty() { Err(ScramError::Syntax) } else { Ok(name) }
}

/// `c-nonce`: what can be printed, and no comma.
fn is_nonce(text: &str) -> bool {
    (1..=NONCE_OCTETS_MAX).contains(&text.len()) && text.bytes().all(|octet| octet.is_ascii_graphic())
}

fn base64(text: &str) -> Result<Vec<u8>, ScramError> {
    BASE64.decode(text).map_err(|_| ScramError::Syntax)
}
