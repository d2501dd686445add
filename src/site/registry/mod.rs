//! Every node of the site, in memory and in the ledger. One task changes them, one change after the other; a
//! change is in the ledger before anybody hears of it.
//!
//! Entry points: [`build`] makes the task and its handle, [`Registry`] is what everybody else holds.

mod book;
mod same_machine;
mod wishes;

pub use book::BookError;
pub use wishes::{Wish, Wishes};

use crate::definition::{DiskRule, ForeignData, WantedImage};
use crate::events::EventKind;
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
use tracing::error;
use understudy_core::base::causes::with_causes;
use understudy_core::model::id::NodeId;
use understudy_core::protocol::instruction::Instruction;
use understudy_core::protocol::report::{Hello, Report};
use understudy_ledger::Ledger;

/// How many callers wait for the task before further ones wait for a place.
const COMMANDS_MAX: usize = 1024;
/// How often deadlines are looked at.
const TICK: Duration = Duration::from_secs(5);

/// What a site's rules say about its nodes.
#[derive(Clone, Debug)]
pub struct Rules {
    pub image: WantedImage,
    pub serials: BTreeSet<String>,
    pub disk: DiskRule,
    pub foreign_data: ForeignData,
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
    #[error("the site is ending")]
    Ended,
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
    Order(NodeId, Order, oneshot::Sender<Result<NodeView, OperatorError>>),
    Nodes(oneshot::Sender<Vec<NodeView>>),
    Record(EventKind, String),
    EventCount(oneshot::Sender<u64>),
}

/// The way to the registry's task. The task ends when the last of these is gone.
#[derive(Clone, Debug)]
pub struct Registry {
    commands: mpsc::Sender<Command>,
    wishes: Wishes,
}

/// The task itself.
pub struct RegistryTask {
    book: Book,
    commands: mpsc::Receiver<Command>,
}

/// Reads the ledger.
pub async fn build(
    ledger: Arc<dyn Ledger>,
    rules: Rules,
    shelf: watch::Receiver<Arc<Shelf>>,
) -> Result<(Registry, RegistryTask), BookError> {
    let wishes = Wishes::default();
    let book = Book::open(ledger, rules, shelf, wishes.clone()).await?;
    let (sender, commands) = mpsc::channel(COMMANDS_MAX);
    Ok((Registry { commands: sender, wishes }, RegistryTask { book, commands }))
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
    pub async fn order(&self, id: NodeId, order: Order) -> Result<NodeView, OperatorError> {
        self.ask(|reply| Command::Order(id, order, reply)).await.ok_or(OperatorError::Ended)?
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

    /// What boot requests lead to.
    pub fn wishes(&self) -> &Wishes {
        &self.wishes
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
                command = self.commands.recv() => match command {
                    Some(command) => self.follow(command).await,
                    None => break,
                },
                _ = tick.tick() => self.book.tick().await,
            }
        }
        self.note(EventKind::SiteStopped, "the site has ended in order").await;
    }

    async fn follow(&mut self, command: Command) {
        // Whoever asked may have stopped waiting: then nobody is told, and the change stands.
        match command {
            Command::Hello(request, reply) => drop(reply.send(self.book.hello(*request).await)),
            Command::Report(request, reply) => drop(reply.send(self.book.report(*request).await)),
            Command::Order(id, order, reply) => {
                let event = match order {
                    Order::Approve(consent) => lifecycle::Event::Approve(consent),
                    Order::Retire => lifecycle::Event::Retire,
                };
                drop(reply.send(self.book.order(&id, event).await));
            }
            Command::Nodes(reply) => drop(reply.send(self.book.views())),
            Command::Record(kind, text) => self.note(kind, &text).await,
            Command::EventCount(reply) => drop(reply.send(self.book.event_count())),
        }
    }

    async fn note(&mut self, kind: EventKind, text: &str) {
        if let Err(failure) = self.book.record(kind, text).await {
            error!(error = with_causes(&failure), text, "cannot store an event");
        }
    }
}
