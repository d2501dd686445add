//! `mailctl account`: who logs in, and where else their mail goes.

use super::{list, missing, removed};
use crate::arguments::OrNone;
use crate::failure::Failure;
use crate::output::{Output, Thing, maybe, text, texts, thing};
use crate::password;
use clap::{Args, Subcommand};
use mail::address::Mailbox;
use mail::config::Octets;
use mail::directory::changes::{AccountChange, NewAccount};
use mail::directory::model::domain_name;
use mail::directory::{Access, Account, Address, Kind, PairName, Place, Records};

#[derive(Debug, Subcommand)]
pub enum Verb {
    /// Add an account, with its mailbox where a pair is named
    Add {
        address: Address,
        /// Which pair holds its mailbox; without one its mail is only forwarded
        #[arg(long)]
        pair: Option<PairName>,
        /// How big the mailbox may be, such as 5GiB; or none
        #[arg(long, requires = "pair", value_name = "SIZE", default_value = "none")]
        quota: OrNone<Octets>,
        /// Read its password from standard input; without one nobody logs in
        #[arg(long)]
        password_stdin: bool,
    },
    /// List accounts
    List {
        /// Only those of one domain
        #[arg(long, value_parser = domain_name)]
        domain: Option<String>,
    },
    /// Show one, with its forwards
    Show { address: Address },
    /// Change one
    Set {
        address: Address,
        #[command(flatten)]
        changes: Changes,
    },
    /// Remove one; its mail stays on its pair
    Remove { address: Address },
}

#[derive(Debug, Args)]
#[group(required = true, multiple = true)]
pub struct Changes {
    /// Read a new password from standard input
    #[arg(long)]
    password_stdin: bool,
    /// Nobody logs in any more; mail still comes
    #[arg(long, conflicts_with = "unlock")]
    lock: bool,
    /// Logging in is possible again
    #[arg(long)]
    unlock: bool,
    /// Send its mail there as well
    #[arg(long, value_name = "ADDRESS")]
    forward: Vec<Mailbox>,
    /// Send its mail there no more
    #[arg(long, value_name = "ADDRESS")]
    no_forward: Vec<Mailbox>,
    /// Keep what is forwarded in the mailbox as well
    #[arg(long, conflicts_with = "no_keep_copy")]
    keep_copy: bool,
    /// Keep nothing of what is forwarded
    #[arg(long)]
    no_keep_copy: bool,
}

pub async fn run(verb: Verb, records: &Records, output: &mut Output) -> Result<(), Failure> {
    match verb {
        Verb::Add { address, pair, quota: OrNone(quota), password_stdin } => {
            let password = if password_stdin { Some(password::from_stdin()?) } else { None };
            let mailbox = pair.map(|pair| Place { pair, quota });
            records.add_account(&NewAccount { name: address.clone(), password, mailbox }).await?;
            output.changed(&format!("added account {address}"), read(records, &address).await?)
        }
        Verb::List { domain } => {
            let domain = domain.unwrap_or_default();
            list(output, async |page| {
                let accounts = records.accounts(&domain, &page).await?;
                Ok(accounts.iter().map(|account| (account.name.to_string(), shown(account))).collect())
            })
            .await
        }
        Verb::Show { address } => output.show(read(records, &address).await?),
        Verb::Set { address, changes } => {
            records.set_account(&address, &change(changes)?).await?;
            output.changed(&format!("changed account {address}"), read(records, &address).await?)
        }
        Verb::Remove { address } => {
            records.remove_account(&address).await?;
            removed(output, Kind::Account, address)
        }
    }
}

fn change(changes: Changes) -> Result<AccountChange, Failure> {
    let password = if changes.password_stdin { Some(password::from_stdin()?) } else { None };
    let access = match (changes.lock, changes.unlock) {
        (true, _) => Some(Access::Locked),
        (_, true) => Some(Access::Open),
        _ => None,
    };
    let keeps_copy = match (changes.keep_copy, changes.no_keep_copy) {
        (true, _) => Some(true),
        (_, true) => Some(false),
        _ => None,
    };
    let (add_targets, remove_targets) = (changes.forward, changes.no_forward);
    Ok(AccountChange { password, access, keeps_copy, add_targets, remove_targets })
}

/// Lists do without the forwards, which are a question each.
async fn read(records: &Records, address: &Address) -> Result<Thing, Failure> {
    let account = records.account_by_name(address).await?;
    let account = account.ok_or_else(|| missing(Kind::Account, address))?;
    let mut thing = shown(&account);
    thing.insert("keeps_copy".to_owned(), account.keeps_copy.into());
    thing.insert("forwards".to_owned(), texts(&records.targets(address).await?));
    Ok(thing)
}

fn shown(account: &Account) -> Thing {
    let place = account.mailbox.as_ref();
    thing([
        ("address", text(&account.name)),
        ("locked", (account.access == Access::Locked).into()),
        ("password", account.password.is_some().into()),
        ("pair", maybe(place.map(|place| &place.pair))),
        ("quota", maybe(place.and_then(|place| place.quota))),
    ])
}
