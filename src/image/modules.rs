//! Which kernel modules go into the initrd: the named ones and all that they depend on.

use crate::definition::Kernel;
use std::collections::{BTreeMap, BTreeSet};
use toml::Spanned;

/// What depmod says about a kernel's modules (depmod.d(5), modules.dep(5)).
#[derive(Debug, Default)]
pub struct ModuleIndex {
    /// Module name to path and the paths of what it depends on, as in `modules.dep`.
    modules: BTreeMap<String, (String, Vec<String>)>,
    /// The lines of `modules.alias`.
    aliases: Vec<String>,
    builtin: BTreeSet<String>,
}

/// The modules of an initrd.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Selection {
    /// Paths below the module folder.
    pub paths: BTreeSet<String>,
    /// `modules.dep`, `modules.alias` and `modules.load`, each only about these modules.
    pub dependencies: String,
    pub aliases: String,
    pub load: String,
}

/// A module that the kernel does not have; the line is the author's to fix.
#[derive(Debug, thiserror::Error)]
#[error("the kernel has no module `{name}`")]
pub struct UnknownModule {
    pub name: String,
    /// Where it is asked for.
    pub span: Spanned<()>,
}

/// Module names are the same with `-` and `_`.
fn canonical(name: &str) -> String {
    name.replace('-', "_")
}

fn name_of(path: &str) -> String {
    let file = path.rsplit('/').next().unwrap_or(path);
    canonical(file.split('.').next().unwrap_or(file))
}

impl ModuleIndex {
    /// Reads the three files of a module folder.
    pub fn parse(dependencies: &str, aliases: &str, builtin: &str) -> Self {
        let modules = dependencies.lines().filter_map(|line| {
            let (path, needs) = line.split_once(':')?;
            let needs = needs.split_ascii_whitespace().map(str::to_owned).collect();
            Some((name_of(path), (path.to_owned(), needs)))
        });
        Self {
            modules: modules.collect(),
            aliases: aliases.lines().filter(|line| line.starts_with("alias ")).map(str::to_owned).collect(),
            builtin: builtin.lines().map(name_of).collect(),
        }
    }

    /// Selects what `[kernel]` names; a module that is built in needs no file.
    pub fn select(&self, kernel: &Kernel) -> Result<Selection, UnknownModule> {
        let mut selection = Selection::default();
        for named in kernel.initrd.iter().chain(&kernel.load) {
            let name = canonical(named.get_ref());
            match self.modules.get(&name) {
                Some((path, needs)) => {
                    selection.paths.insert(path.clone());
                    selection.paths.extend(needs.iter().cloned());
                }
                None if self.builtin.contains(&name) => {}
                None => {
                    let span = Spanned::new(named.span(), ());
                    return Err(UnknownModule { name: named.get_ref().clone(), span });
                }
            }
        }
        let names: BTreeSet<String> = selection.paths.iter().map(|path| name_of(path)).collect();
        for (path, needs) in names.iter().filter_map(|name| self.modules.get(name)) {
            selection.dependencies.push_str(&format!("{path}: {}\n", needs.join(" ")));
        }
        for line in &self.aliases {
            let module = line.rsplit(' ').next().unwrap_or_default();
            if names.contains(&canonical(module)) {
                selection.aliases.push_str(&format!("{line}\n"));
            }
        }
        for name in kernel.load.iter().map(|name| canonical(name.get_ref())) {
            if names.contains(&name) {
                selection.load.push_str(&format!("{name}\n"));
            }
        }
        Ok(selection)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DEP: &str = "kernel/fs/ext4.ko: kernel/fs/jbd2.ko kernel/lib/crc16.ko\nkernel/fs/jbd2.ko:\n\
        kernel/lib/crc16.ko:\nkernel/net/e1000.ko:\nkernel/md/dm-verity.ko:\n";
    const ALIAS: &str = "# a comment\nalias fs-ext4 ext4\nalias pci:v00008086d* e1000\n";

    fn kernel(initrd: &[&str], load: &[&str]) -> Kernel {
        let spanned =
            |names: &[&str]| names.iter().map(|name| Spanned::new(0..1, (*name).to_owned())).collect();
        Kernel {
            package: Spanned::new(0..1, "linux".to_owned()),
            exclude: Vec::new(),
            initrd: spanned(initrd),
            load: spanned(load),
        }
    }

    #[test]
    fn dependencies_come_along_and_nothing_else() {
        let index = ModuleIndex::parse(DEP, ALIAS, "kernel/drivers/virtio.ko\n");
        let selection = index.select(&kernel(&["ext4", "virtio"], &["dm_verity"])).unwrap();
        let paths: Vec<_> = selection.paths.iter().map(String::as_str).collect();
        let expected =
            ["kernel/fs/ext4.ko", "kernel/fs/jbd2.ko", "kernel/lib/crc16.ko", "kernel/md/dm-verity.ko"];
        assert_eq!(paths, expected);
        assert_eq!(selection.aliases, "alias fs-ext4 ext4\n");
        assert_eq!(selection.load, "dm_verity\n");
        assert!(
            selection.dependencies.contains("kernel/fs/ext4.ko: kernel/fs/jbd2.ko kernel/lib/crc16.ko\n")
        );
    }

    #[test]
    fn an_unknown_module_is_named() {
        let error = ModuleIndex::parse(DEP, ALIAS, "").select(&kernel(&["nvmee"], &[])).unwrap_err();
        assert_eq!(error.to_string(), "the kernel has no module `nvmee`");
    }
}
