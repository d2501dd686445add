//! Tokens of operators: a change is in the ledger, together with the event that tells who made it, before the
//! gate of the operator API hears of it.

use super::book::{Book, BookError, Record};
use super::{NewToken, OperatorError};
use crate::access::{Actor, Secret, Token};
use crate::events::EventKind;
use jiff::Timestamp;
use tracing::error;
use understudy_core::base::causes::with_causes;
use understudy_core::model::name::Name;
use understudy_ledger::{Expected, Ledger, PAGE_ENTRIES_MAX, Prefix, Txn};

/// Far more than a site has operators; every request is compared with all of them.
const TOKENS_MAX: usize = 256;

fn prefix() -> Prefix {
    "/v1/token/".parse().expect("a constant that follows the rules of prefixes")
}

/// Reads all tokens.
pub async fn read(ledger: &dyn Ledger) -> Result<Vec<Token>, BookError> {
    let page = ledger.range(&prefix(), None, PAGE_ENTRIES_MAX).await?;
    let parse = |entry: understudy_ledger::Entry| {
        serde_json::from_value(entry.value).map_err(|source| BookError::Token { key: entry.key, source })
    };
    page.entries.into_iter().map(parse).collect()
}

impl Book {
    /// Stores a new token, and gives its secret back: for the first and last time.
    pub async fn new_token(
        &mut self,
        wanted: NewToken,
        by: &Actor,
    ) -> Result<(Token, Secret), OperatorError> {
        self.refresh().await.map_err(|error| refused(&error))?;
        let NewToken { name, role, valid } = wanted;
        let tokens = self.tokens().all();
        if tokens.iter().any(|token| token.name == name) {
            return Err(OperatorError::TokenTaken(name));
        }
        if tokens.len() >= TOKENS_MAX {
            return Err(OperatorError::TokensTooMany(TOKENS_MAX));
        }
        let now = Timestamp::now();
        let expires = match valid {
            Some(valid) => Some(now.checked_add(valid).map_err(|_| OperatorError::Expiry)?),
            None => None,
        };
        let secret = Secret::make().map_err(|error| {
            error!(%error, "cannot make a token");
            OperatorError::Ledger
        })?;
        let token = Token::new(name, role, &secret, now, by, expires);
        let until = expires.map_or("for ever".to_owned(), |at| format!("until {}", at.strftime("%F %TZ")));
        let text = format!("token {} with the role {role} was made, good {until}", token.name);
        self.change_token(&token.name, Some(&token), EventKind::TokenMade, text, by).await?;
        let list = tokens.into_iter().chain([token.clone()]).collect();
        self.tokens().set(list);
        Ok((token, secret))
    }

    /// Ends a token; nobody gets in with it any more.
    pub async fn revoke_token(&mut self, name: &Name, by: &Actor) -> Result<(), OperatorError> {
        self.refresh().await.map_err(|error| refused(&error))?;
        let mut tokens = self.tokens().all();
        if !tokens.iter().any(|token| token.name == *name) {
            return Err(OperatorError::NoSuchToken(name.clone()));
        }
        let text = format!("token {name} was revoked");
        self.change_token(name, None, EventKind::TokenRevoked, text, by).await?;
        tokens.retain(|token| token.name != *name);
        self.tokens().set(tokens);
        Ok(())
    }

    async fn change_token(
        &mut self,
        name: &Name,
        token: Option<&Token>,
        kind: EventKind,
        text: String,
        by: &Actor,
    ) -> Result<(), OperatorError> {
        let change = async {
            let key = prefix().key(name.as_str())?;
            let txn = match token {
                Some(token) => {
                    let value = serde_json::to_value(token).expect("our own struct has string keys");
                    Txn::new().when(key.clone(), Expected::Absent).put(key, value)
                }
                None => Txn::new().delete(key),
            };
            let record = Record { kind, text, by: Some(by.clone()) };
            self.commit_with(txn, None, &[record]).await
        };
        change.await.map(drop).map_err(|error| refused(&error))
    }
}

fn refused(error: &BookError) -> OperatorError {
    error!(error = with_causes(error), "cannot change tokens");
    OperatorError::of(error)
}
