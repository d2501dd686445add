//! `understudy lab status`: the machines of a lab.

use super::target::{LabOption, state};
use crate::cli::{Outcome, talk};
use clap::Args;
use std::process::ExitCode;
use understudy_lab::control::NodeStatus;
use understudy_lab::rack::site::SiteStatus;

/// What of a console's last line fits beside the rest.
const LAST_LINE_CHARACTERS_MAX: usize = 60;

#[derive(Args)]
pub struct Arguments {
    #[command(flatten)]
    lab: LabOption,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

pub fn run(arguments: &Arguments) -> Outcome {
    let status = arguments.lab.status()?;
    if arguments.json {
        talk::json(&status);
        return Ok(ExitCode::SUCCESS);
    }
    match &status.site {
        Some(SiteStatus::Serving { .. }) => talk::talk("the site serves"),
        Some(SiteStatus::Ended { status }) => talk::talk(&format!("the site has ended: {status}")),
        None => talk::talk("this lab has no site"),
    }
    talk::data(&format!(
        "{:7} {:8} {:15} {:>8}  {:17}  {:26} {}",
        "NODE", "FIRMWARE", "POWER", "UPTIME", "MAC", "BMC", "LAST LINE"
    ));
    status.nodes.iter().for_each(|node| talk::data(&row(node)));
    Ok(ExitCode::SUCCESS)
}

fn row(node: &NodeStatus) -> String {
    let uptime = node.uptime_s.map_or_else(|| "-".to_owned(), |seconds| format!("{seconds:.0} s"));
    let bmc = node.bmc.as_ref().map_or("-", |bmc| bmc.url.as_str());
    let last: String = node.console_last_line.chars().take(LAST_LINE_CHARACTERS_MAX).collect();
    let NodeStatus { node: name, firmware, mac, .. } = node;
    format!("{name:7} {firmware:8} {:15} {uptime:>8}  {mac}  {bmc:26} {last}", state(node))
}
