//! What verbs share that tell the rack agent something: options, and how what came of it is shown.

use super::operator::{Operator, SiteOptions};
use super::{Outcome, table, talk};
use clap::Args;
use serde_json::Value;
use std::process::ExitCode;
use understudy_site::operator_api::CommandView;

/// Options of such verbs.
#[derive(Args)]
pub struct OrderOptions {
    /// Change nothing; say what would be done now
    #[arg(long)]
    pub dry_run: bool,
    /// Print what came of it as one JSON object
    #[arg(long)]
    pub json: bool,
    #[command(flatten)]
    pub site: SiteOptions,
}

impl OrderOptions {
    /// Says it, and shows what came of it.
    pub fn say(&self, operator: &Operator, path: &str, mut body: Value) -> Outcome {
        body["dry_run"] = self.dry_run.into();
        let done: CommandView = operator.post(path, &body)?;
        if self.json {
            talk::json(&done);
            return Ok(ExitCode::SUCCESS);
        }
        if done.dry_run {
            talk::talk("nothing was changed; this would be done now:");
        }
        done.lines.iter().for_each(|line| talk::data(&table::printable(line)));
        Ok(ExitCode::SUCCESS)
    }
}
