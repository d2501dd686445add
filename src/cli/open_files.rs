//! The limit of open files of this process: what a boot storm needs.

use super::talk::talk;
use nix::sys::resource::{Resource, getrlimit, setrlimit};

/// Raises the soft limit to the hard one, and says so when that is not enough.
pub fn raise(wanted: u64) {
    match raised() {
        Ok(limit) if limit < wanted => talk(&format!(
            "warning: {limit} open files are allowed, and this site can use {wanted}: connections of a boot storm may \
             be refused; raise LimitNOFILE= of its unit, or ulimit -Hn"
        )),
        Ok(_) => {}
        Err(error) => talk(&format!("warning: cannot raise the limit of open files: {error}")),
    }
}

fn raised() -> nix::Result<u64> {
    let (soft, hard) = getrlimit(Resource::RLIMIT_NOFILE)?;
    if soft < hard {
        setrlimit(Resource::RLIMIT_NOFILE, hard, hard)?;
    }
    Ok(hard)
}
