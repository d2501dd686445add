//! The initrd: `/init`, the modules that find a disk and a network, and the keys that it trusts, in a cpio archive (newc) under zstd.

use crate::definition::Kernel;
use crate::layer::{KERNEL_PATH, Layer, LayerError};
use crate::modules::{ModuleIndex, Selection, UnknownModule};
use crate::signing::SigningKey;
use crate::tree::plain_path;
use cpio::newc::{Builder, ModeFileType, trailer};
use std::collections::BTreeMap;
use std::io::{self, Read, Write};
use std::path::Path;
use understudy_core::base::fs::{self, FsError};
use understudy_core::trust::TRUSTED_KEYS_PATH;

/// The initrd is read by firmware's slow disk calls and unpacked by the kernel: small matters.
const INITRD_ZSTD_LEVEL: i32 = 15;
/// Mount points that `/init` needs.
const FOLDERS: [&str; 5] = ["dev", "proc", "run", "sys", "sysroot"];
const MODULES: &str = "usr/lib/modules/";

/// Why there is no initrd.
#[derive(Debug, thiserror::Error)]
pub enum InitrdError {
    #[error(transparent)]
    Layer(#[from] LayerError),
    #[error(transparent)]
    Module(#[from] UnknownModule),
    #[error(transparent)]
    File(#[from] FsError),
    #[error("cannot write the initrd")]
    Write(#[source] io::Error),
    #[error("the kernel layer lacks {0}")]
    Incomplete(&'static str),
}

/// The kernel and its initrd, in memory.
#[derive(Debug)]
pub struct BootPair {
    pub kernel: Vec<u8>,
    pub initrd: Vec<u8>,
    /// As `uname -r` says it.
    pub release: String,
}

/// Makes the initrd from the kernel layer and the program at `node`.
pub fn build(layer: &Layer, kernel: &Kernel, node: &Path, key: &SigningKey) -> Result<BootPair, InitrdError> {
    let mut index =
        read(layer, |path| path == KERNEL_PATH || path.starts_with(MODULES) && !path.ends_with(".ko"))?;
    let image = index.remove(KERNEL_PATH).ok_or(InitrdError::Incomplete("the kernel"))?;
    let first = index.keys().next().ok_or(InitrdError::Incomplete("a module index"))?;
    let release = first[MODULES.len()..].split('/').next().unwrap_or_default().to_owned();
    let folder = format!("{MODULES}{release}/");
    let text = |name: &'static str| {
        let bytes = index.get(&format!("{folder}{name}")).ok_or(InitrdError::Incomplete(name))?;
        Ok::<_, InitrdError>(String::from_utf8_lossy(bytes))
    };
    let modules =
        ModuleIndex::parse(&text("modules.dep")?, &text("modules.alias")?, &text("modules.builtin")?);
    let selection = modules.select(kernel)?;
    let files = read(layer, |path| {
        path.strip_prefix(&folder).is_some_and(|inside| selection.paths.contains(inside))
    })?;
    let archive = archive(&release, &selection, files, fs::read(node)?, key.public_text())
        .map_err(InitrdError::Write)?;
    let initrd = zstd::encode_all(&archive[..], INITRD_ZSTD_LEVEL).map_err(InitrdError::Write)?;
    Ok(BootPair { kernel: image, initrd: padded(initrd), release })
}

/// iPXE joins initrds without gaps, and the kernel wants each to start at a multiple of four.
fn padded(mut initrd: Vec<u8>) -> Vec<u8> {
    initrd.resize(initrd.len().next_multiple_of(4), 0);
    initrd
}

fn read(layer: &Layer, wanted: impl Fn(&str) -> bool) -> Result<BTreeMap<String, Vec<u8>>, LayerError> {
    let mut files = BTreeMap::new();
    let fail = |error| layer.unreadable(error);
    for entry in layer.open()?.entries().map_err(fail)? {
        let mut entry = entry.map_err(fail)?;
        let path = plain_path(entry.path().map_err(fail)?.as_os_str());
        if entry.header().entry_type().is_file() && wanted(&path) {
            let mut content = Vec::new();
            entry.read_to_end(&mut content).map_err(fail)?;
            files.insert(path, content);
        }
    }
    Ok(files)
}

fn archive(
    release: &str,
    selection: &Selection,
    modules: BTreeMap<String, Vec<u8>>,
    init: Vec<u8>,
    trusted_key: &str,
) -> io::Result<Vec<u8>> {
    let folder = format!("lib/modules/{release}");
    let mut files: BTreeMap<String, (u32, Vec<u8>)> = BTreeMap::new();
    files.insert("init".to_owned(), (0o755, init));
    files.insert(TRUSTED_KEYS_PATH.trim_start_matches('/').to_owned(), (0o644, trusted_key.into()));
    for (path, content) in modules {
        files.insert(path.trim_start_matches("usr/").to_owned(), (0o644, content));
    }
    let texts = [("dep", &selection.dependencies), ("alias", &selection.aliases), ("load", &selection.load)];
    for (name, text) in texts {
        files.insert(format!("{folder}/modules.{name}"), (0o644, text.clone().into_bytes()));
    }
    let mut writer = CpioWriter { bytes: Vec::new(), inode: 0 };
    for path in folders(files.keys()) {
        writer.entry(&path, ModeFileType::Directory, 0o755, &[])?;
    }
    for (path, (mode, content)) in &files {
        writer.entry(path, ModeFileType::Regular, *mode, content)?;
    }
    trailer(writer.bytes)
}

/// The mount points and every parent of a file, parents first.
fn folders<'a>(files: impl Iterator<Item = &'a String>) -> Vec<String> {
    let parents = files.flat_map(|path| path.match_indices('/').map(|(at, _)| path[..at].to_owned()));
    let mut all: Vec<String> = FOLDERS.iter().map(|folder| (*folder).to_owned()).chain(parents).collect();
    all.sort();
    all.dedup();
    all
}

struct CpioWriter {
    bytes: Vec<u8>,
    inode: u32,
}

impl CpioWriter {
    fn entry(&mut self, path: &str, kind: ModeFileType, mode: u32, content: &[u8]) -> io::Result<()> {
        self.inode += 1;
        let size = u32::try_from(content.len()).map_err(io::Error::other)?;
        let builder = Builder::new(path).ino(self.inode).nlink(1).mode(mode).set_mode_file_type(kind);
        let mut writer = builder.write(&mut self.bytes, size);
        writer.write_all(content)?;
        writer.finish().map(drop)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parents_stand_before_their_children() {
        let files = ["init".to_owned(), "lib/modules/6.1/kernel/a.ko".to_owned()];
        let all = folders(files.iter());
        let at = |name: &str| all.iter().position(|folder| folder == name).unwrap();
        assert!(at("lib") < at("lib/modules") && at("lib/modules") < at("lib/modules/6.1/kernel"));
        assert!(all.contains(&"sysroot".to_owned()));
    }

    #[test]
    fn an_archive_reads_back_with_its_modes() {
        let selection = Selection { load: "dm_verity\n".to_owned(), ..Selection::default() };
        let modules = BTreeMap::from([("usr/lib/modules/6.1/kernel/a.ko".to_owned(), b"module".to_vec())]);
        let bytes = archive("6.1", &selection, modules, b"program".to_vec(), "key").unwrap();
        let mut input = &bytes[..];
        let mut found = BTreeMap::new();
        loop {
            let reader = cpio::newc::Reader::new(input).unwrap();
            if reader.entry().is_trailer() {
                break;
            }
            let name = reader.entry().name().to_owned();
            found.insert(name, reader.entry().mode());
            input = reader.finish().unwrap();
        }
        assert_eq!(found["init"], 0o100_755);
        assert_eq!(found["lib/modules/6.1/kernel/a.ko"], 0o100_644);
        assert_eq!(found["dev"], 0o040_755);
    }
}
