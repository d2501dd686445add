//! A lab that is down and was kept, as the beginning of another one: the same machines with what is on their disks, the same
//! site with all that it knows, and the same operator. If it was suspended, its machines go on in the middle of whatever
//! they did. Nothing of it is changed, so that many labs may begin with one.
//!
//! Entry points: [`plan_of`], and [`copy`] once the new lab has its folder; [`memory`] for the machines.

use super::folder::{FolderError, LabFolder};
use super::plan::{NodeName, Plan};
use std::path::{Path, PathBuf};
use understudy_core::base::fs::{self, FsError};
use understudy_core::base::process::{Process, ProcessError};

/// The site's own folder beside its file.
pub(super) const SITE_STATE: &str = "state";
/// Disks have holes; where the file system can share blocks, it does.
const COPY: [&str; 4] = ["--recursive", "--preserve=mode", "--sparse=always", "--reflink=auto"];

/// No lab can begin with this.
#[derive(Debug, thiserror::Error)]
pub enum OriginError {
    #[error("{} is not the folder of a lab", folder.display())]
    NotALab {
        folder: PathBuf,
        #[source]
        source: FsError,
    },
    #[error("the plan of the lab in {} cannot be read", folder.display())]
    Plan {
        folder: PathBuf,
        #[source]
        source: serde_json::Error,
    },
    #[error("the lab in {} is up", .0.display())]
    Up(PathBuf),
    #[error(transparent)]
    Folder(#[from] FolderError),
    #[error("cannot copy what the other lab has left")]
    Copy(#[from] ProcessError),
}

/// What the lab that was kept in this folder consisted of.
pub fn plan_of(folder: &Path) -> Result<Plan, OriginError> {
    let lab = LabFolder::at(folder);
    let text = fs::read(&lab.state_file())
        .map_err(|source| OriginError::NotALab { folder: folder.to_owned(), source })?;
    if lab.supervisor()?.is_some() {
        return Err(OriginError::Up(folder.to_owned()));
    }
    serde_json::from_slice(&text).map_err(|source| OriginError::Plan { folder: folder.to_owned(), source })
}

/// Copies disks, firmware's variables, the site's state and its operator's key into the folder of a lab with this plan.
pub fn copy(from: &Path, plan: &Plan, into: &LabFolder) -> Result<(), OriginError> {
    let machines = plan.nodes.iter().map(|node| LabFolder::at(from).node(node.name));
    let key = LabFolder::at(from).operator_key();
    let of_site = [from.join(SITE_STATE), key.with_added_extension("pub"), key];
    let site = of_site.into_iter().filter(|part| plan.site.is_some() && part.exists());
    let parts: Vec<PathBuf> = machines.chain(site).collect();
    Process::new("cp").args(COPY).arg("--").args(parts).arg(into.path()).run()?;
    Ok(())
}

/// Whether the lab in this folder was suspended.
pub(super) fn is_suspended(folder: &Path) -> bool {
    LabFolder::at(folder).memories().is_dir()
}

/// What the machine of a lab with this plan goes on from; nothing: from its firmware.
pub(super) fn memory(plan: &Plan, node: NodeName) -> Option<PathBuf> {
    plan.from.as_deref().map(|from| LabFolder::at(from).memory(node)).filter(|file| file.is_file())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_lab_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let state = folder.path().join("state.json");
        assert!(matches!(plan_of(folder.path()), Err(OriginError::NotALab { .. })));
        fs::write(&state, b"{}").unwrap();
        assert!(matches!(plan_of(folder.path()), Err(OriginError::Plan { .. })));
    }
}
