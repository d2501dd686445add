//! Logins by the directory: a password is compared with its account's, a front end of our own acts as any account.
//!
//! Whoever tries too many wrong passwords hears so without a comparison ([`Attempts`]). A name that nobody has costs as much as one that
//! somebody has ([`Verifier`]), and is answered alike; so is an account that may not log in. A directory that does not answer is
//! [`LoginError::Unavailable`], and no wrong password.
//!
//! Instead of sending its password a client may prove that it knows it ([`scram`]).
//!
//! A front end ([`Proxy`]) says as whom it acts. Its name alone is no account, and nobody but it acts as somebody else. Entry point:
//! [`Logins::new`].

pub mod scram;

use super::attempts::{Attempts, Limits};
use super::proxy::Proxy;
use super::{LogIn, LoginError, PlainLogin};
use crate::directory::{Access, Account, Address, Directory};
use crate::observe::{Counter, Measured, Page};
use crate::password::hash::HashError;
use crate::password::{Cost, Password, Verifier, verifier};
use std::net::IpAddr;
use std::sync::Arc;
use tokio::time::Instant;
use tracing::{info, warn};

/// Who may come in, for all listeners of a daemon: their clients are counted together.
#[derive(Debug)]
pub struct Logins<D> {
    directory: D,
    verifier: Verifier,
    attempts: Arc<Attempts>,
    proxy: Option<Proxy>,
    numbers: Arc<Numbers>,
}

impl<D: Directory> Logins<D> {
    /// Without a proxy nobody acts as somebody else.
    pub fn new(directory: D, limits: Limits, proxy: Option<Proxy>) -> Result<Self, HashError> {
        let verifier = Verifier::new(verifier::Limits::default(), Cost::default())?;
        Ok(Self::with_verifier(directory, limits, proxy, verifier))
    }

    /// With a verifier of other limits, or of another cost.
    pub fn with_verifier(directory: D, limits: Limits, proxy: Option<Proxy>, verifier: Verifier) -> Self {
        Self {
            directory,
            verifier,
            attempts: Arc::new(Attempts::new(limits)),
            proxy,
            numbers: Arc::default(),
        }
    }

    pub fn directory(&self) -> &D {
        &self.directory
    }

    /// For [`crate::observe::Registry::add`].
    pub fn numbers(&self) -> Arc<dyn Measured> {
        Arc::clone(&self.numbers) as Arc<dyn Measured>
    }

    async fn by_password(&self, client: IpAddr, login: &PlainLogin) -> Result<Account, LoginError> {
        let name = text(&login.name).unwrap_or_default();
        let attempt =
            self.attempts.begin(client, &normal(name), Instant::now()).ok_or(LoginError::TooMany)?;
        let answer = self.compare(name, login).await;
        match &answer {
            Ok(_) => attempt.right(Instant::now()),
            Err(LoginError::Wrong) => {
                attempt.wrong();
                note_wrong(client, name);
            }
            Err(_) => attempt.undecided(),
        }
        answer
    }

    async fn compare(&self, name: &str, login: &PlainLogin) -> Result<Account, LoginError> {
        if login.acts_as.as_deref().is_some_and(|other| !is_same(other, name)) {
            return Err(LoginError::Wrong);
        }
        // What can be no password is nobody's.
        let password = text(login.password.reveal()).and_then(|text| Password::new(text).ok());
        let password = password.ok_or(LoginError::Wrong)?;
        let account = self.account(name).await?;
        let hash = account.as_ref().and_then(|account| account.password.clone());
        let is_right = self.verifier.verify(hash, password).await.map_err(|_| LoginError::Busy)?;
        account.filter(|account| is_right && account.access == Access::Open).ok_or(LoginError::Wrong)
    }

    async fn by_proxy(
        &self,
        proxy: &Proxy,
        client: IpAddr,
        login: &PlainLogin,
    ) -> Result<Account, LoginError> {
        if !proxy.has_secret(login.password.reveal()) {
            // Wrong for as long as nobody mends it: it stays so.
            let attempt = self.attempts.begin(client, proxy.name(), Instant::now());
            attempt.ok_or(LoginError::TooMany)?.wrong();
            warn!(%client, proxy = proxy.name(), "a proxy came with a wrong secret");
            return Err(LoginError::Wrong);
        }
        let name = login.acts_as.as_deref().and_then(text).ok_or(LoginError::Wrong)?;
        let account = self.account(name).await?;
        account.filter(|account| account.access == Access::Open).ok_or(LoginError::Wrong)
    }

    async fn account(&self, name: &str) -> Result<Option<Account>, LoginError> {
        self.directory.account(name).await.map_err(|error| {
            warn!(error = &error as &dyn std::error::Error, "nobody can be looked up");
            LoginError::Unavailable
        })
    }
}

impl<D: Directory> LogIn for Logins<D> {
    type Known = Account;

    async fn log_in(&self, client: IpAddr, login: PlainLogin) -> Result<Account, LoginError> {
        let answer = match &self.proxy {
            Some(proxy) if proxy.name().as_bytes() == login.name => {
                self.by_proxy(proxy, client, &login).await
            }
            _ => self.by_password(client, &login).await,
        };
        self.numbers.of(&answer).one_more();
        answer
    }
}

fn text(octets: &[u8]) -> Option<&str> {
    std::str::from_utf8(octets).ok()
}

/// What is counted for a name, however it was typed.
fn normal(name: &str) -> String {
    name.parse::<Address>().map_or_else(|_| name.to_lowercase(), |address| address.as_str().to_owned())
}

fn is_same(other: &[u8], name: &str) -> bool {
    text(other).is_some_and(|other| normal(other) == normal(name))
}

/// A name that is no address is not told: people type their passwords there.
fn note_wrong(client: IpAddr, name: &str) {
    let account = name.parse::<Address>().ok();
    let account = account.as_ref().map(tracing::field::display);
    info!(%client, account, "wrong password");
}

/// What came of logins.
#[derive(Debug, Default)]
struct Numbers {
    right: Counter,
    wrong: Counter,
    too_many: Counter,
    busy: Counter,
    unavailable: Counter,
}

impl Numbers {
    fn of<T>(&self, answer: &Result<T, LoginError>) -> &Counter {
        match answer {
            Ok(_) => &self.right,
            Err(LoginError::Wrong) => &self.wrong,
            Err(LoginError::TooMany) => &self.too_many,
            Err(LoginError::Busy) => &self.busy,
            Err(LoginError::Unavailable) => &self.unavailable,
        }
    }
}

impl Measured for Numbers {
    fn measure(&self, page: &mut Page) {
        for (outcome, counter) in [
            ("right", &self.right),
            ("wrong", &self.wrong),
            ("too_many", &self.too_many),
            ("busy", &self.busy),
            ("unavailable", &self.unavailable),
        ] {
            page.counter(
                "mail_logins_total",
                "Logins by what came of them.",
                &[("outcome", outcome)],
                counter.get(),
            );
        }
    }
}

#[cfg(test)]
#[path = "directory_tests.rs"]
mod tests;
