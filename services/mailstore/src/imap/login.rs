//! STARTTLS, LOGIN, AUTHENTICATE and ENABLE (RFC 3501, section 6.2; RFC 4959; RFC 5161).
//!
//! A password that anybody on the way could read is not taken ([`Passwords`]), and nobody is asked whether it is right.

use super::config::Passwords;
use super::failure::Failure;
use super::session::{Answer, Done, Session};
use super::wire::{Ended, Heard};
use crate::name::AccountName;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use mail::imap::capability::{self, Channel};
use mail::imap::command::{Secret, Tag};
use mail::imap::response::{Code, Condition};
use mail::listen::Stream;
use mail::login::{LogIn, LoginError, PlainLogin};
use std::ops::ControlFlow;
use tokio::time::timeout;
use tracing::{debug, info};

/// Of wrong logins, before the session ends.
pub(super) const WRONG_MAX: u32 = 3;

impl Session {
    fn channel(&self) -> Channel {
        if matches!(self.wire.stream, Stream::Tls(_)) {
            return Channel::Tls;
        }
        match self.parts.config.passwords {
            Passwords::OfOurHosts => Channel::Trusted,
            Passwords::UnderTlsOrLoopback if self.client.ip().to_canonical().is_loopback() => {
                Channel::Trusted
            }
            Passwords::UnderTls | Passwords::UnderTlsOrLoopback => Channel::Clear,
        }
    }

    pub(super) fn capabilities(&self) -> String {
        capability::list(self.account.is_some(), self.channel(), self.parts.message_octets_max())
    }

    pub(super) async fn start_tls(&mut self, tag: &Tag) -> ControlFlow<Option<Ended>> {
        let is_possible =
            self.parts.tls.is_some() && self.account.is_none() && self.channel() != Channel::Tls;
        if !is_possible {
            let failure = if self.account.is_some() { Failure::LoggedIn } else { Failure::NoTls };
            self.wire.out.tagged(tag, Condition::Bad, None, &failure.to_string());
            return ControlFlow::Continue(());
        }
        self.wire.out.tagged(tag, Condition::Ok, None, "Begin TLS now");
        if let Err(ended) = self.wire.flush().await {
            return ControlFlow::Break(Some(ended));
        }
        self.wire.forget();
        if self.wire.begin_tls().await {
            return ControlFlow::Continue(());
        }
        debug!(listener = self.parts.config.name, client = %self.client.ip(), "no TLS");
        ControlFlow::Break(Some(Ended::Gone))
    }

    pub(super) async fn log_in_plainly<L: LogIn<Known = AccountName>>(
        &mut self,
        name: Vec<u8>,
        password: Secret,
        logins: &L,
    ) -> Answer {
        self.may_log_in()?;
        self.log_in(PlainLogin::new(name, password), logins).await
    }

    pub(super) async fn authenticate<L: LogIn<Known = AccountName>>(
        &mut self,
        mechanism: &str,
        initial: Option<Secret>,
        logins: &L,
    ) -> Answer {
        self.may_log_in()?;
        if mechanism != "PLAIN" {
            return Err(Failure::NoMechanism);
        }
        let message = match initial {
            Some(initial) => initial,
            None => self.ask_for_message().await?,
        };
        let login = PlainLogin::of_sasl(message.reveal()).ok_or(Failure::NoAnswer)?;
        self.log_in(login, logins).await
    }

    async fn ask_for_message(&mut self) -> Result<Secret, Failure> {
        self.wire.out.challenge();
        self.wire.flush().await.map_err(Failure::Ended)?;
        self.wire.expect_line();
        let Heard::Line(line) = self.wire.hear().await.map_err(Failure::Ended)? else {
            return Err(Failure::NoAnswer);
        };
        if line == b"*" {
            return Err(Failure::Cancelled);
        }
        STANDARD.decode(&line).map(Secret::new).map_err(|_| Failure::NoAnswer)
    }

    fn may_log_in(&self) -> Result<(), Failure> {
        if self.account.is_some() {
            return Err(Failure::LoggedIn);
        }
        if self.channel() == Channel::Clear { Err(Failure::TlsFirst) } else { Ok(()) }
    }

    async fn log_in<L: LogIn<Known = AccountName>>(&mut self, login: PlainLogin, logins: &L) -> Answer {
        let (listener, client) = (self.parts.config.name, self.client.ip());
        let name = String::from_utf8_lossy(&login.name).into_owned();
        let answer = tokio::select! {
            answer = timeout(self.parts.config.timeouts.question, logins.log_in(client, login)) => answer,
            () = self.wire.end.hurry.cancelled() => return Err(Failure::Ended(Ended::Draining)),
        };
        match answer.unwrap_or(Err(LoginError::Unavailable)) {
            Ok(account) => {
                info!(listener, %client, %account, "logged in");
                self.parts.numbers.logins.one_more();
                self.account = Some(account);
                let append_octets_max =
                    usize::try_from(self.parts.message_octets_max()).unwrap_or(usize::MAX);
                self.wire.known(append_octets_max);
                let code = Code::Capability(self.capabilities());
                Ok(Done::new("Logged in").with(Some(code)))
            }
            Err(error) => {
                info!(listener, %client, name, %error, "no login");
                self.parts.numbers.no_login(error).one_more();
                self.wrong += u32::from(matches!(error, LoginError::Wrong | LoginError::TooMany));
                Err(Failure::Login(error))
            }
        }
    }

    pub(super) fn enable(&mut self, words: &[String]) -> Answer {
        let is_condstore = words.iter().any(|word| word == "CONDSTORE");
        let enabled: &[&str] = if is_condstore { &["CONDSTORE"] } else { &[] };
        self.wire.out.enabled(enabled);
        if is_condstore {
            self.begin_condstore();
        }
        Ok(Done::new("Enabled"))
    }

    /// The client knows of MODSEQ from now on; it is told where it stands (RFC 7162, section 3.1).
    pub(super) fn begin_condstore(&mut self) {
        if !std::mem::replace(&mut self.is_condstore, true)
            && let Some(selected) = &self.selected
        {
            let code = Code::HighestModSeq(selected.known.get());
            self.wire.out.untagged(Condition::Ok, Some(&code), "Highest");
        }
    }
}
