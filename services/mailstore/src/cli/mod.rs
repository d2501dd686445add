//! The command line. Data goes to stdout, talk to stderr. Exit codes: 0 done, 1 it failed or something is wrong, 2 the words were wrong.

mod account;
mod check;
mod compact;
mod export;
mod import;
mod serve;

use clap::{Parser, Subcommand};
use mailstore::{AccountName, Config, Store};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

#[derive(Debug, Parser)]
#[command(name = "mailstore", version, about = "Mailboxes on one volume", arg_required_else_help = true)]
struct Command {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    Account(account::Account),
    Check(check::Check),
    Compact(compact::Compact),
    Export(export::Export),
    Import(import::Import),
    Serve(serve::Serve),
}

/// A volume that is there: none of these verbs makes one by mistake.
#[derive(Debug, clap::Args)]
struct Volume {
    /// The store's folder, which has `journal/`; no daemon may have it open
    folder: PathBuf,
}

impl Volume {
    fn config(&self) -> anyhow::Result<Config> {
        let journal = self.folder.join("journal");
        anyhow::ensure!(
            journal.is_dir(),
            "{} is no store's folder: it has no `journal`",
            self.folder.display()
        );
        Ok(Config::new(&self.folder))
    }

    fn open(&self) -> anyhow::Result<Store> {
        Ok(Store::open(&self.config()?)?)
    }
}

fn account(text: &str) -> Result<AccountName, String> {
    AccountName::new(text).map_err(|error| error.to_string())
}

pub fn main() -> ExitCode {
    let result = match Command::parse().verb {
        Verb::Account(account) => account.run(),
        Verb::Check(check) => check.run(),
        Verb::Compact(compact) => compact.run(),
        Verb::Export(export) => export.run(),
        Verb::Import(import) => import.run(),
        Verb::Serve(serve) => serve.run(),
    };
    match result {
        Ok(code) => code,
        Err(error) => {
            // Nobody is left to tell when stderr is closed.
            let _ = writeln!(std::io::stderr(), "error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn say(line: &str) -> anyhow::Result<()> {
    Ok(writeln!(std::io::stdout(), "{line}")?)
}

fn talk(line: &str) {
    // Nobody is left to tell when stderr is closed.
    let _ = writeln!(std::io::stderr(), "{line}");
}

fn say_json(value: &serde_json::Value) -> anyhow::Result<()> {
    say(&value.to_string())
}

fn block_on<T>(future: impl Future<Output = T>) -> anyhow::Result<T> {
    Ok(tokio::runtime::Builder::new_current_thread().build()?.block_on(future))
}

fn display(path: &Path) -> String {
    path.display().to_string()
}
