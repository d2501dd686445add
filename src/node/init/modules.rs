//! Kernel modules: those that are always needed, and those that the hardware asks for by its `modalias`.

use nix::errno::Errno;
use nix::kmod::{ModuleInitFlags, finit_module};
use nix::libc;
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::ffi::CString;
use std::path::{Path, PathBuf};
use understudy_core::base::causes::with_causes;
use understudy_core::base::fs;

const MODULES: &str = "/lib/modules";
const DEVICES: &str = "/sys/devices";

/// Modules cannot be loaded.
#[derive(Debug, thiserror::Error)]
pub enum ModulesError {
    #[error("cannot read the modules' index")]
    Index(#[from] fs::FsError),
    #[error("the initrd has modules of another kernel than the one that runs")]
    OtherKernel,
    #[error("the initrd lacks module `{0}`")]
    Missing(String),
    #[error("cannot load module {name}")]
    Load {
        name: String,
        #[source]
        source: Errno,
    },
}

/// The initrd's modules and what has been loaded of them.
pub struct Modules {
    folder: PathBuf,
    /// By name, its path and the paths it needs, the last of which comes first (modules.dep(5)).
    dependencies: BTreeMap<String, (String, Vec<String>)>,
    /// Pattern of a `modalias` and the module's name.
    aliases: Vec<(CString, String)>,
    always: Vec<String>,
    loaded: RefCell<BTreeSet<String>>,
}

impl Modules {
    /// Reads the index that the builder wrote.
    pub fn open() -> Result<Self, ModulesError> {
        let release = fs::read_text(Path::new("/proc/sys/kernel/osrelease"))?;
        let folder = Path::new(MODULES).join(release.trim());
        if !folder.is_dir() {
            return Err(ModulesError::OtherKernel);
        }
        let text = |name: &str| fs::read_text(&folder.join(name));
        let dependencies = text("modules.dep")?.lines().filter_map(dependency).collect();
        let aliases = text("modules.alias")?.lines().filter_map(alias).collect();
        let always = text("modules.load")?.lines().map(str::to_owned).collect();
        Ok(Self { dependencies, aliases, always, folder, loaded: RefCell::default() })
    }

    /// Loads what every boot needs.
    pub fn load_always(&self) -> Result<(), ModulesError> {
        self.always.iter().try_for_each(|name| self.load(name))
    }

    /// Loads what the devices that are there now ask for, until no new one appears.
    pub fn load_for_hardware(&self) -> Result<(), ModulesError> {
        loop {
            let before = self.loaded.borrow().len();
            let mut wanted = BTreeSet::new();
            collect_aliases(Path::new(DEVICES), &mut wanted);
            for name in wanted.iter().flat_map(|wanted| self.modules_for(wanted)) {
                // A driver that fails is no reason to stop: another disk may hold the image.
                if let Err(error) = self.load(name) {
                    crate::console::say(&with_causes(&error));
                    self.loaded.borrow_mut().insert(name.to_owned());
                }
            }
            if self.loaded.borrow().len() == before {
                return Ok(());
            }
        }
    }

    fn modules_for<'a>(&'a self, wanted: &CString) -> impl Iterator<Item = &'a str> {
        self.aliases
            .iter()
            .filter(move |(pattern, _)| matches(pattern, wanted))
            .map(|(_, name)| name.as_str())
    }

    fn load(&self, name: &str) -> Result<(), ModulesError> {
        let name = canonical(name);
        if self.loaded.borrow().contains(&name) {
            return Ok(());
        }
        let (path, needs) =
            self.dependencies.get(&name).ok_or_else(|| ModulesError::Missing(name.clone()))?;
        for path in needs.iter().rev().chain([path]) {
            self.insert(path)?;
        }
        Ok(())
    }

    fn insert(&self, path: &str) -> Result<(), ModulesError> {
        let name = name_of(path);
        if self.loaded.borrow().contains(&name) {
            return Ok(());
        }
        let file = fs::open(&self.folder.join(path))?;
        match finit_module(file, c"", ModuleInitFlags::empty()) {
            // ENODEV: it is for a processor or a device that this machine does not have.
            Ok(()) | Err(Errno::EEXIST | Errno::ENODEV) => {
                self.loaded.borrow_mut().insert(name);
                Ok(())
            }
            Err(source) => Err(ModulesError::Load { name, source }),
        }
    }
}

fn dependency(line: &str) -> Option<(String, (String, Vec<String>))> {
    let (path, needs) = line.split_once(':')?;
    let needs = needs.split_ascii_whitespace().map(str::to_owned).collect();
    Some((name_of(path), (path.to_owned(), needs)))
}

fn alias(line: &str) -> Option<(CString, String)> {
    let (pattern, name) = line.strip_prefix("alias ")?.rsplit_once(' ')?;
    Some((CString::new(pattern).ok()?, name.to_owned()))
}

/// Module names are the same with `-` and `_`.
fn canonical(name: &str) -> String {
    name.replace('-', "_")
}

fn name_of(path: &str) -> String {
    let file = path.rsplit('/').next().unwrap_or(path);
    canonical(file.split('.').next().unwrap_or(file))
}

fn matches(pattern: &CString, text: &CString) -> bool {
    // SAFETY: both are strings that end with a zero byte and outlive the call.
    unsafe { libc::fnmatch(pattern.as_ptr(), text.as_ptr(), 0) == 0 }
}

/// Every `modalias` below `folder`. Links are not followed: they lead in circles.
fn collect_aliases(folder: &Path, found: &mut BTreeSet<CString>) {
    // Devices come and go while we look; the next round sees what is there then.
    for path in fs::list(folder).unwrap_or_default() {
        if path.ends_with("modalias") {
            let text = fs::read_text(&path).unwrap_or_default();
            found.extend(CString::new(text.trim_end()).ok().filter(|alias| !alias.is_empty()));
        } else if path.symlink_metadata().is_ok_and(|metadata| metadata.is_dir()) {
            collect_aliases(&path, found);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hardware_finds_its_module_by_pattern() {
        let (pattern, name) = alias("alias pci:v00001AF4d*sv*sd*bc*sc*i* virtio_pci").unwrap();
        assert_eq!(name, "virtio_pci");
        let device = CString::new("pci:v00001AF4d00001001sv00001AF4sd00000002bc01sc00i00").unwrap();
        assert!(matches(&pattern, &device));
        assert!(!matches(&pattern, &CString::new("pci:v00008086d00001001").unwrap()));
        assert_eq!(alias("# a comment"), None);
    }

    #[test]
    fn a_dependency_line_keeps_its_order() {
        let (name, (path, needs)) = dependency("kernel/a-b.ko: kernel/c.ko kernel/d.ko").unwrap();
        assert_eq!((name.as_str(), path.as_str()), ("a_b", "kernel/a-b.ko"));
        assert_eq!(needs, ["kernel/c.ko", "kernel/d.ko"]);
    }
}
