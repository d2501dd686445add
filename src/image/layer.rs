//! The two layers under every root: installed packages, and the kernel with its modules. Each is a tar stream
//! (zstd) in the cache, under the hash of everything that it is made from.

use crate::cache::Cache;
use crate::deb::{self, DebError};
use crate::lock::{Lock, Part, Pin};
use crate::namespace::{self, NamespaceError};
use crate::packages::{self, PackagesError};
use crate::progress::{Outcome, Progress, sized};
use crate::stage::Job;
use crate::tree::{self, Owners};
use std::io::{self, BufWriter, Read, Write};
use std::path::{Path, PathBuf};
use understudy_core::base::fs::{self, FsError};
use understudy_core::base::process::{Process, ProcessError};
use understudy_core::base::sha256::Sha256;

/// A layer is read back within seconds and never travels: speed before size.
const LAYER_ZSTD_LEVEL: i32 = 1;
/// Where the kernel image stands in the kernel layer.
pub const KERNEL_PATH: &str = "boot/vmlinuz";

/// A layer in the cache.
#[derive(Clone, Debug)]
pub struct Layer {
    pub path: PathBuf,
    /// What it was made from.
    pub key: Sha256,
}

/// Why a layer could not be made.
#[derive(Debug, thiserror::Error)]
pub enum LayerError {
    #[error(transparent)]
    File(#[from] FsError),
    #[error(transparent)]
    Package(#[from] PackagesError),
    #[error(transparent)]
    Deb(#[from] DebError),
    #[error("cannot install the packages")]
    Stage(#[from] NamespaceError),
    #[error("cannot compress a layer")]
    Compress(#[source] io::Error),
    #[error("cannot index the kernel's modules")]
    Depmod(#[source] ProcessError),
    #[error("cannot unpack the kernel")]
    Kernel(#[source] io::Error),
    #[error("the lock pins no kernel")]
    NoKernel,
    #[error("the kernel package holds no kernel")]
    NoKernelImage,
    #[error("layer {} cannot be read back", path.display())]
    Unreadable {
        path: PathBuf,
        #[source]
        source: io::Error,
    },
}

impl Layer {
    /// The layer's tar stream.
    pub fn open(&self) -> Result<tar::Archive<impl Read>, LayerError> {
        let file = fs::open(&self.path)?;
        let stream = zstd::Decoder::new(file).map_err(|error| self.unreadable(error))?;
        Ok(tar::Archive::new(stream))
    }

    /// Adapts an error while reading the stream.
    pub fn unreadable(&self, source: io::Error) -> LayerError {
        LayerError::Unreadable { path: self.path.clone(), source }
    }
}

fn outcome(layer: Layer, cached: bool) -> Result<Outcome<Layer>, LayerError> {
    let result = sized(fs::size(&layer.path)?);
    Ok(Outcome { value: layer, cached, result })
}

fn digest_of<'a>(pins: impl Iterator<Item = &'a Pin>) -> Vec<u8> {
    pins.flat_map(|pin| *pin.sha256.as_bytes()).collect()
}

fn latest(lock: &Lock) -> u64 {
    u64::try_from(lock.date.as_second()).unwrap_or(0)
}

fn compressor(path: &Path) -> Result<zstd::Encoder<'static, BufWriter<std::fs::File>>, LayerError> {
    let file = BufWriter::with_capacity(1 << 20, fs::create(path)?);
    zstd::Encoder::new(file, LAYER_ZSTD_LEVEL).map_err(LayerError::Compress)
}

/// Installs the locked packages, or finds that done already.
pub fn packages_layer(
    lock: &Lock,
    cache: &Cache,
    work: &Path,
    progress: &dyn Progress,
) -> Result<Outcome<Layer>, LayerError> {
    let in_root = || lock.part(Part::Base).chain(lock.part(Part::Root));
    let recipe = [include_bytes!("stage.rs").as_slice(), include_bytes!("tree.rs").as_slice()].concat();
    let date = latest(lock).to_le_bytes();
    let base_count = lock.part(Part::Base).count().to_le_bytes();
    let key = Sha256::of_parts(&[&recipe, &date, &base_count, &digest_of(in_root())]);
    let (path, cached) = cache.layer("packages", &key, |path| -> Result<(), LayerError> {
        packages::recheck(in_root(), cache)?;
        let root = work.join("root");
        fs::create_dir_all(&root)?;
        let names = |part| lock.part(part).map(|pin| format!("{}.deb", pin.sha256)).collect();
        let job = Job {
            root,
            packages: cache.packages(),
            base: names(Part::Base),
            rest: names(Part::Root),
            latest: latest(lock),
        };
        let mut out = compressor(path)?;
        namespace::run(&job, progress, |stream| io::copy(stream, &mut out).map(drop))?;
        finish(out)
    })?;
    outcome(Layer { path, key }, cached)
}

fn finish(out: zstd::Encoder<'static, BufWriter<std::fs::File>>) -> Result<(), LayerError> {
    out.finish().and_then(|mut file| file.flush()).map_err(LayerError::Compress)
}

/// Unpacks the locked kernel without the module folders in `exclude`, and indexes what is left.
pub fn kernel_layer(
    lock: &Lock,
    exclude: &[String],
    cache: &Cache,
    work: &Path,
) -> Result<Outcome<Layer>, LayerError> {
    let pin = lock.part(Part::Kernel).next().ok_or(LayerError::NoKernel)?;
    let recipe = include_bytes!("layer.rs");
    let words = exclude.join("\n");
    let date = latest(lock).to_le_bytes();
    let key = Sha256::of_parts(&[recipe, &date, pin.sha256.as_bytes(), words.as_bytes()]);
    let (path, cached) = cache.layer("kernel", &key, |path| -> Result<(), LayerError> {
        packages::recheck([pin].into_iter(), cache)?;
        let tree = work.join("kernel");
        unpack_kernel(&cache.package(&pin.sha256), exclude, &tree)?;
        let mut out = compressor(path)?;
        tree::write_tree(&tree, Owners::Root, latest(lock), &mut out)?;
        finish(out)
    })?;
    outcome(Layer { path, key }, cached)
}

fn unpack_kernel(package: &Path, exclude: &[String], tree: &Path) -> Result<(), LayerError> {
    let mut release = None;
    for entry in deb::payload(package)?.entries().map_err(LayerError::Kernel)? {
        let mut entry = entry.map_err(LayerError::Kernel)?;
        let name = tree::plain_path(entry.path().map_err(LayerError::Kernel)?.as_os_str());
        let Some((target, found)) = kernel_file(&name, exclude) else { continue };
        if !entry.header().entry_type().is_file() {
            continue;
        }
        release = release.or(found);
        let target = tree.join(target);
        if let Some(folder) = target.parent() {
            fs::create_dir_all(folder)?;
        }
        entry.unpack(&target).map_err(LayerError::Kernel)?;
    }
    let release = release.ok_or(LayerError::NoKernelImage)?;
    Process::new("depmod").arg("-b").arg(tree.join("usr")).arg(release).run().map_err(LayerError::Depmod)?;
    Ok(())
}

/// Where a file of the kernel package goes, and the kernel release if its name tells.
fn kernel_file(name: &str, exclude: &[String]) -> Option<(String, Option<String>)> {
    if let Some(release) = name.strip_prefix("boot/vmlinuz-") {
        return Some((KERNEL_PATH.to_owned(), Some(release.to_owned())));
    }
    let module = name.strip_prefix("lib/modules/")?;
    let (_, inside) = module.split_once('/')?;
    let excluded = exclude
        .iter()
        .any(|folder| inside.strip_prefix(folder.as_str()).is_some_and(|rest| rest.starts_with('/')));
    (!excluded).then(|| (format!("usr/lib/modules/{module}"), None))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_whole_folders_are_excluded() {
        let exclude = ["kernel/sound".to_owned()];
        assert_eq!(kernel_file("lib/modules/6.1/kernel/sound/core/snd.ko", &exclude), None);
        let kept = kernel_file("lib/modules/6.1/kernel/soundwire/x.ko", &exclude);
        assert_eq!(kept, Some(("usr/lib/modules/6.1/kernel/soundwire/x.ko".into(), None)));
        assert_eq!(kernel_file("boot/config-6.1", &exclude), None);
        let kernel = kernel_file("boot/vmlinuz-6.1", &exclude);
        assert_eq!(kernel, Some((KERNEL_PATH.into(), Some("6.1".into()))));
    }
}
