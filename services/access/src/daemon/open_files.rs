//! The limit of open files of this process: each session that speaks with its pair has two.

use nix::sys::resource::{Resource, getrlimit, setrlimit};
use tracing::warn;

/// Beside sessions: listeners, the directory, metrics.
const OTHERS: u64 = 200;

/// Raises the soft limit to the hard one, and says so when that is not enough for so many sessions of each protocol.
pub(super) fn raise(sessions_max: usize) {
    let wanted = 4 * sessions_max as u64 + OTHERS;
    match raised() {
        Ok(limit) if limit < wanted => {
            warn!(limit, wanted, "too few open files for so many sessions; raise LimitNOFILE= of the unit");
        }
        Ok(_) => {}
        Err(error) => warn!(%error, "cannot raise the limit of open files"),
    }
}

fn raised() -> nix::Result<u64> {
    let (soft, hard) = getrlimit(Resource::RLIMIT_NOFILE)?;
    if soft < hard {
        setrlimit(Resource::RLIMIT_NOFILE, hard, hard)?;
    }
    Ok(hard)
}
