//! `mailstore account [--quota SIZE] [--json] FOLDER ACCOUNT`

use super::{account, block_on, say, say_json};
use mail::config::Octets;
use mailstore::{AccountName, Config, Store};
use serde_json::json;
use std::path::PathBuf;
use std::process::ExitCode;

/// Makes an account with its usual mailboxes, or changes its quota; makes the store if it is not there
#[derive(Debug, clap::Args)]
pub struct Account {
    /// What it may keep, such as 10GiB; without this a new account may keep what the volume has
    #[arg(long, value_name = "SIZE")]
    quota: Option<Octets>,
    #[arg(long)]
    json: bool,
    /// The store's folder; no daemon may have it open
    folder: PathBuf,
    /// The address by which mail comes for it, in lower case
    #[arg(value_parser = account)]
    account: AccountName,
}

impl Account {
    pub fn run(&self) -> anyhow::Result<ExitCode> {
        let store = Store::open(&Config::new(&self.folder))?;
        block_on(async {
            store.create_account(&self.account).await?;
            match self.quota {
                Some(Octets(limit)) => store.set_quota(&self.account, Some(limit)).await,
                None => Ok(()),
            }
        })??;
        let quota = store.quota(&self.account)?;
        let limit =
            quota.limit.map_or("as much as the volume has".to_owned(), |limit| Octets(limit).to_string());
        match self.json {
            true => say_json(
                &json!({ "account": self.account.as_str(), "used": quota.used, "quota": quota.limit }),
            )?,
            false => say(&format!("{}: {} octets of {limit}", self.account, quota.used))?,
        }
        Ok(ExitCode::SUCCESS)
    }
}
