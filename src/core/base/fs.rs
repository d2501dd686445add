//! Files, with the path in every error.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// A file operation failed: which one, and on what.
#[derive(Debug, thiserror::Error)]
#[error("cannot {action} {}", path.display())]
pub struct FsError {
    action: &'static str,
    path: PathBuf,
    #[source]
    source: io::Error,
}

impl FsError {
    /// Whether the file was simply not there.
    pub fn is_not_found(&self) -> bool {
        self.source.kind() == io::ErrorKind::NotFound
    }

    /// Whether the disk had no room left.
    pub fn is_disk_full(&self) -> bool {
        self.source.kind() == io::ErrorKind::StorageFull
    }
}

/// What [`fail`] turns into: a result whose error names the path.
pub type Result<T> = std::result::Result<T, FsError>;

/// Adapts an I/O error of `action` on `path`, for use with `map_err`.
pub fn fail<'a>(action: &'static str, path: &'a Path) -> impl FnOnce(io::Error) -> FsError + 'a {
    move |source| FsError { action, path: path.to_owned(), source }
}

/// The whole file.
#[expect(clippy::disallowed_methods, reason = "this is the one place that calls it")]
pub fn read(path: &Path) -> Result<Vec<u8>> {
    std::fs::read(path).map_err(fail("read", path))
}

/// The whole file as UTF-8.
#[expect(clippy::disallowed_methods, reason = "this is the one place that calls it")]
pub fn read_text(path: &Path) -> Result<String> {
    std::fs::read_to_string(path).map_err(fail("read", path))
}

/// Replaces the file's content, not atomically; for files that nobody else reads yet.
#[expect(clippy::disallowed_methods, reason = "this is the one place that calls it")]
pub fn write(path: &Path, content: &[u8]) -> Result<()> {
    std::fs::write(path, content).map_err(fail("write", path))
}

/// Replaces the file's content so that a reader sees the old or the new one, never half of it.
pub fn write_atomic(path: &Path, content: &[u8]) -> Result<()> {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{}.new", std::process::id()));
    let staged = path.with_file_name(name);
    let written = create(&staged).and_then(|mut file| {
        file.write_all(content).and_then(|()| file.sync_all()).map_err(fail("write", &staged))?;
        rename(&staged, path)
    });
    if written.is_err() {
        // The first error is the one to tell; a leftover of a full disk is only untidy.
        let _ = std::fs::remove_file(&staged);
    }
    written
}

/// Opens for reading.
pub fn open(path: &Path) -> Result<File> {
    File::open(path).map_err(fail("open", path))
}

/// Opens for reading and writing, without truncating.
pub fn open_update(path: &Path) -> Result<File> {
    OpenOptions::new().read(true).write(true).open(path).map_err(fail("open for writing", path))
}

/// Opens for reading and writing what is there, or creates it.
pub fn open_or_create(path: &Path) -> Result<File> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false);
    options.open(path).map_err(fail("open or create", path))
}

/// Creates or truncates, readable and writable.
pub fn create(path: &Path) -> Result<File> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(true);
    options.open(path).map_err(fail("create", path))
}

/// Creates a file that must not exist yet, readable by its owner only.
pub fn create_secret(path: &Path) -> Result<File> {
    use std::os::unix::fs::OpenOptionsExt;
    let mut options = OpenOptions::new();
    options.write(true).create_new(true).mode(0o600);
    options.open(path).map_err(fail("create", path))
}

/// Creates the folder and its parents.
pub fn create_dir_all(path: &Path) -> Result<()> {
    std::fs::create_dir_all(path).map_err(fail("create folder", path))
}

/// Replaces a file that only its owner may read, so that a crash leaves the old or the new one, durably.
pub fn write_secret_atomic(path: &Path, content: &[u8]) -> Result<()> {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".new");
    let staged = path.with_file_name(name);
    // A crash of an earlier try may have left it.
    match remove_file(&staged) {
        Err(error) if !error.is_not_found() => return Err(error),
        _ => {}
    }
    let mut file = create_secret(&staged)?;
    file.write_all(content).and_then(|()| file.sync_all()).map_err(fail("write", &staged))?;
    rename(&staged, path)?;
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    open(folder)?.sync_all().map_err(fail("write", folder))
}

/// Moves a file or folder within one file system.
pub fn rename(from: &Path, to: &Path) -> Result<()> {
    std::fs::rename(from, to).map_err(fail("rename to", to))
}

/// Removes a file.
pub fn remove_file(path: &Path) -> Result<()> {
    std::fs::remove_file(path).map_err(fail("remove", path))
}

/// Removes a folder with its content; a missing one is fine.
pub fn remove_dir_all(path: &Path) -> Result<()> {
    match std::fs::remove_dir_all(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        result => result.map_err(fail("remove folder", path)),
    }
}

/// The file's size in bytes.
pub fn size(path: &Path) -> Result<u64> {
    std::fs::metadata(path).map(|metadata| metadata.len()).map_err(fail("examine", path))
}

/// Who may read, write and run the file (chmod(1)).
pub fn mode(path: &Path) -> Result<u32> {
    use std::os::unix::fs::PermissionsExt;
    let metadata = std::fs::metadata(path).map_err(fail("examine", path))?;
    Ok(metadata.permissions().mode() & 0o777)
}

/// Copies a file's content and mode.
pub fn copy(from: &Path, to: &Path) -> Result<u64> {
    std::fs::copy(from, to).map_err(fail("copy to", to))
}

/// The paths in a folder, sorted by name.
pub fn list(path: &Path) -> Result<Vec<PathBuf>> {
    let entries = std::fs::read_dir(path).map_err(fail("list", path))?;
    let mut paths = entries
        .map(|entry| entry.map(|entry| entry.path()))
        .collect::<io::Result<Vec<_>>>()
        .map_err(fail("list", path))?;
    paths.sort();
    Ok(paths)
}
