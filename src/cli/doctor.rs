//! `understudy doctor`: what this machine lacks, and the one command that brings it.

use super::failure::Failure;
use super::{Outcome, talk};
use clap::Args;
use nix::unistd::{User, geteuid};
use serde::Serialize;
use serde_json::json;
use std::path::Path;
use std::process::ExitCode;
use understudy_core::base::fs;
use understudy_core::base::process::Process;

/// One Debian package a line: name, then what it is for. The Makefile reads the same file.
const PACKAGES: &str = include_str!("packages.txt");
/// The root of a build lies in memory.
const MEMORY_KIB_MIN: u64 = 3 << 20;

#[derive(Args)]
pub struct Arguments {
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Finding {
    what: String,
    remedy: String,
}

/// Exit code 0 when nothing is missing, 1 otherwise.
pub fn run(arguments: &Arguments) -> Outcome {
    let mut findings = Vec::new();
    let missing = missing_packages()?;
    if !missing.is_empty() {
        let remedy = format!("sudo apt-get install --no-install-recommends {}", missing.join(" "));
        let purposes = missing.iter().map(|name| format!("{name} ({})", purpose(name)));
        let what = format!("packages: {}", purposes.collect::<Vec<_>>().join(", "));
        findings.push(Finding { what, remedy });
    }
    findings.extend(subordinate_ids());
    findings.extend(memory());
    if arguments.json {
        talk::json(&json!({ "ok": findings.is_empty(), "missing": findings }));
    } else if findings.is_empty() {
        talk::data("nothing is missing");
    }
    if !arguments.json {
        for Finding { what, remedy } in &findings {
            talk::data(&format!("missing {what}\n  get it: {remedy}"));
        }
    }
    Ok(if findings.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn lines() -> impl Iterator<Item = (&'static str, &'static str)> {
    PACKAGES.lines().filter(|line| !line.starts_with('#')).filter_map(|line| line.split_once(' '))
}

fn purpose(name: &str) -> &'static str {
    lines().find(|(package, _)| *package == name).map_or("", |(_, purpose)| purpose.trim())
}

fn missing_packages() -> Result<Vec<&'static str>, Failure> {
    let names: Vec<&str> = lines().map(|(name, _)| name).collect();
    let query =
        Process::new("dpkg-query").args(["-W", "-f", "${Package} ${db:Status-Abbrev}\n"]).args(&names);
    let output = query.output().map_err(|error| {
        Failure::operation(error).hint("understudy builds on Debian bookworm, which has dpkg-query")
    })?;
    let installed = String::from_utf8_lossy(&output.stdout);
    let has = |name: &str| installed.lines().any(|line| line.trim_end() == format!("{name} ii"));
    Ok(names.into_iter().filter(|name| !has(name)).collect())
}

/// Without root, a build needs 65,536 user and group ids of its own (subuid(5)).
fn subordinate_ids() -> Option<Finding> {
    let user = geteuid();
    if user.is_root() {
        return None;
    }
    let name = User::from_uid(user).ok().flatten().map_or_else(|| user.to_string(), |user| user.name);
    let granted = |file: &str| {
        let text = fs::read_text(Path::new(file)).unwrap_or_default();
        text.lines().any(|line| {
            line.strip_prefix(name.as_str())
                .or_else(|| line.strip_prefix(&user.to_string()))
                .is_some_and(|rest| rest.starts_with(':'))
        })
    };
    (!(granted("/etc/subuid") && granted("/etc/subgid"))).then(|| Finding {
        what: format!("subordinate ids of {name} in /etc/subuid and /etc/subgid"),
        remedy: format!("sudo usermod --add-subuids 100000-165535 --add-subgids 100000-165535 {name}"),
    })
}

fn memory() -> Option<Finding> {
    let text = fs::read_text(Path::new("/proc/meminfo")).ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix("MemTotal:"))?;
    let kib: u64 = line.trim().trim_end_matches(" kB").parse().ok()?;
    (kib < MEMORY_KIB_MIN).then(|| Finding {
        what: format!("memory: {} MiB, a build needs {} MiB", kib >> 10, MEMORY_KIB_MIN >> 10),
        remedy: "build on a machine with more memory, or add swap".to_owned(),
    })
}
