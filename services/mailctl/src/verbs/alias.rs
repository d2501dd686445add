//! `mailctl alias`: addresses that lead to others.

use super::{list, missing, removed};
use crate::failure::Failure;
use crate::output::{Output, Thing, text, texts, thing};
use clap::{Args, Subcommand};
use mail::address::Mailbox;
use mail::directory::model::domain_name;
use mail::directory::{Address, Kind, Records};

#[derive(Debug, Subcommand)]
pub enum Verb {
    /// Add an alias
    Add {
        address: Address,
        /// Where its mail goes; may be said again
        #[arg(long, required = true, value_name = "ADDRESS")]
        to: Vec<Mailbox>,
    },
    /// List aliases
    List {
        /// Only those of one domain
        #[arg(long, value_parser = domain_name)]
        domain: Option<String>,
    },
    /// Show one, with where it leads
    Show { address: Address },
    /// Change where it leads
    Set {
        address: Address,
        #[command(flatten)]
        changes: Changes,
    },
    /// Remove one
    Remove { address: Address },
}

#[derive(Debug, Args)]
#[group(required = true, multiple = true)]
pub struct Changes {
    /// Where its mail goes as well; may be said again
    #[arg(long, value_name = "ADDRESS")]
    to: Vec<Mailbox>,
    /// Where it goes no more; may be said again
    #[arg(long, value_name = "ADDRESS")]
    not_to: Vec<Mailbox>,
}

pub async fn run(verb: Verb, records: &Records, output: &mut Output) -> Result<(), Failure> {
    match verb {
        Verb::Add { address, to } => {
            records.add_alias(&address, &to).await?;
            output.changed(&format!("added alias {address}"), read(records, &address).await?)
        }
        Verb::List { domain } => {
            let domain = domain.unwrap_or_default();
            list(output, async |page| {
                let mut things = Vec::new();
                for address in records.aliases(&domain, &page).await? {
                    let targets = records.targets(&address).await?;
                    things.push((address.to_string(), shown(&address, &targets)));
                }
                Ok(things)
            })
            .await
        }
        Verb::Show { address } => output.show(read(records, &address).await?),
        Verb::Set { address, changes: Changes { to, not_to } } => {
            records.set_alias(&address, &to, &not_to).await?;
            output.changed(&format!("changed alias {address}"), read(records, &address).await?)
        }
        Verb::Remove { address } => {
            records.remove_alias(&address).await?;
            removed(output, Kind::Alias, address)
        }
    }
}

async fn read(records: &Records, address: &Address) -> Result<Thing, Failure> {
    let targets = records.alias(address).await?.ok_or_else(|| missing(Kind::Alias, address))?;
    Ok(shown(address, &targets))
}

fn shown(address: &Address, targets: &[Mailbox]) -> Thing {
    thing([("address", text(address)), ("to", texts(targets))])
}
