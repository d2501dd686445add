//! The mailstores that are known, and what is asked of them.

use super::{Delivery, Sender, grouped};
use crate::{replies, settings};
use mail::address::{Domain, ForwardPath};
use mail::content::Content;
use mail::directory::{Address, Directory, LocalMailbox, PairName};
use mail::lmtp::{Client, Envelope, Target, Timeouts};
use mail::message_id::MessageId;
use mail::reply::{Refusal, Status};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::timeout;
use tracing::{error, info, warn};

/// A mailstore is in the same rack; one that takes longer is dead.
const CONNECT: Duration = Duration::from_secs(5);
/// For health.
const REACH: Duration = Duration::from_secs(2);
/// By which [`Client`] tells that nothing was said (RFC 3463, section 3.5).
const BAD_CONNECTION: Status = Status::new(4, 2);
/// What 5.1.z is about (section 3.2).
const ADDRESS: u16 = 1;

/// All of them. Cheap to clone.
pub struct Mailstores<D>(Arc<Shared<D>>);

struct Shared<D> {
    directory: D,
    host: Domain,
    settings: settings::Delivery,
    /// Those that something was delivered to; as many as there are pairs.
    known: Mutex<HashMap<PairName, Arc<Mailstore>>>,
}

/// One, for all messages to it.
struct Mailstore {
    client: Client,
    places: Semaphore,
}

/// What each account was answered.
type Answers = Vec<(Address, Result<(), Refusal>)>;

impl<D> Clone for Mailstores<D> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<D: Directory> Mailstores<D> {
    /// `host` is what it calls itself in LHLO.
    pub fn new(directory: D, host: Domain, settings: settings::Delivery) -> Self {
        Self(Arc::new(Shared { directory, host, settings, known: Mutex::default() }))
    }

    /// Whether a message of so many octets (0: nobody knows) would be taken for one of these mailboxes. Those of an alias that refuse are
    /// heard of when it is delivered: the others are to have it.
    pub async fn ask(&self, sender: &Sender, octets: u64, mailboxes: &[LocalMailbox]) -> Result<(), Refusal> {
        let mut asking = JoinSet::new();
        for (pair, accounts) in grouped(mailboxes.iter()) {
            let (shared, sender) = (Arc::clone(&self.0), sender.clone());
            asking.spawn(async move { shared.ask(&pair, sender, octets, &accounts).await });
        }
        let mut refusals = Vec::new();
        while let Some(asked) = asking.join_next().await {
            match asked {
                Ok(Ok(())) => return Ok(()),
                Ok(Err(refusal)) => refusals.push(refusal),
                Err(error) => {
                    error!(%error, "asking a mailstore broke");
                    refusals.push(replies::NO_STORE);
                }
            }
        }
        let temporary = refusals.iter().find(|refusal| !refusal.is_permanent());
        Err(temporary.or(refusals.first()).cloned().unwrap_or(replies::NO_STORE))
    }

    /// What became of a message for each of these mailboxes.
    pub async fn deliver<'a>(
        &self,
        delivery: &Delivery,
        mailboxes: impl Iterator<Item = &'a LocalMailbox>,
    ) -> HashMap<Address, Result<(), Refusal>> {
        let mut delivering = JoinSet::new();
        for (pair, accounts) in grouped(mailboxes) {
            let (shared, delivery) = (Arc::clone(&self.0), delivery.clone());
            delivering.spawn(async move { shared.deliver(&pair, &delivery, accounts).await });
        }
        let mut outcomes = HashMap::new();
        while let Some(delivered) = delivering.join_next().await {
            match delivered {
                Ok(answers) => outcomes.extend(answers),
                // Who is missing is to have it later.
                Err(error) => error!(mail = %delivery.id, %error, "a delivery broke"),
            }
        }
        outcomes
    }

    /// An error where there are mailstores, and none of them answers. The first one that does is enough.
    pub async fn reach(&self) -> Result<(), String> {
        let known: Vec<_> = self.0.known().values().cloned().collect();
        let (mut reaching, number) = (JoinSet::new(), known.len());
        for store in known {
            reaching.spawn(async move { timeout(REACH, store.client.reach()).await });
        }
        while let Some(reached) = reaching.join_next().await {
            if matches!(reached, Ok(Ok(Ok(())))) {
                return Ok(());
            }
        }
        if number == 0 { Ok(()) } else { Err(format!("none of {number} mailstores answers")) }
    }
}

impl<D: Directory> Shared<D> {
    async fn ask(
        &self,
        pair: &PairName,
        sender: Sender,
        octets: u64,
        accounts: &[Address],
    ) -> Result<(), Refusal> {
        let asked = async {
            let store = self.store(pair).await?;
            let envelope = envelope(sender, accounts);
            let _place = store.place().await;
            let told = store.client.ask(&envelope, octets).await;
            let refusals: Vec<_> =
                told.into_iter().map_while(|(_, answer)| answer.err()).map(public).collect();
            if refusals.len() < accounts.len() {
                return Ok(());
            }
            let temporary = refusals.iter().find(|refusal| !refusal.is_permanent());
            Err(temporary.or(refusals.first()).cloned().unwrap_or(replies::NO_STORE))
        };
        timeout(self.settings.ask.0, asked).await.unwrap_or(Err(replies::NO_STORE))
    }

    async fn deliver(&self, pair: &PairName, delivery: &Delivery, accounts: Vec<Address>) -> Answers {
        let store = match self.store(pair).await {
            Ok(store) => store,
            Err(refusal) => {
                return accounts.into_iter().map(|account| (account, Err(refusal.clone()))).collect();
            }
        };
        let whole = timeout(self.settings.whole.0, store.deliver(delivery, &accounts)).await;
        let outcomes = whole.unwrap_or_else(|_| vec![Err(replies::NO_STORE); accounts.len()]);
        note(delivery.id, pair, &accounts, &outcomes);
        accounts.into_iter().zip(outcomes).collect()
    }

    async fn store(&self, pair: &PairName) -> Result<Arc<Mailstore>, Refusal> {
        let address = match self.directory.pair(pair).await {
            Ok(Some(address)) => address,
            Ok(None) => {
                warn!(%pair, "the directory has mailboxes on a pair that it does not have");
                return Err(replies::NO_STORE);
            }
            Err(error) => {
                warn!(%pair, error = &error as &dyn std::error::Error, "a pair cannot be looked up");
                return Err(replies::NO_STORE);
            }
        };
        let target: Target = address.lmtp.as_str().parse().map_err(|error| {
            warn!(%pair, %error, "a pair cannot be reached");
            replies::NO_STORE
        })?;
        let mut known = self.known();
        match known.get(pair) {
            Some(store) if *store.client.target() == target => Ok(Arc::clone(store)),
            _ => {
                let store = Arc::new(self.open(target));
                known.insert(pair.clone(), Arc::clone(&store));
                Ok(store)
            }
        }
    }

    fn open(&self, target: Target) -> Mailstore {
        let whole = self.settings.whole.0;
        let timeouts = Timeouts { connect: CONNECT, answer: whole, whole, ..Timeouts::default() };
        let client = Client::new(target, self.host.clone(), timeouts);
        Mailstore { client, places: Semaphore::new(self.settings.connections_max) }
    }

    fn known(&self) -> std::sync::MutexGuard<'_, HashMap<PairName, Arc<Mailstore>>> {
        // A change is one insertion: it stays whole whatever panics.
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Mailstore {
    async fn place(&self) -> tokio::sync::SemaphorePermit<'_> {
        self.places.acquire().await.expect("nobody closes it")
    }

    async fn deliver(&self, delivery: &Delivery, accounts: &[Address]) -> Vec<Result<(), Refusal>> {
        let envelope = envelope(delivery.sender.clone(), accounts);
        let content: &Content = &delivery.content;
        let _place = self.place().await;
        let told = self.client.deliver(&envelope, content).await;
        told.into_iter().map(|(_, outcome)| outcome.refusal().map(public).map_or(Ok(()), Err)).collect()
    }
}

/// What a client may hear. Where no mailstore has said anything, the reason names our own hosts, which are nobody's business. And who is here is the
/// directory's to say: a mailstore that does not know an account may be the one that it moved away from a moment ago.
fn public(refusal: Refusal) -> Refusal {
    let (reply, status) = (refusal.reply(), refusal.reply().status());
    let is_unknown = refusal.is_permanent() && status.is_some_and(|status| status.subject() == ADDRESS);
    if status != Some(BAD_CONNECTION) && !is_unknown {
        return refusal;
    }
    warn!(
        code = reply.code(),
        reason = reply.text().as_str(),
        "a mailstore does not do what the directory says"
    );
    replies::NO_STORE
}

fn envelope(sender: Sender, accounts: &[Address]) -> Envelope {
    let path = |account: &Address| {
        let mailbox = account.as_str().parse().expect("it was made from a mailbox");
        ForwardPath::Mailbox(mailbox)
    };
    let recipients = accounts.iter().map(path).collect();
    let is_utf8 = sender.is_utf8 || accounts.iter().any(|account| !account.as_str().is_ascii());
    Envelope { from: sender.from, is_utf8, recipients }
}

fn note(mail: MessageId, pair: &PairName, accounts: &[Address], outcomes: &[Result<(), Refusal>]) {
    for (account, outcome) in accounts.iter().zip(outcomes) {
        if let Err(refusal) = outcome {
            let reply = refusal.reply();
            info!(%mail, %pair, %account, code = reply.code(), reply = reply.text().as_str(), "not delivered");
        }
    }
}
