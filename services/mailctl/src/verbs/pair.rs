//! `mailctl pair`: machines that hold mailboxes, two by two.

use super::{list, missing, removed};
use crate::failure::Failure;
use crate::output::{Output, Thing, text, thing};
use clap::{Args, Subcommand};
use mail::directory::changes::PairChange;
use mail::directory::{Directory, Endpoint, Kind, PairAddress, PairName, Records};

#[derive(Debug, Subcommand)]
pub enum Verb {
    /// Add a pair; its places are HOST:PORT
    Add {
        name: PairName,
        #[arg(long, value_name = "PLACE")]
        lmtp: Endpoint,
        #[arg(long, value_name = "PLACE")]
        imap: Endpoint,
        #[arg(long, value_name = "PLACE")]
        pop3: Endpoint,
    },
    /// List all pairs
    List,
    /// Show one
    Show { name: PairName },
    /// Change where it is reached
    Set {
        name: PairName,
        #[command(flatten)]
        changes: Changes,
    },
    /// Remove one that holds no mailbox
    Remove { name: PairName },
}

#[derive(Debug, Args)]
#[group(required = true, multiple = true)]
pub struct Changes {
    #[arg(long, value_name = "PLACE")]
    lmtp: Option<Endpoint>,
    #[arg(long, value_name = "PLACE")]
    imap: Option<Endpoint>,
    #[arg(long, value_name = "PLACE")]
    pop3: Option<Endpoint>,
}

pub async fn run(verb: Verb, records: &Records, output: &mut Output) -> Result<(), Failure> {
    match verb {
        Verb::Add { name, lmtp, imap, pop3 } => {
            let address = PairAddress { lmtp, imap, pop3 };
            records.add_pair(&name, &address).await?;
            output.changed(&format!("added pair {name}"), shown(&name, &address))
        }
        Verb::List => {
            list(output, async |page| {
                let pairs = records.pairs(&page).await?;
                Ok(pairs.iter().map(|(name, address)| (name.to_string(), shown(name, address))).collect())
            })
            .await
        }
        Verb::Show { name } => output.show(read(records, &name).await?),
        Verb::Set { name, changes: Changes { lmtp, imap, pop3 } } => {
            records.set_pair(&name, &PairChange { lmtp, imap, pop3 }).await?;
            output.changed(&format!("changed pair {name}"), read(records, &name).await?)
        }
        Verb::Remove { name } => {
            records.remove_pair(&name).await?;
            removed(output, Kind::Pair, name)
        }
    }
}

async fn read(records: &Records, name: &PairName) -> Result<Thing, Failure> {
    let address = records.pair(name).await?.ok_or_else(|| missing(Kind::Pair, name))?;
    Ok(shown(name, &address))
}

fn shown(name: &PairName, PairAddress { lmtp, imap, pop3 }: &PairAddress) -> Thing {
    thing([("name", text(name)), ("lmtp", text(lmtp)), ("imap", text(imap)), ("pop3", text(pop3))])
}
