//! A machine's memory and devices as a file: it is suspended into one, and goes on from one (qemu: docs/devel/migration.rst).
//!
//! Entry points: [`save`], and [`arguments`] with [`loaded`].

use super::qmp::{Qmp, QmpError};
use serde_json::json;
use std::path::Path;
use std::time::Duration;
use tokio::time::sleep;

/// Of a file on a disk; qemu's own limit is for networks.
const BYTES_A_SECOND_MAX: u64 = 1 << 40;
const LOOK_AGAIN: Duration = Duration::from_millis(20);

/// A machine's memory was not written, or not read.
#[derive(Debug, thiserror::Error)]
pub enum MemoryError {
    #[error(transparent)]
    Qmp(#[from] QmpError),
    #[error("qemu could not write its memory: {0}")]
    Failed(String),
}

/// Stops the machine and writes all that it is, apart from its disks, to a file that is not there yet.
pub async fn save(qmp: &mut Qmp, file: &Path) -> Result<(), MemoryError> {
    qmp.execute("stop", json!({})).await?;
    qmp.execute("migrate-set-parameters", json!({ "max-bandwidth": BYTES_A_SECOND_MAX })).await?;
    qmp.execute("migrate", json!({ "uri": format!("exec:cat >{}", quoted(file)) })).await?;
    loop {
        let state = qmp.execute("query-migrate", json!({})).await?;
        match state["status"].as_str() {
            Some("completed") => return Ok(()),
            Some("failed" | "cancelled") => {
                let reason = state["error-desc"].as_str().unwrap_or("without a reason");
                return Err(MemoryError::Failed(reason.to_owned()));
            }
            _ => sleep(LOOK_AGAIN).await,
        }
    }
}

/// With which qemu begins where a file ends.
pub fn arguments(file: &Path) -> [String; 2] {
    ["-incoming".to_owned(), format!("exec:cat {}", quoted(file))]
}

/// Returns when all of the file is in the machine, which does not move yet. A qemu that cannot read it ends.
pub async fn loaded(qmp: &mut Qmp) -> Result<(), QmpError> {
    while qmp.execute("query-status", json!({})).await?["status"] == "inmigrate" {
        sleep(LOOK_AGAIN).await;
    }
    Ok(())
}

/// One word of the shell that qemu starts.
fn quoted(file: &Path) -> String {
    format!("'{}'", file.display().to_string().replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_one_word_whatever_it_holds() {
        assert_eq!(quoted(Path::new("/a b/c'd;e")), r"'/a b/c'\''d;e'");
    }
}
