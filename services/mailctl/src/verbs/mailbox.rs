//! `mailctl mailbox`: which pair holds an account's mailbox, and how big it may be.

use super::{list, missing, removed};
use crate::arguments::OrNone;
use crate::failure::Failure;
use crate::output::{Output, Thing, maybe, text, thing};
use clap::{Args, Subcommand};
use mail::config::Octets;
use mail::directory::{Address, Kind, PairName, Place, Records};

#[derive(Debug, Subcommand)]
pub enum Verb {
    /// Give an account a mailbox
    Add {
        account: Address,
        #[arg(long)]
        pair: PairName,
        /// How big it may be, such as 5GiB; or none
        #[arg(long, value_name = "SIZE", default_value = "none")]
        quota: OrNone<Octets>,
    },
    /// List mailboxes
    List {
        /// Only those on one pair
        #[arg(long)]
        pair: Option<PairName>,
    },
    /// Show one
    Show { account: Address },
    /// Change its quota, or where it is; messages are not moved by this
    Set {
        account: Address,
        #[command(flatten)]
        changes: Changes,
    },
    /// Take an account's mailbox from it; messages stay on the pair
    Remove { account: Address },
}

#[derive(Debug, Args)]
#[group(required = true, multiple = true)]
pub struct Changes {
    /// Which pair holds it from now on
    #[arg(long)]
    pair: Option<PairName>,
    /// How big it may be, such as 5GiB; or none
    #[arg(long, value_name = "SIZE")]
    quota: Option<OrNone<Octets>>,
}

pub async fn run(verb: Verb, records: &Records, output: &mut Output) -> Result<(), Failure> {
    match verb {
        Verb::Add { account, pair, quota: OrNone(quota) } => {
            let place = Place { pair, quota };
            records.add_mailbox(&account, &place).await?;
            output.changed(&format!("added mailbox {account}"), shown(&account, &place))
        }
        Verb::List { pair } => {
            let pair = pair.map(|pair| pair.to_string()).unwrap_or_default();
            list(output, async |page| {
                let mailboxes = records.mailboxes(&pair, &page).await?;
                Ok(mailboxes
                    .iter()
                    .map(|(account, place)| (account.to_string(), shown(account, place)))
                    .collect())
            })
            .await
        }
        Verb::Show { account } => output.show(read(records, &account).await?),
        Verb::Set { account, changes: Changes { pair, quota } } => {
            records.set_mailbox(&account, pair.as_ref(), quota.map(|OrNone(quota)| quota)).await?;
            output.changed(&format!("changed mailbox {account}"), read(records, &account).await?)
        }
        Verb::Remove { account } => {
            records.remove_mailbox(&account).await?;
            removed(output, Kind::Mailbox, account)
        }
    }
}

async fn read(records: &Records, account: &Address) -> Result<Thing, Failure> {
    let found = records.account_by_name(account).await?.and_then(|account| account.mailbox);
    let place = found.ok_or_else(|| missing(Kind::Mailbox, account))?;
    Ok(shown(account, &place))
}

fn shown(account: &Address, Place { pair, quota }: &Place) -> Thing {
    thing([("account", text(account)), ("pair", text(pair)), ("quota", maybe(*quota))])
}
