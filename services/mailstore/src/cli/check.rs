//! `mailstore check [--repair] [--json] FOLDER`

use super::{Volume, say, say_json};
use mailstore::check::{self, Finding, Report};
use serde_json::{Value, json};
use std::process::ExitCode;

/// Reads every record of the journal, and compares an index made from it with the one that is there
#[derive(Debug, clap::Args)]
pub struct Check {
    /// Cut a tail that a power cut tore, and make the index anew from the journal; never drops what was durable
    #[arg(long)]
    repair: bool,
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    volume: Volume,
}

impl Check {
    pub fn run(&self) -> anyhow::Result<ExitCode> {
        let config = self.volume.config()?;
        if self.repair {
            let before = check::check(&config)?;
            self.tell(&before)?;
            if before.findings.iter().any(|finding| matches!(finding, Finding::Damage { .. })) {
                anyhow::bail!(
                    "nothing was repaired: what is damaged was durable once; take it from the pair's other half or a backup"
                );
            }
            check::repair(&config)?;
        }
        let report = check::check(&config)?;
        self.tell(&report)?;
        Ok(if report.findings.iter().any(Finding::is_bad) { ExitCode::FAILURE } else { ExitCode::SUCCESS })
    }

    fn tell(&self, report: &Report) -> anyhow::Result<()> {
        if self.json {
            return say_json(&as_json(report));
        }
        let Report { segments, records, accounts, mailboxes, messages, findings } = report;
        for finding in findings {
            say(&in_words(finding))?;
        }
        let what = if findings.is_empty() { "whole" } else { "read" };
        say(&format!(
            "{what}: {segments} segments, {records} records, {accounts} accounts, {mailboxes} mailboxes, {messages} messages"
        ))
    }
}

fn in_words(finding: &Finding) -> String {
    match finding {
        Finding::Damage { path, offset, what } => {
            format!("damage in {} at octet {offset}: {what}", path.display())
        }
        Finding::TornTail { octets } => {
            format!(
                "a power cut tore the last {octets} octets; nothing in them was acknowledged, opening cuts them"
            )
        }
        Finding::NoIndex => "there is no index; opening makes it".to_owned(),
        Finding::IndexIsBehind { records } => {
            format!("the index does not know the last {records} records; opening tells it")
        }
        Finding::IndexDiffers { table, only_index, only_journal } => format!(
            "the index differs from the journal in {table}: {only_index} rows are not from it, {only_journal} are missing"
        ),
    }
}

fn as_json(report: &Report) -> Value {
    let findings: Vec<_> = report.findings.iter().map(finding_as_json).collect();
    json!({
        "segments": report.segments,
        "records": report.records,
        "accounts": report.accounts,
        "mailboxes": report.mailboxes,
        "messages": report.messages,
        "findings": findings,
    })
}

fn finding_as_json(finding: &Finding) -> Value {
    let (kind, is_bad) = (kind(finding), finding.is_bad());
    let mut value = json!({ "kind": kind, "bad": is_bad, "text": in_words(finding) });
    if let Finding::Damage { path, offset, .. } = finding {
        value["path"] = json!(super::display(path));
        value["offset"] = json!(offset);
    }
    value
}

fn kind(finding: &Finding) -> &'static str {
    match finding {
        Finding::Damage { .. } => "damage",
        Finding::TornTail { .. } => "torn-tail",
        Finding::NoIndex => "no-index",
        Finding::IndexIsBehind { .. } => "index-is-behind",
        Finding::IndexDiffers { .. } => "index-differs",
    }
}
