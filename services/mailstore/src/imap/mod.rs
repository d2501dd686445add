//! IMAP4rev1 over a [`Store`]: the driver of a connection, and what each command does. [`mail::imap`] reads commands and writes responses.
//!
//! | module | what it does |
//! | --- | --- |
//! | `session` | one connection: a command, its answer, and what else is to be told; which errors end it |
//! | `wire` | octets in and out, with an end to each wait |
//! | `login` | STARTTLS, LOGIN, AUTHENTICATE, ENABLE |
//! | `select`, `selected`, `news` | the selected mailbox as its client knows it, and what it is told of changes |
//! | `mailboxes`, `list`, `status`, `quota` | mailboxes of an account |
//! | `append`, `fetch`, `store`, `search`, `sort`, `copy`, `idle` | messages |
//! | `content` | octets of messages: a header, a whole one, a piece |
//! | `parts` | what all sessions share: memory for whole messages, and turns for long works |
//!
//! # What a session costs
//!
//! One task, a buffer of 4 KiB, and the UIDs of the messages that its client was told of, as runs. A sequence number is a place among
//! those. Flags are read from the index page by page, contents in pieces of 64 KiB; a whole message is in memory only while its
//! structure or text is looked into (`parts`), and never while a client takes its time. A client that does not read what is said to it
//! is not read from, and is given up.
//!
//! # What it refuses
//!
//! Passwords in the clear, but where [`Passwords`] says so; more than its [`Limits`](mail::listen::Limits) and [`Timeouts`]; EXPUNGE where a number would
//! change its message under a command that speaks of numbers (RFC 3501, section 7.4.1). It never makes an account.
//!
//! Entry point: [`Server::new`], for [`mail::listen::serve`].

mod append;
mod config;
mod content;
mod copy;
mod failure;
mod fetch;
mod flag_words;
mod idle;
mod list;
mod login;
mod mailboxes;
mod news;
mod numbers;
mod pace;
mod parts;
mod quota;
mod search;
mod select;
mod selected;
mod session;
mod sort;
mod status;
mod store;
mod wire;

pub use config::{Config, Passwords, Timeouts};

use crate::name::AccountName;
use crate::store::Store;
use mail::imap::response::{Code, Condition, Writer};
use mail::listen::{self, Door, Host, Stream, Turned, Visitor};
use mail::login::LogIn;
use mail::observe::Measured;
use mail::server::{NoCertificate, TlsStart};
use mail::tls::Certificates;
use parts::Parts;
use session::Session;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpStream;
use wire::Wire;

/// Listeners of one kind: their limits count for them together.
pub struct Server<L> {
    parts: Arc<Parts>,
    logins: Arc<L>,
}

impl<L: LogIn<Known = AccountName>> Server<L> {
    /// `logins` lets nobody in who has no account in the store.
    pub fn new(
        config: Config,
        store: Store,
        logins: Arc<L>,
        tls: Option<Certificates>,
    ) -> Result<Self, NoCertificate> {
        if config.tls_start == TlsStart::AtOnce && tls.is_none() {
            return Err(NoCertificate);
        }
        Ok(Self { parts: Arc::new(Parts::new(config, store, tls)), logins })
    }

    /// For [`mail::observe::Registry::add`].
    pub fn numbers(&self) -> Arc<dyn Measured> {
        Arc::clone(&self.parts.numbers) as Arc<dyn Measured>
    }
}

impl<L: LogIn<Known = AccountName>> Host for Server<L> {
    fn name(&self) -> &'static str {
        self.parts.config.name
    }

    fn door(&self) -> &Arc<Door> {
        &self.parts.door
    }

    fn drain(&self) -> Duration {
        self.parts.config.timeouts.drain
    }

    fn turned_away(&self, turned: Turned, stream: TcpStream) {
        self.parts.numbers.turned_away(turned).one_more();
        if self.parts.config.tls_start == TlsStart::AtCommand {
            let mut out = Writer::new();
            out.untagged(Condition::Bye, Some(&Code::UNAVAILABLE), turned.text());
            listen::say(stream, out.octets());
        }
    }

    async fn session(self: Arc<Self>, visitor: Visitor) {
        let _open = self.parts.numbers.open.hold();
        self.parts.numbers.sessions.one_more();
        // Answers are small, and clients wait for them.
        if visitor.stream.set_nodelay(true).is_err() {
            return;
        }
        let mut wire = Wire::new(Arc::clone(&self.parts), Stream::Clear(visitor.stream), visitor.end);
        if self.parts.config.tls_start == TlsStart::AtOnce && !Box::pin(wire.begin_tls()).await {
            return;
        }
        Session::new(Arc::clone(&self.parts), wire, visitor.client).run(self.logins.as_ref()).await;
    }
}
