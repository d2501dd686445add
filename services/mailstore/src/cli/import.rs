//! `mailstore import [--json] FOLDER ACCOUNT MAILDIR`

use super::{account, block_on, display, say, say_json, talk};
use mailstore::{AccountName, Config, Store, maildir};
use serde_json::json;
use std::path::PathBuf;
use std::process::ExitCode;

/// Adds a Maildir++ to an account; makes the store and the account if they are not there
#[derive(Debug, clap::Args)]
pub struct Import {
    #[arg(long)]
    json: bool,
    /// The store's folder; no daemon may have it open
    folder: PathBuf,
    #[arg(value_parser = account)]
    account: AccountName,
    maildir: PathBuf,
}

impl Import {
    pub fn run(&self) -> anyhow::Result<ExitCode> {
        let store = Store::open(&Config::new(&self.folder))?;
        let imported = block_on(maildir::import(&store, &self.account, &self.maildir))??;
        for (path, why) in &imported.refused {
            talk(&format!("left out: {}: {why}", path.display()));
        }
        let (mailboxes, messages) = (imported.mailboxes, imported.messages);
        let refused: Vec<_> = imported.refused.iter().map(|(path, _)| display(path)).collect();
        match self.json {
            true => say_json(&json!({ "mailboxes": mailboxes, "messages": messages, "refused": refused }))?,
            false => {
                say(&format!("{messages} messages in {mailboxes} mailboxes, {} left out", refused.len()))?
            }
        }
        Ok(if refused.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }
}
