//! The root file system: both layers, the services, the overlay and the node agent as one squashfs.
//!
//! Nothing is unpacked: tar streams go in, the changed tar stream goes to `mksquashfs`.

mod additions;
mod users;

use crate::cache::Cache;
use crate::definition::Definition;
use crate::layer::{Layer, LayerError};
use crate::progress::{Outcome, sized};
use crate::secrets::{self, SEARCHED_BYTES_MAX, SecretError};
use crate::tree::plain_path;
pub use additions::{Addition, Content, additions};
use nix::unistd::geteuid;
use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use understudy_core::base::fs::{self, FsError};
use understudy_core::base::process::{Process, ProcessError};
use understudy_core::base::sha256::Sha256;

/// Larger roots for a slower build: 15 would save a tenth and take twenty times as long.
const ROOT_ZSTD_LEVEL: &str = "3";
/// Where the packages' `/var` goes; the first boot copies what it needs from there to the state partition.
const FACTORY: &str = "usr/share/factory/";

/// Why there is no root file system.
#[derive(Debug, thiserror::Error)]
pub enum RootError {
    #[error(transparent)]
    Layer(#[from] LayerError),
    #[error(transparent)]
    File(#[from] FsError),
    #[error(transparent)]
    Secret(#[from] SecretError),
    #[error("mksquashfs failed")]
    Squash(#[source] ProcessError),
    #[error("cannot stream the root file system")]
    Stream(#[source] io::Error),
    #[error("{} is neither a file, a folder nor a link", .0.display())]
    Overlay(PathBuf),
    #[error("cannot describe the image")]
    Facts(#[source] serde_json::Error),
}

/// Makes the root from its parts, or finds that done already.
pub fn build(
    definition: &Definition,
    layers: [&Layer; 2],
    additions: &BTreeMap<String, Addition>,
    date: u64,
    cache: &Cache,
) -> Result<Outcome<PathBuf>, RootError> {
    let patterns = format!("{:?}", definition.remove);
    let mut parts: Vec<Vec<u8>> = vec![
        include_bytes!("rootfs.rs").to_vec(),
        include_bytes!("secrets.rs").to_vec(),
        patterns.into_bytes(),
        users::all(definition).into_bytes(),
        date.to_le_bytes().to_vec(),
    ];
    parts.extend(layers.iter().map(|layer| layer.key.as_bytes().to_vec()));
    for (path, addition) in additions {
        parts.push(format!("{path} {:o}", addition.mode).into_bytes());
        parts.push(addition.content.digest().as_bytes().to_vec());
    }
    let digests: Vec<u8> = parts.iter().flat_map(|part| *Sha256::of(part).as_bytes()).collect();
    let (path, cached) = cache.layer("root", &Sha256::of(&digests), |path| {
        squash(path, date, |out| {
            Merge {
                definition,
                additions,
                date,
                archive: tar::Builder::new(out),
                factory: Vec::new(),
                folders: BTreeSet::new(),
            }
            .run(layers)
        })
    })?;
    let result = sized(fs::size(&path)?);
    Ok(Outcome { value: path, cached, result })
}

/// A command that takes itself for root: mksquashfs 4.5 gives the root folder of a tar stream to its user,
/// whatever its options say.
fn as_root(program: &str) -> Process {
    if geteuid().is_root() {
        return Process::new(program);
    }
    Process::new("unshare").args(["--user", "--map-root-user", program])
}

/// Feeds `mksquashfs` with what `write` writes.
fn squash(
    path: &Path,
    date: u64,
    write: impl FnOnce(&mut dyn Write) -> Result<(), RootError>,
) -> Result<(), RootError> {
    let mut running = as_root("mksquashfs")
        .arg("-")
        .arg(path)
        .args(["-tar", "-noappend", "-quiet", "-no-progress"])
        .args(["-comp", "zstd", "-Xcompression-level", ROOT_ZSTD_LEVEL])
        .args(["-root-mode", "0755"])
        // Both the file system's date and that of folders which the stream does not name.
        .env("SOURCE_DATE_EPOCH", date.to_string())
        .with(|command| {
            command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::piped());
        })
        .spawn()
        .map_err(RootError::Squash)?;
    let (Some(stdin), Some(mut stderr)) = (running.child.stdin.take(), running.child.stderr.take()) else {
        unreachable!("both were asked for as pipes")
    };
    let (written, said) = std::thread::scope(|scope| {
        let listen = scope.spawn(move || {
            let mut said = Vec::new();
            // What cannot be read any more is not missed: the exit code tells.
            let _ = stderr.read_to_end(&mut said);
            said
        });
        let mut out = io::BufWriter::with_capacity(1 << 20, stdin);
        let written = write(&mut out).and_then(|()| out.flush().map_err(RootError::Stream));
        drop(out);
        (written, listen.join().unwrap_or_default())
    });
    match written {
        // A reader that went away has the better explanation.
        Ok(()) | Err(RootError::Stream(_)) => running.finish(&said).map_err(RootError::Squash)?,
        Err(_) => drop(running),
    }
    written
}

struct Merge<'a, W: Write> {
    definition: &'a Definition,
    additions: &'a BTreeMap<String, Addition>,
    date: u64,
    archive: tar::Builder<W>,
    /// Folders of `/var` that the first boot fills, with the line that says so.
    factory: Vec<String>,
    /// What the packages brought, so that the overlay does not change its owner or mode.
    folders: BTreeSet<String>,
}

impl<W: Write> Merge<'_, W> {
    fn run(mut self, layers: [&Layer; 2]) -> Result<(), RootError> {
        for layer in layers {
            let fail = |error| layer.unreadable(error);
            for entry in layer.open()?.entries().map_err(fail)? {
                self.entry(entry.map_err(fail)?)?;
            }
        }
        for (path, addition) in self.additions {
            self.add(path, addition)?;
        }
        let text = self.factory.concat();
        let rules = Addition { mode: 0o644, content: Content::File(text.into_bytes()) };
        self.add("usr/lib/tmpfiles.d/understudy-var.conf", &rules)?;
        self.archive.into_inner().and_then(|mut out| out.flush()).map_err(RootError::Stream)
    }

    fn entry<R: Read>(&mut self, mut entry: tar::Entry<'_, R>) -> Result<(), RootError> {
        let path = plain_path(entry.path().map_err(RootError::Stream)?.as_os_str());
        if self.is_left_out(&path) {
            return Ok(());
        }
        let mut header = entry.header().clone();
        let target = factory_path(&path);
        if path.starts_with("var/") {
            self.note_factory(&path, &header);
        }
        if let Some(value) = capability(&mut entry)? {
            let key = "SCHILY.xattr.security.capability";
            self.archive.append_pax_extensions([(key, value.as_slice())]).map_err(RootError::Stream)?;
        }
        let kind = header.entry_type();
        if kind.is_symlink() || kind.is_hard_link() {
            let link = entry.link_name().map_err(RootError::Stream)?.unwrap_or_default();
            let inside = || PathBuf::from(factory_path(&plain_path(link.as_os_str())));
            let link = if kind.is_hard_link() { inside() } else { link.to_path_buf() };
            return self.archive.append_link(&mut header, &target, link).map_err(RootError::Stream);
        }
        if kind.is_file() && entry.size() <= SEARCHED_BYTES_MAX {
            let mut content = Vec::new();
            entry.read_to_end(&mut content).map_err(RootError::Stream)?;
            secrets::refuse(&path, &content)?;
            if let Some(lines) = users::lines(&path, self.definition) {
                content.extend(lines.into_bytes());
                header.set_size(content.len() as u64);
            }
            return self.archive.append_data(&mut header, &target, &content[..]).map_err(RootError::Stream);
        }
        self.archive.append_data(&mut header, &target, entry).map_err(RootError::Stream)?;
        if kind.is_dir() {
            self.folders.insert(path.clone());
        }
        // The mount point of the state partition takes the place of the folder that moved.
        if path == "var" { self.append_folder("var") } else { Ok(()) }
    }

    fn is_left_out(&self, path: &str) -> bool {
        // The kernel is beside the root, not in it.
        let kernel = path == "boot/vmlinuz";
        kernel
            || self.additions.contains_key(path) && !self.is_folder(path)
            || self.definition.remove.is_match(path)
            || self.is_autostart_of_a_service(path)
    }

    fn is_folder(&self, path: &str) -> bool {
        self.additions.get(path).is_some_and(|addition| matches!(addition.content, Content::Folder))
    }

    /// Packages start their daemons at boot; a service of ours starts with its role only.
    fn is_autostart_of_a_service(&self, path: &str) -> bool {
        let Some((folder, unit)) = path.rsplit_once('/') else { return false };
        folder.starts_with("etc/systemd/system/")
            && folder.ends_with(".wants")
            && self
                .definition
                .services
                .iter()
                .any(|folder| folder.service.units.iter().any(|own| own == unit))
    }

    /// A `tmpfiles.d` line for `/var/X` (made) and `/var/X/Y` (copied, unless it is there).
    fn note_factory(&mut self, path: &str, header: &tar::Header) {
        let depth = path.matches('/').count();
        let kind = header.entry_type();
        if kind.is_symlink() || path.starts_with("var/lib/dpkg") || path.starts_with("var/lib/apt") {
            return;
        }
        if depth == 1 && kind.is_dir() {
            let mode = header.mode().unwrap_or(0o755);
            let (user, group) = (header.uid().unwrap_or(0), header.gid().unwrap_or(0));
            self.factory.push(format!("d /{path} {mode:04o} {user} {group} -\n"));
        } else if depth == 2 {
            self.factory.push(format!("C /{path} - - - -\n"));
        }
    }

    fn add(&mut self, path: &str, addition: &Addition) -> Result<(), RootError> {
        let mut header = tar::Header::new_gnu();
        header.set_mode(addition.mode);
        header.set_mtime(self.date);
        header.set_uid(0);
        header.set_gid(0);
        header.set_size(0);
        let appended = match &addition.content {
            Content::Folder if self.folders.contains(path) => return Ok(()),
            Content::Folder => return self.append_folder(path),
            Content::Link(target) => {
                header.set_entry_type(tar::EntryType::Symlink);
                self.archive.append_link(&mut header, path, target)
            }
            Content::File(content) => {
                if content.len() as u64 <= SEARCHED_BYTES_MAX {
                    secrets::refuse(path, content)?;
                }
                header.set_size(content.len() as u64);
                self.archive.append_data(&mut header, path, &content[..])
            }
        };
        appended.map_err(RootError::Stream)
    }

    fn append_folder(&mut self, path: &str) -> Result<(), RootError> {
        let mut header = tar::Header::new_gnu();
        header.set_entry_type(tar::EntryType::Directory);
        header.set_mode(0o755);
        header.set_mtime(self.date);
        header.set_uid(0);
        header.set_gid(0);
        header.set_size(0);
        self.archive.append_data(&mut header, path, io::empty()).map_err(RootError::Stream)
    }
}

fn factory_path(path: &str) -> String {
    if path == "var" || path.starts_with("var/") { format!("{FACTORY}{path}") } else { path.to_owned() }
}

fn capability<R: Read>(entry: &mut tar::Entry<'_, R>) -> Result<Option<Vec<u8>>, RootError> {
    let Some(extensions) = entry.pax_extensions().map_err(RootError::Stream)? else { return Ok(None) };
    for extension in extensions {
        let extension = extension.map_err(RootError::Stream)?;
        if extension.key_bytes() == b"SCHILY.xattr.security.capability" {
            return Ok(Some(extension.value_bytes().to_vec()));
        }
    }
    Ok(None)
}
