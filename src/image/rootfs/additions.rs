//! What we put into a root that no Debian package brings: overlay, services, roles, the node agent.

use super::RootError;
use crate::definition::Definition;
use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use understudy_core::base::fs;
use understudy_core::base::sha256::Sha256;
use understudy_core::formats::image_facts::{IMAGE_FACTS_PATH, ImageFacts};
use understudy_core::formats::service::PROGRAMS_PATH;
use understudy_core::model::name::Name;
use understudy_core::model::role::Role;

const UNITS: &str = "etc/systemd/system";
const OWN: &str = "usr/lib/understudy";

/// One file, folder or link.
#[derive(Clone, Debug)]
pub struct Addition {
    /// Permission bits.
    pub mode: u32,
    pub content: Content,
}

/// What an addition is.
#[derive(Clone, Debug)]
pub enum Content {
    Folder,
    File(Vec<u8>),
    Link(PathBuf),
}

impl Content {
    /// Tells contents apart, kinds included.
    pub fn digest(&self) -> Sha256 {
        match self {
            Self::Folder => Sha256::of(b"folder"),
            Self::File(content) => Sha256::of_parts(&[b"file ", content]),
            Self::Link(target) => Sha256::of_parts(&[b"link ", target.as_os_str().as_encoded_bytes()]),
        }
    }
}

fn file(content: impl Into<Vec<u8>>) -> Addition {
    Addition { mode: 0o644, content: Content::File(content.into()) }
}

fn executable(path: &Path) -> Result<Addition, RootError> {
    Ok(Addition { mode: 0o755, content: Content::File(fs::read(path)?) })
}

fn link(target: &str) -> Addition {
    Addition { mode: 0o777, content: Content::Link(target.into()) }
}

/// Everything to add, by path in the root. `node` is the node agent's program, `programs` the folder with those of the services.
pub fn additions(
    definition: &Definition,
    node: &Path,
    programs: &Path,
) -> Result<BTreeMap<String, Addition>, RootError> {
    let mut all = BTreeMap::new();
    if definition.overlay.is_dir() {
        overlay(&definition.overlay, "", &mut all)?;
    }
    for unit in &definition.mask {
        all.insert(format!("{UNITS}/{unit}"), link("/dev/null"));
    }
    for folder in &definition.services {
        let name = &folder.service.name;
        let declaration = fs::read(&folder.folder.join("service.toml"))?;
        all.insert(format!("{OWN}/services/{name}.toml"), file(declaration));
        for program in &folder.service.programs {
            let path = format!("{}/{program}", PROGRAMS_PATH.trim_start_matches('/'));
            all.insert(path, executable(&programs.join(program.as_str()))?);
        }
        for unit in &folder.service.units {
            all.insert(format!("{UNITS}/{unit}"), file(fs::read(&folder.folder.join(unit))?));
        }
        for template in folder.service.templates.keys() {
            let text = fs::read(&folder.templates.join(template))?;
            all.insert(format!("{OWN}/templates/{template}"), file(text));
        }
    }
    for (name, role) in &definition.roles {
        let target = role_target(definition, name, role);
        all.insert(format!("{UNITS}/understudy-role-{name}.target"), file(target));
    }
    let facts = ImageFacts {
        name: definition.name.clone(),
        version: definition.version.clone(),
        roles: definition.roles.clone(),
        volume_max: definition.disk.volume_max.as_ref().map(|max| *max.get_ref()),
    };
    let facts = serde_json::to_vec_pretty(&facts).map_err(RootError::Facts)?;
    all.insert(IMAGE_FACTS_PATH.trim_start_matches('/').to_owned(), file(facts));
    all.insert(format!("{OWN}/understudy-node"), executable(node)?);
    Ok(all)
}

/// A systemd target that starts a role's services, and nothing starts by itself.
fn role_target(definition: &Definition, name: &Name, role: &Role) -> String {
    let units: Vec<&str> = definition
        .services
        .iter()
        .filter(|folder| role.services.contains(&folder.service.name))
        .flat_map(|folder| folder.service.units.iter().map(String::as_str))
        .collect();
    let units = units.join(" ");
    format!("[Unit]\nDescription=Understudy role {name}\nRequires={units}\nAfter={units}\n")
}

fn overlay(folder: &Path, inside: &str, all: &mut BTreeMap<String, Addition>) -> Result<(), RootError> {
    for path in fs::list(folder)? {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let target = if inside.is_empty() { name.into_owned() } else { format!("{inside}/{name}") };
        let metadata = path.symlink_metadata().map_err(fs::fail("examine", &path))?;
        if metadata.is_dir() {
            all.insert(target.clone(), Addition { mode: 0o755, content: Content::Folder });
            overlay(&path, &target, all)?;
        } else if metadata.is_symlink() {
            let to = std::fs::read_link(&path).map_err(fs::fail("read link", &path))?;
            all.insert(target, Addition { mode: 0o777, content: Content::Link(to) });
        } else if metadata.is_file() {
            // Of the mode only what git keeps counts, so that a checkout's umask does not.
            let executable = metadata.permissions().mode() & 0o100 != 0;
            let mode = if executable { 0o755 } else { 0o644 };
            all.insert(target, Addition { mode, content: Content::File(fs::read(&path)?) });
        } else {
            return Err(RootError::Overlay(path));
        }
    }
    Ok(())
}
