//! Writes a folder as a tar stream whose bytes depend on the folder's content alone.
//!
//! Sorted by path, no date later than the image's, owners as numbers, hard links kept, capabilities kept.

use std::collections::HashMap;
use std::ffi::OsStr;
use std::fs::{File, Metadata};
use std::io::{self, Write};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::{Path, PathBuf};
use understudy_core::base::fs::{self, FsError};

/// The only extended attribute that Debian's packages set.
const CAPABILITY: &str = "security.capability";

/// Whose files these are, in the stream.
#[derive(Clone, Copy, Debug)]
pub enum Owners {
    /// As they are in the folder.
    Kept,
    /// Everything belongs to root, and everyone may read it.
    Root,
}

/// Writes all below `root` to `out`. `latest` (seconds since 1970) bounds every date.
pub fn write_tree(root: &Path, owners: Owners, latest: u64, out: &mut dyn Write) -> Result<(), FsError> {
    let mut writer =
        TreeWriter { root, owners, latest, archive: tar::Builder::new(out), linked: HashMap::new() };
    writer.archive.mode(tar::HeaderMode::Deterministic);
    writer.folder(Path::new(""))?;
    writer.archive.finish().map_err(fs::fail("write a tar stream of", root))
}

struct TreeWriter<'a> {
    root: &'a Path,
    owners: Owners,
    latest: u64,
    archive: tar::Builder<&'a mut dyn Write>,
    /// The first path of every file that has several.
    linked: HashMap<(u64, u64), PathBuf>,
}

impl TreeWriter<'_> {
    fn folder(&mut self, inside: &Path) -> Result<(), FsError> {
        for path in fs::list(&self.root.join(inside))? {
            let name = inside.join(path.file_name().unwrap_or_default());
            let metadata = path.symlink_metadata().map_err(fs::fail("examine", &path))?;
            self.entry(&name, &path, &metadata).map_err(fs::fail("write a tar entry for", &path))?;
            if metadata.is_dir() {
                self.folder(&name)?;
            }
        }
        Ok(())
    }

    fn entry(&mut self, name: &Path, path: &Path, metadata: &Metadata) -> io::Result<()> {
        let mut header = self.header(metadata);
        let kind = metadata.file_type();
        if kind.is_dir() {
            header.set_entry_type(tar::EntryType::Directory);
            return self.archive.append_data(&mut header, name, io::empty());
        }
        if kind.is_symlink() {
            header.set_entry_type(tar::EntryType::Symlink);
            return self.archive.append_link(&mut header, name, std::fs::read_link(path)?);
        }
        if kind.is_fifo() {
            header.set_entry_type(tar::EntryType::Fifo);
            return self.archive.append_data(&mut header, name, io::empty());
        }
        if !kind.is_file() {
            // Sockets and device nodes are made where the image runs.
            return Ok(());
        }
        if metadata.nlink() > 1 {
            let inode = (metadata.dev(), metadata.ino());
            if let Some(first) = self.linked.get(&inode) {
                header.set_entry_type(tar::EntryType::Link);
                return self.archive.append_link(&mut header, name, first);
            }
            self.linked.insert(inode, name.to_owned());
        }
        if let Some(value) = xattr::get(path, CAPABILITY)? {
            let key = format!("SCHILY.xattr.{CAPABILITY}");
            self.archive.append_pax_extensions([(key.as_str(), value.as_slice())])?;
        }
        header.set_size(metadata.len());
        self.archive.append_data(&mut header, name, File::open(path)?)
    }

    fn header(&self, metadata: &Metadata) -> tar::Header {
        let mut header = tar::Header::new_gnu();
        header.set_mtime(u64::try_from(metadata.mtime()).unwrap_or(0).min(self.latest));
        header.set_size(0);
        let (uid, gid, mode) = match self.owners {
            Owners::Kept => (metadata.uid(), metadata.gid(), metadata.mode() & 0o7777),
            // Whoever unpacked this had a umask.
            Owners::Root if metadata.mode() & 0o100 != 0 => (0, 0, 0o755),
            Owners::Root => (0, 0, 0o644),
        };
        header.set_mode(mode);
        header.set_uid(uid.into());
        header.set_gid(gid.into());
        header
    }
}

/// A path of a tar entry as text without `./` and a final `/`. Debian's paths are UTF-8.
pub fn plain_path(path: &OsStr) -> String {
    let text = String::from_utf8_lossy(path.as_bytes());
    text.trim_start_matches("./").trim_end_matches('/').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    fn stream(root: &Path) -> Vec<u8> {
        let mut bytes = Vec::new();
        write_tree(root, Owners::Root, 1_000_000, &mut bytes).unwrap();
        bytes
    }

    fn fill(root: &Path, names: &[&str]) {
        for name in names {
            fs::create_dir_all(&root.join(name)).unwrap();
            fs::write(&root.join(name).join("file"), name.as_bytes()).unwrap();
        }
        symlink("a/file", root.join("link")).unwrap();
        std::fs::hard_link(root.join("a/file"), root.join("hard")).unwrap();
    }

    #[test]
    fn the_order_of_creation_and_the_clock_leave_no_trace() {
        let (one, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        fill(one.path(), &["a", "b", "c"]);
        fill(other.path(), &["c", "a", "b"]);
        assert_eq!(stream(one.path()), stream(other.path()));
    }

    #[test]
    fn links_stay_links() {
        let root = tempfile::tempdir().unwrap();
        fill(root.path(), &["a"]);
        let bytes = stream(root.path());
        let mut archive = tar::Archive::new(&bytes[..]);
        let kinds: Vec<_> = archive
            .entries()
            .unwrap()
            .map(|entry| entry.unwrap())
            .map(|entry| (entry.path().unwrap().display().to_string(), entry.header().entry_type()))
            .collect();
        assert!(kinds.contains(&("link".into(), tar::EntryType::Symlink)), "{kinds:?}");
        assert!(kinds.contains(&("hard".into(), tar::EntryType::Link)), "{kinds:?}");
    }
}
