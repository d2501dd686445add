//! The lab's folder, and whether a supervisor lives in it.
//!
//! The supervisor holds a lock on a file there (fcntl(2), advisory record locking), which the kernel lets go
//! when it dies, and which tells who holds it in the asker's own terms. Its sockets are in a file system of its
//! own, reached through `/proc/PID/root`, and vanish with it.

use super::plan::NodeName;
use nix::errno::Errno;
use nix::fcntl::{FcntlArg, fcntl};
use nix::libc;
use nix::unistd::geteuid;
use std::fs::File;
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};
use understudy_core::base::fs::{self, FsError};
use understudy_core::model::name::Name;

/// Labs keep disks, which are too large for a file system in memory such as `/run` or, often, `/tmp`.
const LABS: &str = "/var/tmp";

/// The lab's folder cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum FolderError {
    #[error(transparent)]
    File(#[from] FsError),
    #[error("{} belongs to somebody else", .0.display())]
    Foreign(PathBuf),
    #[error("cannot lock {}", path.display())]
    Lock {
        path: PathBuf,
        #[source]
        source: Errno,
    },
    #[error("this lab is up already")]
    Taken,
}

/// Where things of one lab are.
#[derive(Clone, Debug)]
pub struct LabFolder {
    root: PathBuf,
}

impl LabFolder {
    /// Of the user's lab with this name.
    pub fn of(lab: &Name) -> Self {
        let labs = Path::new(LABS).join(format!("understudy-{}", geteuid()));
        Self { root: labs.join(format!("lab-{lab}")) }
    }

    /// At a known place.
    pub fn at(root: &Path) -> Self {
        Self { root: root.to_owned() }
    }

    /// The folder itself.
    pub fn path(&self) -> &Path {
        &self.root
    }

    /// What the machines of a lab that is suspended go on from; those that were off have nothing there.
    pub fn memories(&self) -> PathBuf {
        self.root.join("memory")
    }

    /// One machine's memory among them.
    pub fn memory(&self, node: NodeName) -> PathBuf {
        self.memories().join(node.to_string())
    }

    /// One machine's folder.
    pub fn node(&self, node: NodeName) -> PathBuf {
        self.root.join(node.to_string())
    }

    /// Everything that the machine's console showed.
    pub fn console(&self, node: NodeName) -> PathBuf {
        self.node(node).join("console")
    }

    /// What the supervisor's own process said.
    pub fn supervisor_log(&self) -> PathBuf {
        self.root.join("supervisor.log")
    }

    /// What the site said.
    pub fn site_log(&self) -> PathBuf {
        self.root.join("serve.log")
    }

    /// The site's configuration.
    pub fn site_file(&self) -> PathBuf {
        self.root.join("site.toml")
    }

    /// The private key with which this lab's operator logs in to its machines; the public one has `.pub` behind it.
    pub fn operator_key(&self) -> PathBuf {
        self.root.join("operator.key")
    }

    /// The shelf.
    pub fn images(&self) -> PathBuf {
        self.root.join("images")
    }

    /// The plan of the lab, for people and scripts.
    pub fn state_file(&self) -> PathBuf {
        self.root.join("state.json")
    }

    /// Sockets; empty for everybody outside the lab.
    pub fn private(&self) -> PathBuf {
        self.root.join("run")
    }

    fn lock_file(&self) -> PathBuf {
        self.root.join("lock")
    }

    /// Makes the folder, for its owner's eyes only, with nothing of an earlier lab in it; the lab lasts as long
    /// as the returned file is open.
    pub fn take(&self) -> Result<File, FolderError> {
        for folder in [self.root.parent().unwrap_or(&self.root), &self.root] {
            make_private(folder)?;
        }
        let path = self.lock_file();
        let lock = fs::open_or_create(&path)?;
        match fcntl(&lock, FcntlArg::F_SETLK(&whole_file())) {
            Ok(_) => {}
            Err(Errno::EACCES | Errno::EAGAIN) => return Err(FolderError::Taken),
            Err(source) => return Err(FolderError::Lock { path, source }),
        }
        for leftover in fs::list(&self.root)? {
            if leftover.is_dir() && !leftover.is_symlink() {
                fs::remove_dir_all(&leftover)?;
            } else if leftover != path {
                fs::remove_file(&leftover)?;
            }
        }
        Ok(lock)
    }

    /// The process id of the lab's supervisor, if it lives.
    pub fn supervisor(&self) -> Result<Option<i32>, FolderError> {
        let path = self.lock_file();
        let file = match fs::open_update(&path) {
            Ok(file) => file,
            Err(error) if error.is_not_found() => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        let mut lock = whole_file();
        fcntl(&file, FcntlArg::F_GETLK(&mut lock)).map_err(|source| FolderError::Lock { path, source })?;
        Ok((libc::c_int::from(lock.l_type) != libc::F_UNLCK).then_some(lock.l_pid))
    }
}

fn whole_file() -> libc::flock {
    libc::flock {
        l_type: libc::F_WRLCK as libc::c_short,
        l_whence: libc::SEEK_SET as libc::c_short,
        l_start: 0,
        l_len: 0,
        l_pid: 0,
    }
}

/// Anybody can make folders in the common parent; only our own is good.
fn make_private(folder: &Path) -> Result<(), FolderError> {
    match std::fs::DirBuilder::new().mode(0o700).create(folder) {
        Err(error) if error.kind() != std::io::ErrorKind::AlreadyExists => {
            return Err(fs::fail("create folder", folder)(error).into());
        }
        _ => {}
    }
    let metadata = std::fs::symlink_metadata(folder).map_err(fs::fail("examine", folder))?;
    if metadata.is_dir() && metadata.uid() == geteuid().as_raw() && metadata.mode() & 0o077 == 0 {
        Ok(())
    } else {
        Err(FolderError::Foreign(folder.to_owned()))
    }
}
