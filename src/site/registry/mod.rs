//! Every node of the site, in memory and in the ledger. One task changes them, one change after the other; a
//! change is in the ledger before anybody hears of it.
//!
//! Entry points: [`build`] makes the task and its handle, [`Registry`] is what everybody else holds.

mod book;
mod same_machine;
mod standing;
mod tokens;
mod wishes;

pub use book::{BookError, Note};
pub use standing::{Admission, Place, Standing, Standings};
pub use wishes::{Wish, Wishes};

use crate::access::{Actor, Role, Secret, Token, Tokens};
use crate::definition::{DiskRule, ForeignData, WantedImage};
use crate::events::{About, EventKind};
use crate::lifecycle::{self, Consent};
use crate::shelf::Shelf;
use crate::view::NodeView;
use book::Book;
use std::collections::BTreeSet;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::MissedTickBehavior;
use tracing::{error, info};
use understudy_core::base::causes::with_causes;
use understudy_core::model::id::NodeId;
use understudy_core::model::name::Name;
use understudy_core::model::ssh_key::SshPublicKey;
use understudy_core::protocol::instruction::Instruction;
use understudy_core::protocol::report::{Hello, Report};
use understudy_ledger::{Ledger, LedgerError, Revision, Txn};

/// How many callers wait for the task before further ones wait for a place.
const COMMANDS_MAX: usize = 1024;
/// The rack agent has one change out at a time, and tells of what changes nothing beside it.
const COMMITS_MAX: usize = 64;
/// How often deadlines are looked at.
const TICK: Duration = Duration::from_secs(5);

/// What a site's rules say about its nodes.
#[derive(Clone, Debug)]
pub struct Rules {
    pub image: WantedImage,
    pub serials: BTreeSet<String>,
    pub disk: DiskRule,
    pub foreign_data: ForeignData,
    /// Who may log in to approved nodes.
    pub operator_keys: Vec<SshPublicKey>,
}

/// A node has booted.
#[derive(Clone, Debug)]
pub struct HelloRequest {
    pub id: NodeId,
    /// Needed for a node that was never seen.
    pub code: Option<String>,
    pub address: IpAddr,
    pub hello: Hello,
    pub images_url: String,
}

/// A node says how it goes on.
#[derive(Clone, Debug)]
pub struct ReportRequest {
    pub id: NodeId,
    pub address: IpAddr,
    pub report: Report,
    pub images_url: String,
}

/// What a node hears, or why it hears nothing.
pub type NodeAnswer<T> = Result<T, NodeError>;

/// Why a node is not answered.
#[derive(Debug, thiserror::Error)]
pub enum NodeError {
    #[error("the node is new: its short code is needed")]
    CodeNeeded,
    #[error("too many machines wait for approval")]
    Crowded,
    #[error("the ledger did not take the change")]
    Ledger,
    #[error("the registry has ended")]
    Ended,
}

/// Why an operator's wish is not followed.
#[derive(Debug, thiserror::Error)]
pub enum OperatorError {
    #[error("there is no node {0}")]
    NoSuchNode(NodeId),
    #[error("{0}")]
    Declined(String),
    #[error("the ledger did not take the change; the site's log says why")]
    Ledger,
    #[error(
        "the disk of the site's state folder is full, so nothing was changed; make room there, then repeat this"
    )]
    DiskFull,
    #[error("there is a token {0} already; revoke it first, or choose another name")]
    TokenTaken(Name),
    #[error("there is no token {0}")]
    NoSuchToken(Name),
    #[error("there are {0} tokens already; revoke one that nobody uses")]
    TokensTooMany(usize),
    #[error("a token cannot be good for so long")]
    Expiry,
    #[error("the site is ending")]
    Ended,
}

impl OperatorError {
    /// What an operator hears of the ledger's error; the log has all of it.
    fn of(error: &BookError) -> Self {
        match error {
            BookError::Ledger(LedgerError::DiskFull(_)) => Self::DiskFull,
            _ => Self::Ledger,
        }
    }
}

/// A token that an operator wants.
#[derive(Clone, Debug)]
pub struct NewToken {
    pub name: Name,
    pub role: Role,
    /// How long it is good; for ever without.
    pub valid: Option<Duration>,
}

/// What an operator may ask of a node.
#[derive(Clone, Copy, Debug)]
pub enum Order {
    Approve(Consent),
    Retire,
}

enum Command {
    Hello(Box<HelloRequest>, oneshot::Sender<NodeAnswer<Instruction>>),
    Report(Box<ReportRequest>, oneshot::Sender<NodeAnswer<Instruction>>),
    Order(NodeId, Order, Actor, oneshot::Sender<Result<NodeView, OperatorError>>),
    NewToken(NewToken, Actor, oneshot::Sender<Result<(Token, Secret), OperatorError>>),
    RevokeToken(Name, Actor, oneshot::Sender<Result<(), OperatorError>>),
    Nodes(oneshot::Sender<Vec<NodeView>>),
    Record(EventKind, String),
    EventCount(oneshot::Sender<u64>),
}

/// A change of the rack agent with its events; it goes before whatever nodes say.
struct Commit {
    txn: Txn,
    notes: Vec<Note>,
    reply: oneshot::Sender<Committed>,
}

/// How a change of the rack agent ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Committed {
    Stored(Revision),
    /// A compare did not hold: nothing was written.
    Lost,
    /// Nobody knows.
    Unknown,
}

/// The way to the registry's task. The task ends when the last of these is gone.
#[derive(Clone, Debug)]
pub struct Registry {
    commands: mpsc::Sender<Command>,
    commits: mpsc::Sender<Commit>,
    wishes: Wishes,
    standings: Standings,
    tokens: Tokens,
}

/// The task itself.
pub struct RegistryTask {
    book: Book,
    commands: mpsc::Receiver<Command>,
    commits: mpsc::Receiver<Commit>,
}

/// Reads the ledger.
pub async fn build(
    ledger: Arc<dyn Ledger>,
    rules: Rules,
    shelf: watch::Receiver<Arc<Shelf>>,
) -> Result<(Registry, RegistryTask), BookError> {
    let (wishes, standings, tokens) = (Wishes::default(), Standings::default(), Tokens::default());
    let book = Book::open(ledger, rules, shelf, wishes.clone(), standings.clone(), tokens.clone()).await?;
    let (sender, commands) = mpsc::channel(COMMANDS_MAX);
    let (commit_sender, commits) = mpsc::channel(COMMITS_MAX);
    let registry = Registry { commands: sender, commits: commit_sender, wishes, standings, tokens };
    Ok((registry, RegistryTask { book, commands, commits }))
}

impl Registry {
    /// A node's hello.
    pub async fn hello(&self, request: HelloRequest) -> NodeAnswer<Instruction> {
        self.ask(|reply| Command::Hello(Box::new(request), reply)).await.ok_or(NodeError::Ended)?
    }

    /// A node's report.
    pub async fn report(&self, request: ReportRequest) -> NodeAnswer<Instruction> {
        self.ask(|reply| Command::Report(Box::new(request), reply)).await.ok_or(NodeError::Ended)?
    }

    /// An operator's wish for one node.
    pub async fn order(&self, id: NodeId, order: Order, by: Actor) -> Result<NodeView, OperatorError> {
        self.ask(|reply| Command::Order(id, order, by, reply)).await.ok_or(OperatorError::Ended)?
    }

    /// Makes a token; its secret is shown this once.
    pub async fn new_token(&self, wanted: NewToken, by: Actor) -> Result<(Token, Secret), OperatorError> {
        self.ask(|reply| Command::NewToken(wanted, by, reply)).await.ok_or(OperatorError::Ended)?
    }

    /// Ends a token.
    pub async fn revoke_token(&self, name: Name, by: Actor) -> Result<(), OperatorError> {
        self.ask(|reply| Command::RevokeToken(name, by, reply)).await.ok_or(OperatorError::Ended)?
    }

    /// Who gets in over TLS.
    pub fn tokens(&self) -> &Tokens {
        &self.tokens
    }

    /// All nodes, the oldest first; `None` when the site is ending.
    pub async fn nodes(&self) -> Option<Vec<NodeView>> {
        self.ask(Command::Nodes).await
    }

    /// How many events there are.
    pub async fn event_count(&self) -> Option<u64> {
        self.ask(Command::EventCount).await
    }

    /// Adds an event that is about no node.
    pub async fn record(&self, kind: EventKind, text: String) {
        // When the task has ended there is nobody left to tell.
        let _ = self.commands.send(Command::Record(kind, text)).await;
    }

    /// Changes the ledger and adds events, both or neither, before anything that nodes are waiting for.
    pub async fn commit(&self, txn: Txn, notes: Vec<Note>) -> Committed {
        let (reply, answer) = oneshot::channel();
        match self.commits.send(Commit { txn, notes, reply }).await {
            Ok(()) => answer.await.unwrap_or(Committed::Unknown),
            // The task has ended: nothing of it was begun.
            Err(_) => Committed::Lost,
        }
    }

    /// What boot requests lead to.
    pub fn wishes(&self) -> &Wishes {
        &self.wishes
    }

    /// What is known of approved nodes, without asking the task.
    pub fn standings(&self) -> &Standings {
        &self.standings
    }

    async fn ask<T>(&self, command: impl FnOnce(oneshot::Sender<T>) -> Command) -> Option<T> {
        let (reply, answer) = oneshot::channel();
        self.commands.send(command(reply)).await.ok()?;
        answer.await.ok()
    }
}

impl RegistryTask {
    /// Runs until nobody can ask any more.
    pub async fn run(mut self) {
        let mut tick = tokio::time::interval(TICK);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        self.note(EventKind::SiteStarted, "the site has started").await;
        loop {
            tokio::select! {
                biased;
                Some(commit) = self.commits.recv() => self.commit(commit).await,
                _ = tick.tick() => self.book.tick().await,
                command = self.commands.recv() => match command {
                    Some(command) => self.follow(command).await,
                    None => break,
                },
            }
        }
        self.note(EventKind::SiteStopped, "the site has ended in order").await;
    }

    async fn follow(&mut self, command: Command) {
        // Whoever asked may have stopped waiting: then nobody is told, and the change stands.
        match command {
            Command::Hello(request, reply) => drop(reply.send(self.book.hello(*request).await)),
            Command::Report(request, reply) => drop(reply.send(self.book.report(*request).await)),
            Command::NewToken(wanted, by, reply) => {
                drop(reply.send(self.book.new_token(wanted, &by).await));
            }
            Command::RevokeToken(name, by, reply) => {
                drop(reply.send(self.book.revoke_token(&name, &by).await));
            }
            Command::Order(id, order, by, reply) => {
                let event = match order {
                    Order::Approve(consent) => lifecycle::Event::Approve(consent),
                    Order::Retire => lifecycle::Event::Retire,
                };
                drop(reply.send(self.book.order(&id, event, &by).await));
            }
            Command::Nodes(reply) => drop(reply.send(self.book.views())),
            Command::Record(kind, text) => self.note(kind, &text).await,
            Command::EventCount(reply) => drop(reply.send(self.book.event_count())),
        }
    }

    async fn commit(&mut self, Commit { txn, notes, reply }: Commit) {
        let stored = match self.book.refresh().await {
            Ok(()) => self.book.commit_noted(txn, &notes).await,
            Err(failure) => Err(failure),
        };
        let committed = match stored {
            Ok(revision) => {
                for Note { kind, about, text } in &notes {
                    let About { node, identity, epoch, .. } = about;
                    info!(?kind, ?node, ?identity, ?epoch, text, "an event of the rack");
                }
                Committed::Stored(revision)
            }
            Err(BookError::Moved(key)) => {
                info!(%key, "a change of the rack agent was overtaken");
                Committed::Lost
            }
            Err(failure) => {
                error!(error = with_causes(&failure), "cannot store a change of the rack agent");
                Committed::Unknown
            }
        };
        // As above: whoever asked may have stopped waiting.
        let _ = reply.send(committed);
    }

    async fn note(&mut self, kind: EventKind, text: &str) {
        if let Err(failure) = self.book.record(kind, text).await {
            error!(error = with_causes(&failure), text, "cannot store an event");
        }
    }
}
