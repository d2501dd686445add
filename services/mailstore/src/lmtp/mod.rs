//! Mail that comes by LMTP (RFC 2033), from our own inbound servers: what is answered with 250 is durable in the recipient's INBOX.
//!
//! At RCPT an account must be there and have room (with SIZE, for that much). Behind the content each recipient has an answer of its own. A
//! message that was delivered before ([`DeliveryKey::of`]) is answered with 250 and not kept again, so that a client whose answer was lost may
//! come again. [`trace`] says what is put on top of a message.
//!
//! Which accounts there are, [`Accounts`] knows. An address is the account of its own normal form, such as `ann@example.org`: aliases and tags are
//! resolved by who sends it here. `<postmaster>` is the one of this host.
//!
//! It makes an account only because the directory has it. Entry points: [`Inbound::new`], [`config`].

mod delivery;
mod replies;
pub mod trace;

use crate::delivery_key::first_id;
use crate::login::{Accounts, NotHere};
use crate::name::AccountName;
use crate::store::Store;
use delivery::Message;
use mail::address::{Domain, ForwardPath};
use mail::command::{Mail, Rcpt};
use mail::data::LongLines;
use mail::directory::Directory;
use mail::engine::{self, Protocol, Tls};
use mail::message_id::MessageId;
use mail::observe::{Counter, Measured, Page};
use mail::reply::{Refusal, Text};
use mail::server::{self, Arrived, Limits, Peer, Policy, Rate, Timeouts, TlsStart, Unwelcome};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Semaphore;
use tracing::{error, info, warn};

/// Of messages that are being delivered, with their copies for each recipient, in KiB.
const ROOM_KIB: u32 = 256 * 1024;
/// Recipients of one message whose copies are in memory together, and share syncs.
const PARALLEL_MAX: u64 = 64;
/// Octets of these copies, if they are more than one.
const PARALLEL_OCTETS_MAX: u64 = 16 * 1024 * 1024;

/// The policy of an LMTP listener.
#[derive(Debug)]
pub struct Inbound<D> {
    store: Store,
    accounts: Arc<Accounts<D>>,
    host: Domain,
    /// With the host's.
    own_names: Arc<[String]>,
    room: Arc<Semaphore>,
    duplicates: Arc<Counter>,
}

/// What is known in a session.
#[derive(Debug)]
pub struct Session {
    peer: Peer,
    /// Of the message to come, as its client says; 0 if it does not.
    octets: u64,
}

/// What such a listener is: our own servers come from few addresses and with much, so no client has a limit that it could meet.
pub fn config(host: Domain, store: &Store, drain: Duration) -> server::Config {
    let limits = engine::Limits {
        messages_max: u32::MAX,
        commands_max: u32::MAX,
        refusals_max: u32::MAX,
        idle_max: u32::MAX,
        octets_max: u64::MAX,
        ..Default::default()
    };
    let rate = Rate { burst: 100_000, per_minute: 1_000_000 };
    server::Config {
        name: "lmtp",
        engine: engine::Config {
            protocol: Protocol::Lmtp,
            host,
            tls: Tls::Unavailable,
            message_octets_max: store.message_octets_max().saturating_sub(trace::OCTETS_MAX),
            long_lines: LongLines::Accept,
            limits,
        },
        tls_start: TlsStart::AtCommand,
        limits: Limits { sessions_max: 1000, sessions_per_client_max: 1000, connections_per_client: rate },
        timeouts: Timeouts { drain, ..Timeouts::default() },
    }
}

impl<D: Directory> Inbound<D> {
    /// `own_names` are those of the hosts of ours that have a message before this one, as they write them into trace fields.
    pub fn new(store: Store, accounts: Arc<Accounts<D>>, host: Domain, own_names: &[Domain]) -> Self {
        let own_names = own_names.iter().chain([&host]).map(ToString::to_string).collect();
        let room = Arc::new(Semaphore::new(ROOM_KIB as usize));
        Self { store, accounts, host, own_names, room, duplicates: Arc::default() }
    }

    /// For [`mail::observe::Registry::add`].
    pub fn numbers(&self) -> Arc<dyn Measured> {
        Arc::new(Numbers(Arc::clone(&self.duplicates)))
    }

    fn account(&self, to: &ForwardPath) -> Option<AccountName> {
        let address = match to {
            ForwardPath::Postmaster => format!("postmaster@{}", self.host.normal()),
            ForwardPath::Mailbox(mailbox) => mailbox.normal().to_string(),
        };
        AccountName::new(&address).ok()
    }

    async fn check(&self, to: &ForwardPath, octets: u64) -> Result<(), Refusal> {
        let account = self.account(to).ok_or(replies::NO_SUCH_USER)?;
        let quota = self.accounts.receive(&account).await.map_err(|why| match why {
            NotHere::NoSuchAccount => replies::NO_SUCH_USER,
            NotHere::Elsewhere => replies::ELSEWHERE,
            NotHere::Unavailable => replies::FAILED,
        })?;
        match quota.limit {
            Some(limit) if octets > limit || quota.used.saturating_add(octets.max(1)) > limit => {
                Err(replies::over_quota(octets, limit))
            }
            _ => Ok(()),
        }
    }

    /// Waits until there is memory for a message and some copies, and says how many.
    async fn deliver(&self, peer: Peer, arrived: Arrived) -> Vec<Result<Text, Refusal>> {
        let octets = arrived.content.octets() + trace::OCTETS_MAX;
        let recipients = arrived.envelope.recipients.clone();
        let parallel =
            (PARALLEL_OCTETS_MAX / octets).clamp(1, PARALLEL_MAX).min(recipients.len().max(1) as u64);
        let kib = u32::try_from((1 + parallel) * octets.div_ceil(1024)).unwrap_or(u32::MAX).min(ROOM_KIB);
        let room = Arc::clone(&self.room).acquire_many_owned(kib).await.expect("nobody closes it");
        let content = match arrived.content.all().await {
            Ok(content) => content,
            Err(error) => {
                warn!(mail = %arrived.id, %error, "a message cannot be read back");
                return vec![Err(replies::FAILED); recipients.len()];
            }
        };
        // One name from the first host of ours to the mailbox.
        let id = first_id(&content, &self.own_names).unwrap_or(arrived.id);
        if id != arrived.id {
            info!(mail = %id, here = %arrived.id, "a message has its name from an earlier host");
        }
        let message = Arc::new(Message {
            store: self.store.clone(),
            host: self.host.clone(),
            own_names: Arc::clone(&self.own_names),
            duplicates: Arc::clone(&self.duplicates),
            client: peer.client.ip(),
            id,
            envelope: arrived.envelope,
            content,
            _room: room,
        });
        let mut outcomes = Vec::new();
        for some in recipients.chunks(parallel as usize) {
            // Tasks of their own: a delivery that was begun is not cut off with the session.
            let tasks: Vec<_> = some
                .iter()
                .map(|rcpt| (Arc::clone(&message), rcpt.clone(), self.account(&rcpt.to)))
                .map(|(message, rcpt, account)| tokio::spawn(message.deliver(rcpt, account)))
                .collect();
            for task in tasks {
                outcomes.push(task.await.unwrap_or_else(|error| {
                    error!(%error, "a delivery broke");
                    Err(replies::FAILED)
                }));
            }
        }
        outcomes
    }
}

impl<D: Directory> Policy for Inbound<D> {
    type Session = Session;

    async fn connected(&self, peer: Peer) -> Result<Session, Unwelcome> {
        Ok(Session { peer, octets: 0 })
    }

    async fn sender(&self, session: &mut Session, _: MessageId, mail: Mail) -> Result<(), Refusal> {
        session.octets = mail.size.unwrap_or(0);
        Ok(())
    }

    async fn recipient(&self, session: &mut Session, rcpt: Rcpt) -> Result<(), Refusal> {
        self.check(&rcpt.to, session.octets).await
    }

    async fn message(&self, session: &mut Session, arrived: Arrived) -> Vec<Result<Text, Refusal>> {
        self.deliver(session.peer, arrived).await
    }
}

struct Numbers(Arc<Counter>);

impl Measured for Numbers {
    fn measure(&self, page: &mut Page) {
        let help = "Deliveries that were repeats, and not kept again.";
        page.counter("mailstore_duplicates_total", help, &[], self.0.get());
    }
}
