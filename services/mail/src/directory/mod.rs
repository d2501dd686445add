//! Who receives mail here: domains, accounts, aliases, and which pair of machines holds a mailbox.
//!
//! One schema over a SQLite file, for a single machine, or over MariaDB, for any number of them. Daemons only read it; `mailctl` changes it.
//!
//! | module | what it does | starts at |
//! | --- | --- | --- |
//! | [`model`] | the words: address, account, domain, pair, destinations | [`Recipient`], [`Account`] |
//! | [`settings`] | the `[directory]` table of a configuration file | [`DirectorySettings`] |
//! | [`records`] | what is stored, read | [`Records::open`] |
//! | [`resolve`] | where mail to an address goes, whatever loops the aliases make | [`resolve::resolve`] |
//! | [`cached`] | the same for a few seconds without asking again | [`Cached`] |
//! | [`changes`] | what `mailctl` does, each change whole or not at all | methods of [`Records`] |
//! | [`database`] | the two databases, as one that takes the same SQL; migrations | [`database::Database`] |
//!
//! A lookup has a bounded number of steps, whatever is stored, and every wait for a database ends. It never answers "no such user" because
//! something failed.

pub mod cached;
pub mod changes;
pub mod database;
mod error;
pub mod model;
pub mod records;
pub mod resolve;
pub mod settings;

pub use cached::Cached;
pub use error::{DirectoryError, Kind, Unresolvable};
pub use model::{
    Access, Account, Address, Destinations, Domain, Endpoint, LocalMailbox, PairAddress, PairName, Place,
    Recipient,
};
pub use records::Records;
pub use settings::DirectorySettings;

use crate::address::Mailbox;
use std::future::Future;

/// What daemons ask.
pub trait Directory: Send + Sync + 'static {
    /// Where mail to this address goes.
    fn recipient(&self, mailbox: &Mailbox) -> impl Future<Output = Result<Recipient, DirectoryError>> + Send;

    /// The account that logs in by this name, as it was typed.
    fn account(&self, login: &str) -> impl Future<Output = Result<Option<Account>, DirectoryError>> + Send;

    /// Where a pair is reached.
    fn pair(
        &self,
        name: &PairName,
    ) -> impl Future<Output = Result<Option<PairAddress>, DirectoryError>> + Send;
}
