//! One connection: commands come, are obeyed one after the other, and are answered.

use super::failure::Failure;
use super::news::News;
use super::parts::Parts;
use super::selected::Selected;
use super::wire::{Ended, Heard, Wire};
use crate::name::AccountName;
use bytes::Bytes;
use mail::imap::command::{self, Body, Command, CommandError, Refusal, Tag};
use mail::imap::reader::TooLarge;
use mail::imap::response::{Code, Condition};
use mail::login::LogIn;
use std::net::SocketAddr;
use std::ops::ControlFlow;
use std::sync::Arc;
use tracing::{info, warn};

/// Commands that are none, one after the other, before the session ends.
const BAD_MAX: u32 = 20;

pub(super) struct Session {
    pub(super) parts: Arc<Parts>,
    pub(super) wire: Wire,
    pub(super) client: SocketAddr,
    pub(super) account: Option<AccountName>,
    pub(super) selected: Option<Selected>,
    /// The client has shown that it knows what MODSEQ is (RFC 7162, section 3.1).
    pub(super) is_condstore: bool,
    /// Wrong logins.
    pub(super) wrong: u32,
    bad: u32,
}

/// What a command is answered with.
pub(super) type Answer = Result<Done, Failure>;

/// A command that was obeyed.
#[derive(Clone, Debug)]
pub(super) struct Done {
    pub(super) code: Option<Code>,
    pub(super) text: &'static str,
}

impl Done {
    pub(super) fn new(text: &'static str) -> Self {
        Self { code: None, text }
    }

    pub(super) fn with(self, code: Option<Code>) -> Self {
        Self { code, ..self }
    }
}

impl Session {
    pub(super) fn new(parts: Arc<Parts>, wire: Wire, client: SocketAddr) -> Self {
        Self { parts, wire, client, account: None, selected: None, is_condstore: false, wrong: 0, bad: 0 }
    }

    pub(super) async fn run<L: LogIn<Known = AccountName>>(mut self, logins: &L) {
        let ended = self.converse(logins).await;
        if let Some(ended) = ended {
            self.say_goodbye(ended);
        }
        self.selected = None;
        self.wire.part().await;
    }

    /// Until the end. Nothing: the client has been told of it.
    async fn converse<L: LogIn<Known = AccountName>>(&mut self, logins: &L) -> Option<Ended> {
        let code = Code::Capability(self.capabilities());
        self.wire.out.untagged(Condition::Ok, Some(&code), "IMAP4rev1 ready");
        loop {
            if let Err(ended) = self.wire.flush().await {
                return Some(ended);
            }
            self.wire.rest();
            let heard = match self.wire.hear().await {
                Ok(heard) => heard,
                Err(ended) => return Some(ended),
            };
            // A session that waits has no room for the largest of all commands.
            let flow = match heard {
                Heard::Command(octets) => Box::pin(self.command(octets, logins)).await,
                Heard::Refused(tag, error) => self.refuse_literal(tag, error),
                Heard::Line(_) => self.count_bad(),
            };
            self.wire.release();
            if let ControlFlow::Break(ended) = flow {
                return ended;
            }
        }
    }

    async fn command<L: LogIn<Known = AccountName>>(
        &mut self,
        octets: Bytes,
        logins: &L,
    ) -> ControlFlow<Option<Ended>> {
        self.parts.numbers.commands.one_more();
        self.wire.rest();
        let parsed = command::parse(&octets);
        drop(octets);
        let Command { tag, body } = match parsed {
            Ok(command) => command,
            Err(refusal) => return self.refuse(&refusal),
        };
        let news = News::behind(&body);
        let answer = match body {
            Body::Logout => {
                self.wire.out.untagged(Condition::Bye, None, "Goodbye");
                self.wire.out.tagged(&tag, Condition::Ok, None, "Logged out");
                return ControlFlow::Break(None);
            }
            Body::StartTls => return self.start_tls(&tag).await,
            Body::Login { name, password } => self.log_in_plainly(name, password, logins).await,
            Body::Authenticate { mechanism, initial } => self.authenticate(&mechanism, initial, logins).await,
            body => self.obey(&tag, body).await,
        };
        let answer = match self.tell(news).await {
            Err(ended @ Failure::Ended(_)) if !matches!(answer, Err(Failure::Ended(_))) => Err(ended),
            // What was done stays done.
            Err(failure) => {
                self.note(&failure);
                answer
            }
            Ok(()) => answer,
        };
        self.answer(&tag, answer)
    }

    async fn obey(&mut self, tag: &Tag, body: Body) -> Answer {
        match body {
            Body::Capability => {
                let words = self.capabilities();
                self.wire.out.capability(&words);
                return Ok(Done::new("That is all"));
            }
            Body::Noop => return Ok(Done::new("Nothing was done")),
            Body::Id => {
                self.wire.out.id("understudy", env!("CARGO_PKG_VERSION"));
                return Ok(Done::new("Nice to meet you"));
            }
            _ => {}
        }
        let account = self.account.clone().ok_or(Failure::NotLoggedIn)?;
        match body {
            Body::Enable(words) => self.enable(&words),
            Body::Namespace => {
                self.wire.out.namespace(crate::name::DELIMITER);
                Ok(Done::new("Those are all"))
            }
            Body::Select(select) => self.select(&account, select).await,
            Body::Create { mailbox, special_use } => self.create(&account, &mailbox, special_use).await,
            Body::Delete(mailbox) => self.delete(&account, &mailbox).await,
            Body::Rename { from, to } => self.rename(&account, &from, &to).await,
            Body::Subscribe(mailbox) => self.subscribe(&account, &mailbox, true).await,
            Body::Unsubscribe(mailbox) => self.subscribe(&account, &mailbox, false).await,
            Body::List(list) => self.list(&account, list).await,
            Body::Lsub { reference, pattern } => self.lsub(&account, &reference, &pattern).await,
            Body::Status { mailbox, items } => self.status(&account, &mailbox, &items),
            Body::Append(append) => self.append(account, append).await,
            Body::Idle => self.idle().await,
            Body::GetQuota { root } => self.quota(&account, &root),
            Body::GetQuotaRoot { mailbox } => self.quota_root(&account, &mailbox),
            Body::SetQuota => Err(Failure::QuotaIsGiven),
            body => self.obey_in_mailbox(tag, &account, body).await,
        }
    }

    async fn obey_in_mailbox(&mut self, tag: &Tag, account: &AccountName, body: Body) -> Answer {
        if self.selected.is_none() {
            return Err(Failure::NotSelected);
        }
        match body {
            Body::Check => Ok(Done::new("All is well")),
            Body::Close => self.close().await,
            Body::Unselect => {
                self.selected = None;
                Ok(Done::new("Nothing is selected"))
            }
            Body::Expunge(set) => self.expunge(set).await,
            Body::Search(search) => self.search(tag, search).await,
            Body::Sort(sort) => self.sort(sort).await,
            Body::Fetch(fetch) => self.fetch(fetch).await,
            Body::Store(store) => self.store(store).await,
            Body::Copy { by, set, mailbox } => self.copy(account, by, &set, &mailbox).await,
            Body::Move { by, set, mailbox } => self.move_to(account, by, &set, &mailbox).await,
            // Every other one was obeyed before.
            _ => Err(Failure::Broken),
        }
    }

    pub(super) fn selected(&mut self) -> Result<&mut Selected, Failure> {
        self.selected.as_mut().ok_or(Failure::NotSelected)
    }

    fn answer(&mut self, tag: &Tag, answer: Answer) -> ControlFlow<Option<Ended>> {
        let failure = match answer {
            Ok(Done { code, text }) => {
                self.bad = 0;
                self.wire.out.tagged(tag, Condition::Ok, code.as_ref(), text);
                return ControlFlow::Continue(());
            }
            Err(Failure::Ended(ended)) => return ControlFlow::Break(Some(ended)),
            Err(failure) => failure,
        };
        self.note(&failure);
        let condition = failure.condition();
        self.wire.out.tagged(tag, condition, failure.code().as_ref(), &failure.to_string());
        if self.wrong >= super::login::WRONG_MAX {
            return ControlFlow::Break(Some(Ended::TooManyErrors));
        }
        if condition == Condition::Bad { self.count_bad() } else { ControlFlow::Continue(()) }
    }

    /// What is ours to mend is told in the log.
    pub(super) fn note(&self, failure: &Failure) {
        if let Failure::Store(error) = failure
            && failure.is_ours()
        {
            self.parts.numbers.failures.one_more();
            let (listener, account) =
                (self.parts.config.name, self.account.as_ref().map(AccountName::as_str));
            warn!(listener, account, error = error as &dyn std::error::Error, "a command failed");
        }
    }

    fn refuse(&mut self, refusal: &Refusal) -> ControlFlow<Option<Ended>> {
        let text = refusal.error.to_string();
        let (condition, code) = match refusal.error {
            CommandError::Charset => (Condition::No, Some(Code::BadCharset)),
            _ => (Condition::Bad, None),
        };
        match &refusal.tag {
            Some(tag) => self.wire.out.tagged(tag, condition, code.as_ref(), &text),
            None => self.wire.out.untagged(condition, code.as_ref(), &text),
        }
        self.count_bad()
    }

    fn refuse_literal(&mut self, tag: Option<Tag>, error: TooLarge) -> ControlFlow<Option<Ended>> {
        let (condition, code) = match error {
            TooLarge::Message { .. } => (Condition::No, Code::TOO_BIG),
            TooLarge::Command { .. } => (Condition::Bad, Code::LIMIT),
        };
        match tag {
            Some(tag) => self.wire.out.tagged(&tag, condition, Some(&code), &error.to_string()),
            None => self.wire.out.untagged(condition, Some(&code), &error.to_string()),
        }
        self.count_bad()
    }

    fn count_bad(&mut self) -> ControlFlow<Option<Ended>> {
        self.bad += 1;
        match self.bad >= BAD_MAX {
            true => ControlFlow::Break(Some(Ended::TooManyErrors)),
            false => ControlFlow::Continue(()),
        }
    }

    fn say_goodbye(&mut self, ended: Ended) {
        let (code, text) = match ended {
            Ended::Gone => return,
            Ended::TimedOut => (None, "Nothing came for too long".to_owned()),
            Ended::Draining => (Some(Code::UNAVAILABLE), "The server goes; come again".to_owned()),
            Ended::Broken(broken) => (Some(Code::LIMIT), broken.to_string()),
            Ended::MailboxGone => (None, "The selected mailbox was deleted".to_owned()),
            Ended::TooManyErrors => (Some(Code::LIMIT), "Too many errors".to_owned()),
        };
        info!(listener = self.parts.config.name, client = %self.client.ip(), text, "session ended by us");
        self.wire.out.untagged(Condition::Bye, code.as_ref(), &text);
    }
}
