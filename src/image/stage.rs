//! Inside the namespaces: installs Debian packages into an empty tmpfs and writes the result as a tar stream.
//!
//! This runs as root of its namespaces, without network, as process 1, so that its end ends everything.
//! Anything that changes what it makes changes this file, whose hash is part of the layer's key.

use crate::deb::{self, DebError};
use crate::namespace::NOTE;
use crate::tree::{Owners, write_tree};
use nix::mount::{MntFlags, MsFlags, mount, umount2};
use nix::sys::stat::Mode;
use serde::{Deserialize, Serialize};
use std::io::{self, BufRead, BufWriter, Write};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use understudy_core::base::causes::with_causes;
use understudy_core::base::fs::{self, FsError};
use understudy_core::base::process::{Process, ProcessError};

/// The hidden argument with which the command starts itself as a stage.
pub const STAGE_ARGUMENT: &str = "__image-stage";
/// Where the packages are seen inside the root.
const PACKAGES_MOUNT: &str = "run/packages";
/// Devices that maintainer scripts use.
const DEVICES: [&str; 6] = ["null", "zero", "full", "random", "urandom", "tty"];
/// Folders that are links into `/usr` on a merged system.
const MERGED: [&str; 4] = ["bin", "sbin", "lib", "lib64"];
/// What servers never read. Licences stay.
const PATH_FILTERS: [&str; 7] = [
    "--path-exclude=/usr/share/doc/*",
    "--path-include=/usr/share/doc/*/copyright",
    "--path-exclude=/usr/share/man/*",
    "--path-exclude=/usr/share/info/*",
    "--path-exclude=/usr/share/locale/*",
    "--path-exclude=/usr/share/lintian/*",
    "--path-exclude=/usr/share/bug/*",
];

/// What to install, from where.
#[derive(Debug, Serialize, Deserialize)]
pub struct Job {
    /// An empty folder to mount the tmpfs on.
    pub root: PathBuf,
    /// The folder with the packages.
    pub packages: PathBuf,
    /// File names of the packages that dpkg itself needs.
    pub base: Vec<String>,
    /// File names of all other packages.
    pub rest: Vec<String>,
    /// No file is dated later (seconds since 1970).
    pub latest: u64,
}

/// Why the packages could not be installed.
#[derive(Debug, thiserror::Error)]
pub enum StageError {
    #[error("cannot read the job")]
    Job(#[source] io::Error),
    #[error("cannot mount {}", path.display())]
    Mount {
        path: PathBuf,
        #[source]
        source: nix::Error,
    },
    #[error(transparent)]
    File(#[from] FsError),
    #[error(transparent)]
    Package(#[from] DebError),
    #[error("cannot unpack {}", path.display())]
    Unpack {
        path: PathBuf,
        #[source]
        source: io::Error,
    },
    #[error("cannot set the host name")]
    HostName(#[source] nix::Error),
    #[error("Debian's package manager failed")]
    Dpkg(#[source] ProcessError),
    #[error("cannot write the tar stream")]
    Stream(#[source] io::Error),
}

/// The stage's whole life. Errors go to standard error as a chain.
pub fn main() -> ExitCode {
    match read_job().and_then(|job| run(&job)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            say(&with_causes(&error));
            ExitCode::FAILURE
        }
    }
}

fn say(text: &str) {
    // With nobody listening there is nobody to tell.
    let _ = writeln!(io::stderr(), "{text}");
}

fn read_job() -> Result<Job, StageError> {
    let mut line = String::new();
    io::stdin().lock().read_line(&mut line).map_err(StageError::Job)?;
    let job = serde_json::from_str(&line).map_err(|error| StageError::Job(error.into()))?;
    std::thread::spawn(|| {
        // Ends when the builder closes its side or dies; either way nobody wants the result any more.
        let _ = io::copy(&mut io::stdin().lock(), &mut io::sink());
        std::process::exit(1);
    });
    Ok(job)
}

fn run(job: &Job) -> Result<(), StageError> {
    // The user's own habit must not reach the modes of folders.
    nix::sys::stat::umask(Mode::from_bits_truncate(0o022));
    nix::unistd::sethostname("understudy").map_err(StageError::HostName)?;
    prepare(job)?;
    for package in &job.base {
        unpack(&job.packages.join(package), &job.root)?;
    }
    install(job)?;
    take_down(job)?;
    let mut out = BufWriter::with_capacity(1 << 20, io::stdout().lock());
    write_tree(&job.root, Owners::Kept, job.latest, &mut out)?;
    out.flush().map_err(StageError::Stream)
}

fn prepare(job: &Job) -> Result<(), StageError> {
    let root = &job.root;
    mount_at("tmpfs", root, Some("tmpfs"), MsFlags::empty(), Some("mode=0755"))?;
    for folder in MERGED {
        fs::create_dir_all(&root.join("usr").join(folder))?;
        let link = root.join(folder);
        symlink(Path::new("usr").join(folder), &link).map_err(fs::fail("link", &link))?;
    }
    for folder in ["dev", "proc", "etc", "usr/sbin", PACKAGES_MOUNT] {
        fs::create_dir_all(&root.join(folder))?;
    }
    mount_at("proc", &root.join("proc"), Some("proc"), MsFlags::empty(), None)?;
    mount_at("tmpfs", &root.join("dev"), Some("tmpfs"), MsFlags::empty(), Some("mode=0755"))?;
    for device in DEVICES {
        let target = root.join("dev").join(device);
        fs::create(&target)?;
        mount_at(&format!("/dev/{device}"), &target, None, MsFlags::MS_BIND, None)?;
    }
    let packages = job.packages.display().to_string();
    mount_at(&packages, &root.join(PACKAGES_MOUNT), None, MsFlags::MS_BIND, None)?;
    // Keeps invoke-rc.d from starting daemons.
    let policy = root.join("usr/sbin/policy-rc.d");
    fs::write(&policy, b"#!/bin/sh\nexit 101\n")?;
    let executable = std::fs::Permissions::from_mode(0o755);
    std::fs::set_permissions(&policy, executable).map_err(fs::fail("make executable", &policy))?;
    Ok(())
}

fn mount_at(
    source: &str,
    path: &Path,
    kind: Option<&str>,
    flags: MsFlags,
    options: Option<&str>,
) -> Result<(), StageError> {
    mount(Some(source), path, kind, flags, options)
        .map_err(|source| StageError::Mount { path: path.to_owned(), source })
}

/// Unpacks a package as `dpkg-deb --extract` would, but lets `/lib` and its like stay links.
fn unpack(package: &Path, root: &Path) -> Result<(), StageError> {
    let fail = |source| StageError::Unpack { path: package.to_owned(), source };
    let mut payload = deb::payload(package)?;
    payload.set_preserve_permissions(true);
    payload.set_preserve_ownerships(true);
    payload.set_unpack_xattrs(true);
    for entry in payload.entries().map_err(fail)? {
        let mut entry = entry.map_err(fail)?;
        let is_there = root.join(entry.path().map_err(fail)?).is_dir();
        if !(entry.header().entry_type().is_dir() && is_there) {
            entry.unpack_in(root).map_err(fail)?;
        }
    }
    Ok(())
}

fn install(job: &Job) -> Result<(), StageError> {
    let paths = |names: &[String]| -> Vec<String> {
        names.iter().map(|name| format!("/{PACKAGES_MOUNT}/{name}")).collect()
    };
    say(&format!("{NOTE}installing {} base packages", job.base.len()));
    dpkg(job, ["--force-depends", "--install"], &paths(&job.base))?;
    say(&format!("{NOTE}installing {} packages", job.rest.len()));
    if !job.rest.is_empty() {
        dpkg(job, ["--force-depends", "--unpack"], &paths(&job.rest))?;
    }
    dpkg(job, ["--configure", "--pending"], &[])
}

fn dpkg(job: &Job, action: [&str; 2], packages: &[String]) -> Result<(), StageError> {
    Process::new("chroot")
        .arg(&job.root)
        .arg("dpkg")
        .args(["--force-unsafe-io", "--force-confdef", "--force-confold"])
        .args(PATH_FILTERS)
        .args(action)
        .args(packages)
        .with(|command| {
            command.env_clear();
        })
        .env("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin")
        .env("HOME", "/root")
        .env("LC_ALL", "C.UTF-8")
        .env("TZ", "UTC")
        .env("DEBIAN_FRONTEND", "noninteractive")
        .env("DEBCONF_NONINTERACTIVE_SEEN", "true")
        .env("SYSTEMD_OFFLINE", "1")
        .env("SOURCE_DATE_EPOCH", job.latest.to_string())
        .run()
        .map(drop)
        .map_err(StageError::Dpkg)
}

fn take_down(job: &Job) -> Result<(), StageError> {
    let devices = DEVICES.iter().map(|device| format!("dev/{device}"));
    let mounts = devices.chain(["dev".to_owned(), "proc".to_owned(), PACKAGES_MOUNT.to_owned()]);
    for inside in mounts {
        let path = job.root.join(inside);
        umount2(&path, MntFlags::MNT_DETACH).map_err(|source| StageError::Mount { path, source })?;
    }
    fs::remove_file(&job.root.join("usr/sbin/policy-rc.d"))?;
    fs::remove_dir_all(&job.root.join(PACKAGES_MOUNT)).map_err(StageError::File)
}
