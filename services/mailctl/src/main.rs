//! `mailctl`: the operator's hand on the mail directory.
//!
//! `mailctl schema|pair|domain|account|alias|mailbox VERB`, and `mailctl resolve ADDRESS`. What it reads goes to standard output, as
//! text or with `--json`; everything else is said on standard error, an error with its next step. Exit codes: 0 done, 1 the operation failed,
//! 2 the input must be fixed. A password is only ever read from standard input. What the directory does is in the library `mail`
//! (`mail::directory`): one file here is one word of the command line.
//!
//! It opens no socket but the database's, and touches no messages: an account that is removed leaves its mail on its pair.

mod arguments;
mod failure;
mod output;
mod password;
mod settings;
mod verbs;

use arguments::{Arguments, Word};
use clap::Parser;
use failure::Failure;
use mail::directory::Records;
use output::Output;
use settings::Settings;
use std::process::ExitCode;

fn main() -> ExitCode {
    // Ends with 2 where the command line is wrong.
    let arguments = Arguments::parse();
    match run(arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.report(),
    }
}

fn run(arguments: Arguments) -> Result<(), Failure> {
    let settings: Settings = mail::config::read(&arguments.config).map_err(Failure::config)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime =
        runtime.map_err(|error| Failure::operation(&error, "see how many threads may run: ulimit -u"))?;
    let mut output = Output::new(arguments.json);
    runtime.block_on(obey(arguments.word, &settings, &mut output))
}

async fn obey(word: Word, settings: &Settings, output: &mut Output) -> Result<(), Failure> {
    let directory = &settings.directory;
    if let Word::Schema { verb } = word {
        return verbs::schema::run(verb, directory, output).await;
    }
    let records = Records::open(directory).map_err(|error| Failure::operation(&error, error.hint()))?;
    records.check().await?;
    match word {
        Word::Schema { .. } => Ok(()),
        Word::Pair { verb } => verbs::pair::run(verb, &records, output).await,
        Word::Domain { verb } => verbs::domain::run(verb, &records, output).await,
        Word::Account { verb } => verbs::account::run(verb, &records, output).await,
        Word::Alias { verb } => verbs::alias::run(verb, &records, output).await,
        Word::Mailbox { verb } => verbs::mailbox::run(verb, &records, output).await,
        Word::Resolve { address } => verbs::resolve::run(&address, &records, output).await,
    }
}
