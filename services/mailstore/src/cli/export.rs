//! `mailstore export [--json] FOLDER ACCOUNT MAILDIR`

use super::{Volume, account, say, say_json};
use mailstore::{AccountName, maildir};
use serde_json::json;
use std::path::PathBuf;
use std::process::ExitCode;

/// Writes an account as a Maildir++
#[derive(Debug, clap::Args)]
pub struct Export {
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    volume: Volume,
    #[arg(value_parser = account)]
    account: AccountName,
    /// A folder that is not there yet
    maildir: PathBuf,
}

impl Export {
    pub fn run(&self) -> anyhow::Result<ExitCode> {
        let store = self.volume.open()?;
        anyhow::ensure!(
            store.accounts()?.contains(&self.account),
            "there is no account {} in the store",
            self.account
        );
        let exported = maildir::export(&store, &self.account, &self.maildir)?;
        let (mailboxes, messages) = (exported.mailboxes, exported.messages);
        match self.json {
            true => say_json(&json!({ "mailboxes": mailboxes, "messages": messages }))?,
            false => say(&format!("{messages} messages in {mailboxes} mailboxes"))?,
        }
        Ok(ExitCode::SUCCESS)
    }
}
