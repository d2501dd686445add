//! Filters in their order.

use super::{AddedField, Filter, FilterError, Message, Verdict};
use crate::replies;
use mail::config::Period;
use mail::observe::{Counter, Measured, Page};
use mail::reply::Refusal;
use serde::Deserialize;
use std::sync::Arc;
use tokio::time::timeout;
use tokio_util::task::AbortOnDropHandle;
use tracing::{info, warn};

/// On which terms a filter is asked; part of the table of each engine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Terms {
    /// The times of all filters together are less than a client waits (ten minutes, with the delivery behind them).
    pub timeout: Period,
    pub on_failure: OnFailure,
}

/// What becomes of a message that a filter did not look at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OnFailure {
    /// It goes on (fail open).
    Accept,
    /// It is refused for now (fail closed).
    Defer,
}

/// All filters of a daemon, asked one after the other. The first one that refuses ends it.
#[derive(Default)]
pub struct Chain {
    links: Vec<Link>,
}

pub struct Link {
    filter: Arc<dyn Filter>,
    terms: Terms,
    numbers: Numbers,
}

#[derive(Default)]
struct Numbers {
    accepted: Counter,
    rejected: Counter,
    deferred: Counter,
    failed: Counter,
}

impl Link {
    pub fn new(filter: Arc<dyn Filter>, terms: Terms) -> Self {
        Self { filter, terms, numbers: Numbers::default() }
    }
}

impl Chain {
    /// In this order.
    pub fn new(links: Vec<Link>) -> Self {
        Self { links }
    }

    /// The fields that no message may bring.
    pub fn fields(&self) -> Vec<&'static str> {
        self.links.iter().flat_map(|link| link.filter.fields()).copied().collect()
    }

    /// The fields to add, or why the message is not taken.
    pub async fn check(&self, message: &Arc<Message>) -> Result<Vec<AddedField>, Refusal> {
        let mut added = Vec::new();
        for link in &self.links {
            added.extend(link.check(message).await?);
        }
        Ok(added)
    }
}

impl Link {
    async fn check(&self, message: &Arc<Message>) -> Result<Vec<AddedField>, Refusal> {
        let (name, mail) = (self.filter.name(), message.id);
        match self.ask(Arc::clone(message)).await {
            Ok(Verdict::Accept) => {
                self.numbers.accepted.one_more();
                Ok(Vec::new())
            }
            Ok(Verdict::Add(fields)) => {
                self.numbers.accepted.one_more();
                Ok(fields)
            }
            Ok(Verdict::Reject(refusal)) => {
                self.numbers.rejected.one_more();
                info!(%mail, filter = name, reply = %refusal.reply().text().as_str(), "rejected");
                Err(refusal)
            }
            Ok(Verdict::Defer(refusal)) => {
                self.numbers.deferred.one_more();
                info!(%mail, filter = name, reply = %refusal.reply().text().as_str(), "deferred");
                // A filter that waits for something must not lose mail by a wrong code.
                Err(if refusal.is_permanent() { replies::NOT_CHECKED } else { refusal })
            }
            Err(error) => {
                self.numbers.failed.one_more();
                let error = &error as &dyn std::error::Error;
                warn!(%mail, filter = name, error, on_failure = ?self.terms.on_failure, "a filter failed");
                match self.terms.on_failure {
                    OnFailure::Accept => Ok(Vec::new()),
                    OnFailure::Defer => Err(replies::NOT_CHECKED),
                }
            }
        }
    }

    /// In a task of its own: one that breaks has failed, and breaks nothing else.
    async fn ask(&self, message: Arc<Message>) -> Result<Verdict, FilterError> {
        let filter = Arc::clone(&self.filter);
        let look = tokio::spawn(async move { filter.check(&message).await });
        match timeout(self.terms.timeout.0, AbortOnDropHandle::new(look)).await {
            Ok(Ok(verdict)) => verdict,
            Ok(Err(broken)) => Err(FilterError(Box::new(broken))),
            Err(slow) => Err(FilterError(Box::new(slow))),
        }
    }
}

impl Measured for Chain {
    fn measure(&self, page: &mut Page) {
        for link in &self.links {
            let numbers = &link.numbers;
            for (verdict, counter) in [
                ("accepted", &numbers.accepted),
                ("rejected", &numbers.rejected),
                ("deferred", &numbers.deferred),
                ("failed", &numbers.failed),
            ] {
                let labels = [("filter", link.filter.name()), ("verdict", verdict)];
                let help = "Messages that a filter looked at.";
                page.counter("inbound_filter_verdicts_total", help, &labels, counter.get());
            }
        }
    }
}

#[cfg(test)]
#[path = "chain_tests.rs"]
mod tests;
