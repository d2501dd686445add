//! `mailctl domain`: domains whose mail comes here.

use super::{list, missing, removed};
use crate::arguments::{OrNone, Separator};
use crate::failure::Failure;
use crate::output::{Output, Thing, maybe, text, thing};
use clap::{Args, Subcommand};
use mail::address::Mailbox;
use mail::directory::changes::DomainChange;
use mail::directory::model::domain_name;
use mail::directory::{Domain, Kind, Records};

#[derive(Debug, Subcommand)]
pub enum Verb {
    /// Add a domain
    Add {
        #[arg(value_parser = domain_name)]
        name: String,
        /// What stands between user and tag, as in user+tag; or none
        #[arg(long, default_value = "+", value_name = "CHARACTER")]
        separator: OrNone<Separator>,
        /// Who receives what nobody else does
        #[arg(long, value_name = "ADDRESS")]
        catch_all: Option<Mailbox>,
    },
    /// List all domains
    List,
    /// Show one
    Show {
        #[arg(value_parser = domain_name)]
        name: String,
    },
    /// Change one
    Set {
        #[arg(value_parser = domain_name)]
        name: String,
        #[command(flatten)]
        changes: Changes,
    },
    /// Remove one that has neither accounts nor aliases
    Remove {
        #[arg(value_parser = domain_name)]
        name: String,
    },
}

#[derive(Debug, Args)]
#[group(required = true, multiple = true)]
pub struct Changes {
    /// What stands between user and tag, as in user+tag; or none
    #[arg(long, value_name = "CHARACTER")]
    separator: Option<OrNone<Separator>>,
    /// Who receives what nobody else does; or none
    #[arg(long, value_name = "ADDRESS")]
    catch_all: Option<OrNone<Mailbox>>,
}

pub async fn run(verb: Verb, records: &Records, output: &mut Output) -> Result<(), Failure> {
    match verb {
        Verb::Add { name, separator: OrNone(separator), catch_all } => {
            let domain = Domain { name, separator: separator.map(|Separator(letter)| letter), catch_all };
            records.add_domain(&domain).await?;
            output.changed(&format!("added domain {}", domain.name), shown(&domain))
        }
        Verb::List => {
            list(output, async |page| {
                let domains = records.domains(&page).await?;
                Ok(domains.iter().map(|domain| (domain.name.clone(), shown(domain))).collect())
            })
            .await
        }
        Verb::Show { name } => output.show(read(records, &name).await?),
        Verb::Set { name, changes } => {
            let separator =
                changes.separator.map(|OrNone(separator)| separator.map(|Separator(letter)| letter));
            let catch_all = changes.catch_all.map(|OrNone(target)| target);
            records.set_domain(&name, &DomainChange { separator, catch_all }).await?;
            output.changed(&format!("changed domain {name}"), read(records, &name).await?)
        }
        Verb::Remove { name } => {
            records.remove_domain(&name).await?;
            removed(output, Kind::Domain, name)
        }
    }
}

async fn read(records: &Records, name: &str) -> Result<Thing, Failure> {
    let domain = records.domain(name).await?.ok_or_else(|| missing(Kind::Domain, name))?;
    Ok(shown(&domain))
}

fn shown(Domain { name, separator, catch_all }: &Domain) -> Thing {
    thing([("name", text(name)), ("separator", maybe(*separator)), ("catch_all", maybe(catch_all.as_ref()))])
}
