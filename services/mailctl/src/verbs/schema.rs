//! `mailctl schema`: the directory's tables.

use crate::failure::Failure;
use crate::output::{Output, thing};
use clap::Subcommand;
use mail::directory::database::migrations::VERSION;
use mail::directory::{DirectorySettings, Records};

#[derive(Debug, Subcommand)]
pub enum Verb {
    /// Make the tables, or bring them to the version of this program
    Upgrade,
    /// Say whether the tables are those of this program
    Check,
}

pub async fn run(verb: Verb, settings: &DirectorySettings, output: &mut Output) -> Result<(), Failure> {
    let opened = match verb {
        Verb::Upgrade => Records::open_or_make(settings),
        Verb::Check => Records::open(settings),
    };
    let records = opened.map_err(|error| Failure::operation(&error, error.hint()))?;
    let what = match verb {
        Verb::Upgrade => {
            records.upgrade().await?;
            "the directory's tables are of version"
        }
        Verb::Check => {
            records.check().await?;
            "the directory's tables are understood by version"
        }
    };
    output.changed(&format!("{what} {VERSION}"), thing([("version", VERSION.into())]))
}
