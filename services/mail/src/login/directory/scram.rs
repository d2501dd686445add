//! Logins by SCRAM-SHA-256: two messages of the client, and its password is in none of them.
//!
//! An attempt counts from its first message on, so that whoever never sends the second one has tried as well. Accounts that do not exist, are locked, or
//! have no keys are asked for a proof like others ([`Decoys`]), and none is right. Entry point: [`Logins::challenge`].

use super::{Logins, Numbers, normal, note_wrong};
use crate::directory::{Access, Account, Directory};
use crate::login::LoginError;
use crate::login::attempts::{Attempt, Attempts};
use crate::password::scram::{Challenge, ClientFirst, Decoys};
use std::net::IpAddr;
use std::sync::Arc;
use tokio::time::Instant;

/// A client that is asked for its proof. Dropped without one it was wrong.
#[derive(Debug)]
pub struct Asked {
    attempt: Attempt<Arc<Attempts>>,
    challenge: Challenge,
    /// None: no proof is right.
    account: Option<Account>,
    client: IpAddr,
    user: String,
    numbers: Arc<Numbers>,
}

impl<D: Directory> Logins<D> {
    /// What the server answers to `client-first-message`. Nobody acts as somebody else.
    pub async fn challenge(
        &self,
        client: IpAddr,
        first: ClientFirst,
        decoys: &Decoys,
    ) -> Result<Asked, LoginError> {
        let asked = self.ask(client, first, decoys).await;
        if asked.is_err() {
            self.numbers.of(&asked).one_more();
        }
        asked
    }

    async fn ask(&self, client: IpAddr, first: ClientFirst, decoys: &Decoys) -> Result<Asked, LoginError> {
        let user = normal(&first.user);
        let attempt = self.attempts.begin_shared(client, &user, Instant::now()).ok_or(LoginError::TooMany)?;
        let account = match self.account(&first.user).await {
            Ok(account) => account,
            Err(error) => {
                attempt.undecided();
                return Err(error);
            }
        };
        let is_itself = first.authorization.as_deref().is_none_or(|other| normal(other) == user);
        let account = account.filter(|account| is_itself && account.access == Access::Open);
        let keys = account.as_ref().and_then(|account| account.scram.clone());
        let account = account.filter(|_| keys.is_some());
        let keys = keys.unwrap_or_else(|| decoys.keys(&user));
        let Ok(challenge) = first.challenge(keys) else {
            attempt.undecided();
            return Err(LoginError::Unavailable);
        };
        Ok(Asked { attempt, challenge, account, client, user, numbers: Arc::clone(&self.numbers) })
    }
}

impl Asked {
    /// `server-first-message`.
    pub fn text(&self) -> &str {
        self.challenge.text()
    }

    /// With `client-final-message`: whose proof it was, and `server-final-message`.
    pub fn finish(self, last: &[u8]) -> Result<(Account, String), LoginError> {
        let proven = self.challenge.finish(last).ok();
        let answer = self.account.zip(proven).ok_or(LoginError::Wrong);
        match &answer {
            Ok(_) => self.attempt.right(Instant::now()),
            Err(_) => note_wrong(self.client, &self.user),
        }
        self.numbers.of(&answer).one_more();
        answer
    }
}

#[cfg(test)]
mod tests;
