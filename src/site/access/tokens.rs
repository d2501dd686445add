//! All tokens of a site, in memory; the registry's task keeps them as the ledger has them.

use super::{Role, Token};
use jiff::Timestamp;
use std::sync::{Arc, PoisonError, RwLock};
use subtle::ConstantTimeEq;
use understudy_core::base::sha256::Sha256;
use understudy_core::model::name::Name;

/// The tokens; read by whoever answers an operator.
#[derive(Clone, Debug, Default)]
pub struct Tokens {
    list: Arc<RwLock<Vec<Token>>>,
}

impl Tokens {
    /// Whose secret this is, and what it lets them do; `None` for one that is unknown, expired or revoked.
    /// Takes the same time for every secret, however much of a digest is right.
    pub fn holder(&self, secret: &str, now: Timestamp) -> Option<(Name, Role)> {
        let digest = Sha256::of(secret.as_bytes());
        let mut found = None;
        for token in self.list.read().unwrap_or_else(PoisonError::into_inner).iter() {
            let is_same = bool::from(token.sha256.as_bytes().ct_eq(digest.as_bytes()));
            if is_same && !token.is_expired(now) {
                found = Some((token.name.clone(), token.role));
            }
        }
        found
    }

    /// All of them, by name.
    pub fn all(&self) -> Vec<Token> {
        self.list.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Replaces them all.
    pub(crate) fn set(&self, mut list: Vec<Token>) {
        list.sort_by(|a, b| a.name.cmp(&b.name));
        *self.list.write().unwrap_or_else(PoisonError::into_inner) = list;
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Actor, Secret};
    use super::*;
    use jiff::SignedDuration;

    /// Catches: a comparison of a part of the digest, one that always holds, an expiry that nobody looks at.
    #[test]
    fn only_the_whole_secret_of_a_token_that_is_good_names_its_holder() {
        let (made, hour) = (Timestamp::UNIX_EPOCH, SignedDuration::from_hours(1));
        let token = |name: &str, role, expires| {
            let secret = Secret::make().unwrap();
            let by = Actor::Socket { uid: 0 };
            (Token::new(name.parse().unwrap(), role, &secret, made, &by, expires), secret)
        };
        let (forever, its_secret) = token("forever", Role::Admin, None);
        let (brief, brief_secret) = token("brief", Role::Read, Some(made + hour));
        let tokens = Tokens::default();
        tokens.set(vec![forever, brief]);

        let holder =
            |secret: &str, at| tokens.holder(secret, at).map(|(name, role)| (name.to_string(), role));
        assert_eq!(holder(its_secret.as_str(), made + hour), Some(("forever".to_owned(), Role::Admin)));
        let before = made + SignedDuration::from_secs(3599);
        assert_eq!(holder(brief_secret.as_str(), before), Some(("brief".to_owned(), Role::Read)));
        assert_eq!(holder(brief_secret.as_str(), made + hour), None);
        let text = its_secret.as_str();
        for wrong in ["", &text[..text.len() - 1], &format!("{text}0"), &its_secret.sha256().to_string()] {
            assert_eq!(holder(wrong, made), None, "{wrong}");
        }
        tokens.set(Vec::new());
        assert_eq!(holder(its_secret.as_str(), made), None);
    }
}
