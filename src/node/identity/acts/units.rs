//! systemd's units of a role. All that is asked of systemd is here.

use std::time::Duration;
use understudy_core::base::process::{Process, ProcessError};
use understudy_core::model::name::Name;

/// Of anything but starting; a service gets 5 s to end before systemd kills it.
const PATIENCE: Duration = Duration::from_secs(15);

/// States of a unit of which nothing runs (systemctl(1)).
const STOPPED: [&str; 2] = ["inactive", "failed"];

/// The units are not as they are to be.
#[derive(Debug, thiserror::Error)]
pub enum UnitsError {
    #[error("systemctl failed")]
    Systemctl(#[from] ProcessError),
    #[error("{unit} is {state}")]
    OtherState { unit: String, state: String },
}

/// Starts the role's target, which ends when its services are ready.
pub fn start(role: &Name, units: &[String], limit: Duration) -> Result<(), UnitsError> {
    forget_failures(units);
    // The units by name too: a target that is active already starts nothing.
    Ok(systemctl("start").arg(target(role)).args(units).run_within(limit).map(drop)?)
}

/// Starts the services again.
pub fn restart(units: &[String]) -> Result<(), UnitsError> {
    forget_failures(units);
    Ok(systemctl("restart").args(units).run_within(PATIENCE).map(drop)?)
}

/// Stops the roles' targets and services, and looks whether they are.
pub fn stop<'a>(roles: impl Iterator<Item = &'a Name>, units: &[String]) -> Result<(), UnitsError> {
    systemctl("stop").args(roles.map(target)).args(units).run_within(PATIENCE)?;
    all_are(units, &shown(units)?, &STOPPED)
}

fn shown(units: &[String]) -> Result<String, UnitsError> {
    let show = systemctl("show").args(["--property=ActiveState", "--value"]).args(units);
    Ok(String::from_utf8_lossy(&show.run_within(PATIENCE)?.stdout).into_owned())
}

/// Whether all units run, for services that have no better question.
pub fn check_running(units: &[String]) -> Result<(), UnitsError> {
    all_are(units, &shown(units)?, &["active"])
}

/// A service that failed too often is not started again by systemd unless that is forgotten.
fn forget_failures(units: &[String]) {
    // There may be nothing to forget; what matters is told by the start that follows.
    let _ = systemctl("reset-failed").args(units).run_within(PATIENCE);
}

fn systemctl(verb: &str) -> Process {
    Process::new("systemctl").args([verb, "--no-ask-password", "--quiet"])
}

fn target(role: &Name) -> String {
    format!("understudy-role-{role}.target")
}

/// systemctl shows one line for each unit, in their order, and an empty one between them.
fn all_are(units: &[String], shown: &str, wanted: &[&str]) -> Result<(), UnitsError> {
    let mut states = shown.split_ascii_whitespace();
    for unit in units {
        let state = states.next().unwrap_or("in an unknown state");
        if !wanted.contains(&state) {
            return Err(UnitsError::OtherState { unit: unit.clone(), state: state.to_owned() });
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Catches the mutant that takes "deactivating" for gone.
    #[test]
    fn only_a_unit_that_has_ended_is_stopped() {
        let units = ["a.service".to_owned(), "b.service".to_owned()];
        let ended = |shown| all_are(&units, shown, &STOPPED);
        assert!(ended("inactive\n\nfailed\n").is_ok());
        for shown in [
            "inactive\n\nactive\n",
            "deactivating\n\ninactive\n",
            "inactive\n",
            "",
            "inactive\n\nactivating\n",
        ] {
            assert!(matches!(ended(shown), Err(UnitsError::OtherState { .. })), "{shown}");
        }
        assert!(all_are(&units, "active\n\nactive\n", &["active"]).is_ok());
        assert!(all_are(&units, "active\n\nfailed\n", &["active"]).is_err());
    }
}
