//! Filters: what looks into a message before it is delivered, such as engines against spam and viruses. The engines plug in here; which order
//! they have, how long each may take, and what becomes of mail when one fails, is the [`Chain`]'s.
//!
//! A filter that breaks, takes too long, or cannot be reached has failed, and [`OnFailure`] says whether the message goes on without it or is
//! refused for now; a failure is never told as a verdict. A filter gets the message as it would be delivered, with our trace fields on top.
//!
//! Fields that filters add stand below our trace fields. Mailstores know the repeat of a message by all that stands there, so a field
//! that says something else each time (a score, a time) makes a repeat another message: a filter writes only what it would
//! write again.
//!
//! Entry points: [`Filter`], [`Chain::new`], [`Chain::check`].

mod chain;
mod field;

pub use chain::{Chain, Link, OnFailure, Terms};
pub use field::{AddedField, FieldError};

use crate::authentication::Results;
use mail::content::Content;
use mail::engine::Envelope;
use mail::message_id::MessageId;
use mail::reply::Refusal;
use std::error::Error;
use std::net::IpAddr;
use std::pin::Pin;

/// One engine.
pub trait Filter: Send + Sync + 'static {
    /// In logs and metrics.
    fn name(&self) -> &'static str;

    /// The fields that it may add. Nobody else writes them: those that a message brings are taken out before.
    fn fields(&self) -> &'static [&'static str] {
        &[]
    }

    /// Looks at a message. It may be dropped at any time.
    fn check<'a>(&'a self, message: &'a Message) -> Checking<'a>;
}

/// A look that takes its time.
pub type Checking<'a> = Pin<Box<dyn Future<Output = Result<Verdict, FilterError>> + Send + 'a>>;

/// What filters see.
#[derive(Debug)]
pub struct Message {
    pub id: MessageId,
    pub client: IpAddr,
    /// Version and cipher suite.
    pub tls: Option<String>,
    pub envelope: Envelope,
    pub content: Content,
    /// Whom the message is from, as far as that can be told.
    pub results: Results,
}

/// What a filter says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    Accept,
    /// Take it with these fields.
    Add(Vec<AddedField>),
    /// For good; a refusal for now is one for now.
    Reject(Refusal),
    /// For now.
    Defer(Refusal),
}

/// A filter has no verdict.
#[derive(Debug, thiserror::Error)]
#[error("the filter failed")]
pub struct FilterError(#[source] pub Box<dyn Error + Send + Sync>);
