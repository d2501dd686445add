//! `image.toml`: what an image is made of. Raw text in, a checked definition out, errors with line and key.

use globset::{Glob, GlobSet, GlobSetBuilder};
use serde::Deserialize;
use std::collections::{BTreeMap, HashMap};
use std::ops::Range;
use std::path::{Path, PathBuf};
use toml::Spanned;
use understudy_core::base::byte_count::ByteCount;
use understudy_core::base::fs;
use understudy_core::formats::command_line::OnFailure;
use understudy_core::formats::disk_layout::VOLUME_MIN;
use understudy_core::formats::service::{RENDERED_PATH, Service};
use understudy_core::formats::template_context::TemplateContext;
use understudy_core::model::name::Name;
use understudy_core::model::role::{ClusterKind, Exclusivity, Role};

/// FAT32 has at least 65,525 clusters (Microsoft's FAT specification), of 4096 bytes as firmware likes them.
const ESP_MIN: ByteCount = ByteCount::mebibytes(260);

/// A checked `image.toml` with everything that it names from the tree.
#[derive(Debug)]
pub struct Definition {
    /// The file itself, for messages.
    pub path: PathBuf,
    /// Its text, for line numbers.
    text: String,
    pub name: Name,
    pub version: semver::Version,
    /// The Debian suite, for `--mirror`.
    pub suite: String,
    /// What the root file system is made of, services' packages included.
    pub packages: Vec<Spanned<String>>,
    pub services: Vec<ServiceFolder>,
    pub roles: BTreeMap<Name, Role>,
    /// Paths in the root that are left out.
    pub remove: GlobSet,
    /// systemd units that never start.
    pub mask: Vec<String>,
    pub kernel: Kernel,
    pub boot: Boot,
    pub disk: Disk,
    /// How long after signing the image may be installed.
    pub valid_days: u16,
    /// Files that go into the root as they are.
    pub overlay: PathBuf,
}

/// A service's declaration, with where its files are.
#[derive(Debug)]
pub struct ServiceFolder {
    pub service: Service,
    pub folder: PathBuf,
    pub templates: PathBuf,
}

/// `[kernel]`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Kernel {
    /// The Debian package that depends on the newest kernel.
    pub package: Spanned<String>,
    /// Module folders, relative to the module tree, that servers do not need.
    pub exclude: Vec<String>,
    /// Modules in the initrd; what they depend on comes along.
    pub initrd: Vec<Spanned<String>>,
    /// Modules of the initrd that `/init` loads whatever the hardware is.
    pub load: Vec<Spanned<String>>,
}

/// `[boot]`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Boot {
    /// The Debian packages with the boot loaders' files.
    pub packages: Vec<Spanned<String>>,
    /// Words for the kernel command line.
    pub arguments: String,
    pub on_failure: OnFailure,
    pub tries: u32,
    pub disk_wait_s: u32,
}

/// `[disk]`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Disk {
    pub esp: Spanned<ByteCount>,
    pub root: ByteCount,
    pub verity: ByteCount,
    pub state: ByteCount,
    /// The first boot grows state to this, and leaves the rest of the disk for volumes.
    pub state_max: ByteCount,
    /// How large a volume gets at most; without it half of what is left.
    #[serde(default)]
    pub volume_max: Option<Spanned<ByteCount>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawDefinition {
    name: Name,
    version: semver::Version,
    suite: String,
    valid_days: u16,
    packages: Vec<Spanned<String>>,
    services: Vec<Spanned<Name>>,
    #[serde(default)]
    remove: Vec<Spanned<String>>,
    #[serde(default)]
    mask: Vec<String>,
    kernel: Kernel,
    boot: Boot,
    disk: Disk,
    #[serde(default)]
    roles: BTreeMap<Spanned<Name>, RawRole>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawRole {
    services: Vec<Spanned<Name>>,
    cluster: ClusterKind,
    exclusivity: Exclusivity,
    #[serde(default)]
    volume: Option<Spanned<bool>>,
}

/// Why a definition cannot be built. Every variant is the author's to fix.
#[derive(Debug, thiserror::Error)]
pub enum DefinitionError {
    #[error("cannot read the image definition")]
    Read(#[source] fs::FsError),
    #[error("{}:{line}: {message}", path.display())]
    Syntax { path: PathBuf, line: usize, message: String },
    #[error("{}:{line}: role `{role}` names service `{service}`, which `services` does not list", path.display())]
    RoleWithoutService { path: PathBuf, line: usize, role: Name, service: Name },
    #[error("{}:{line}: role `{role}` has no service", path.display())]
    RoleEmpty { path: PathBuf, line: usize, role: Name },
    #[error("{}:{line}: role `{role}` has a volume, so its exclusivity has to be \"strict\": two holders would lose data", path.display())]
    VolumeSoft { path: PathBuf, line: usize, role: Name },
    #[error("{}:{line}: `volume_max` is {volume_max}, and a volume has at least {VOLUME_MIN}", path.display())]
    VolumeSmall { path: PathBuf, line: usize, volume_max: ByteCount },
    #[error("{}:{line}: service `{service}` is listed twice", path.display())]
    ServiceTwice { path: PathBuf, line: usize, service: Name },
    #[error("{}:{line}: service `{service}` cannot be used", path.display())]
    Service {
        path: PathBuf,
        line: usize,
        service: Name,
        #[source]
        source: ServiceError,
    },
    #[error("{}:{line}: `esp` is {esp}, and FAT32 needs at least {ESP_MIN}", path.display())]
    EspSmall { path: PathBuf, line: usize, esp: ByteCount },
    #[error("{}:{line}: `{key}` is not a pattern of paths: {message}", path.display())]
    Pattern { path: PathBuf, line: usize, key: String, message: String },
}

/// Why a service folder cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ServiceError {
    #[error("cannot read its declaration")]
    Read(#[source] fs::FsError),
    #[error("{}:{line}: {message}", path.display())]
    Syntax { path: PathBuf, line: usize, message: String },
    #[error("its service.toml says that its name is `{0}`")]
    Name(Name),
    #[error("it names {0}, which is not there")]
    Missing(PathBuf),
    #[error("template {path} is not valid")]
    Template {
        path: String,
        #[source]
        source: tera::Error,
    },
    #[error(
        "template {path} does not render with what it may see; does [settings] declare all that it uses?"
    )]
    Render {
        path: String,
        #[source]
        source: tera::Error,
    },
    #[error("template target {0} is not under {RENDERED_PATH}")]
    Target(PathBuf),
}

impl Definition {
    /// Reads `images/NAME/image.toml` and the services that it names, from `services/` and `templates/` two
    /// folders up.
    pub fn read(folder: &Path) -> Result<Self, DefinitionError> {
        let path = folder.join("image.toml");
        let text = fs::read_text(&path).map_err(DefinitionError::Read)?;
        let raw: RawDefinition = toml::from_str(&text).map_err(|error| DefinitionError::Syntax {
            path: path.clone(),
            line: line_of(&text, error.span().unwrap_or_default()),
            message: syntax_message(&text, &error),
        })?;
        Reader { folder, path: &path, text: &text }.validate(raw)
    }

    /// The line, from 1, of a value in `image.toml`.
    pub fn line<T>(&self, value: &Spanned<T>) -> usize {
        line_of(&self.text, value.span())
    }
}

struct Reader<'a> {
    folder: &'a Path,
    path: &'a Path,
    text: &'a str,
}

impl Reader<'_> {
    fn validate(&self, raw: RawDefinition) -> Result<Definition, DefinitionError> {
        let (esp, line) = (*raw.disk.esp.get_ref(), line_of(self.text, raw.disk.esp.span()));
        if esp < ESP_MIN {
            return Err(DefinitionError::EspSmall { path: self.path.to_owned(), line, esp });
        }
        if let Some(volume_max) = raw.disk.volume_max.as_ref().filter(|max| *max.get_ref() < VOLUME_MIN) {
            let line = line_of(self.text, volume_max.span());
            let volume_max = *volume_max.get_ref();
            return Err(DefinitionError::VolumeSmall { path: self.path.to_owned(), line, volume_max });
        }
        let services = self.services(&raw.services)?;
        let roles = self.roles(&raw)?;
        let mut packages = raw.packages;
        for (folder, named) in services.iter().zip(&raw.services) {
            let of_service = folder.service.packages.iter().cloned();
            packages.extend(of_service.map(|package| Spanned::new(named.span(), package)));
        }
        Ok(Definition {
            path: self.path.to_owned(),
            text: self.text.to_owned(),
            name: raw.name,
            version: raw.version,
            suite: raw.suite,
            packages,
            services,
            roles,
            remove: self.patterns(&raw.remove)?,
            mask: raw.mask,
            kernel: raw.kernel,
            boot: raw.boot,
            disk: raw.disk,
            valid_days: raw.valid_days,
            overlay: self.folder.join("overlay"),
        })
    }

    fn services(&self, names: &[Spanned<Name>]) -> Result<Vec<ServiceFolder>, DefinitionError> {
        let mut folders: Vec<ServiceFolder> = Vec::new();
        for name in names {
            let (service, line) = (name.get_ref().clone(), line_of(self.text, name.span()));
            if folders.iter().any(|folder| folder.service.name == service) {
                return Err(DefinitionError::ServiceTwice { path: self.path.to_owned(), line, service });
            }
            let tree = self.folder.join("../..");
            folders.push(ServiceFolder::read(&tree, &service).map_err(|source| {
                DefinitionError::Service { path: self.path.to_owned(), line, service, source }
            })?);
        }
        Ok(folders)
    }

    fn roles(&self, raw: &RawDefinition) -> Result<BTreeMap<Name, Role>, DefinitionError> {
        let mut roles = BTreeMap::new();
        for (role, declared) in &raw.roles {
            let path = self.path.to_owned();
            let line = line_of(self.text, role.span());
            let role = role.get_ref().clone();
            if declared.services.is_empty() {
                return Err(DefinitionError::RoleEmpty { path, line, role });
            }
            let unknown = declared
                .services
                .iter()
                .find(|service| !raw.services.iter().any(|listed| listed.get_ref() == service.get_ref()));
            if let Some(service) = unknown {
                let (line, service) = (line_of(self.text, service.span()), service.get_ref().clone());
                return Err(DefinitionError::RoleWithoutService { path, line, role, service });
            }
            let services = declared.services.iter().map(|service| service.get_ref().clone()).collect();
            let RawRole { cluster, exclusivity, .. } = *declared;
            let volume = declared.volume.as_ref().filter(|volume| *volume.get_ref());
            if let Some(volume) = volume.filter(|_| exclusivity != Exclusivity::Strict) {
                let line = line_of(self.text, volume.span());
                return Err(DefinitionError::VolumeSoft { path, line, role });
            }
            roles.insert(role, Role { services, cluster, exclusivity, volume: volume.is_some() });
        }
        Ok(roles)
    }

    fn patterns(&self, patterns: &[Spanned<String>]) -> Result<GlobSet, DefinitionError> {
        let refuse = |key: &Spanned<String>, error: globset::Error| DefinitionError::Pattern {
            path: self.path.to_owned(),
            line: line_of(self.text, key.span()),
            key: key.get_ref().clone(),
            message: error.kind().to_string(),
        };
        let mut set = GlobSetBuilder::new();
        for pattern in patterns {
            set.add(Glob::new(pattern.get_ref()).map_err(|error| refuse(pattern, error))?);
        }
        // Every pattern was valid by itself; only their sum can still be too large.
        set.build().map_err(|error| refuse(&patterns[0], error))
    }
}

impl ServiceFolder {
    fn read(tree: &Path, name: &Name) -> Result<Self, ServiceError> {
        let folder = tree.join("services").join(name.as_str());
        let templates = tree.join("templates");
        let path = folder.join("service.toml");
        let text = fs::read_text(&path).map_err(ServiceError::Read)?;
        let service = Service::parse(&text).map_err(|error| ServiceError::Syntax {
            path: path.clone(),
            line: line_of(&text, error.span().unwrap_or_default()),
            message: error.message().to_owned(),
        })?;
        if service.name != *name {
            return Err(ServiceError::Name(service.name));
        }
        if let Some(unit) = service.units.iter().find(|unit| !folder.join(unit).is_file()) {
            return Err(ServiceError::Missing(folder.join(unit)));
        }
        for (template, target) in &service.templates {
            check_template(&templates, &service, template, target)?;
        }
        Ok(Self { service, folder, templates })
    }
}

/// A template is tried with a sample of everything that it may see, so that a node never finds out first.
fn check_template(
    templates: &Path,
    service: &Service,
    template: &str,
    target: &Path,
) -> Result<(), ServiceError> {
    let path = templates.join(template);
    if !path.is_file() {
        return Err(ServiceError::Missing(path));
    }
    let plain = target.components().all(|part| part != std::path::Component::ParentDir);
    if !(plain && target.starts_with(RENDERED_PATH)) {
        return Err(ServiceError::Target(target.to_owned()));
    }
    let text = fs::read_text(&path).map_err(ServiceError::Read)?;
    let mut tera = tera::Tera::default();
    tera.autoescape_on(Vec::new());
    // The node's function of this name needs an identity.
    tera.register_function("secret", |_: &HashMap<String, tera::Value>| Ok("0".repeat(64).into()));
    tera.add_raw_template(template, &text)
        .map_err(|source| ServiceError::Template { path: template.to_owned(), source })?;
    let sample = TemplateContext::sample(&service.name, &service.settings);
    let rendered = tera::Context::from_serialize(&sample).and_then(|sample| tera.render(template, &sample));
    rendered.map(drop).map_err(|source| ServiceError::Render { path: template.to_owned(), source })
}

/// The parser's words; where they do not name the key, with what stands there.
fn syntax_message(text: &str, error: &toml::de::Error) -> String {
    let message = error.message();
    let place = error.span().and_then(|span| text.get(span)).and_then(|place| place.lines().next());
    match place.map(str::trim).filter(|place| !place.is_empty()) {
        Some(place) if !message.contains('`') => format!("{message} `{place}`"),
        _ => message.to_owned(),
    }
}

fn line_of(text: &str, span: Range<usize>) -> usize {
    let start = span.start.min(text.len());
    text.as_bytes()[..start].iter().filter(|byte| **byte == b'\n').count() + 1
}

#[cfg(test)]
mod tests {
    use super::*;

    const SERVICE: &str = "name = \"store\"\ndescription = \"x\"\nunits = []\n\
        [templates]\n\"store.tera\" = \"/run/understudy/store/store.conf\"\n";
    const IMAGE: &str = r#"
name = "mail"
version = "0.1.0"
suite = "bookworm"
valid_days = 1
packages = []
services = ["store"]

[kernel]
package = "linux"
exclude = []
initrd = []
load = []

[boot]
packages = []
arguments = ""
on_failure = "wait"
tries = 1
disk_wait_s = 1

[disk]
esp = "260MiB"
root = "1MiB"
verity = "1MiB"
state = "1MiB"
state_max = "1MiB"

[roles.store]
services = ["store"]
cluster = "balanced"
exclusivity = "strict"
"#;

    fn read(image: &str) -> Result<Definition, DefinitionError> {
        let tree = tempfile::tempdir().unwrap();
        for (path, text) in [
            ("services/store/service.toml", SERVICE),
            ("templates/store.tera", "folder = {{ volume }}/mail\n"),
            ("images/mail/image.toml", image),
        ] {
            let path = tree.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(&path, text.as_bytes()).unwrap();
        }
        Definition::read(&tree.path().join("images/mail"))
    }

    /// Catches the mutant that lets two holders have a volume each.
    #[test]
    fn a_strict_role_may_have_a_volume_and_a_soft_one_may_not() {
        let roles = |image: &str| read(image).unwrap().roles;
        assert!(!roles(IMAGE).values().any(|role| role.volume), "only where it is said");
        let with_volume = format!("{IMAGE}volume = true\n");
        assert!(roles(&with_volume).values().all(|role| role.volume));
        let error = read(&with_volume.replace("\"strict\"", "\"soft\"")).unwrap_err();
        assert!(
            matches!(&error, DefinitionError::VolumeSoft { line, .. } if *line == with_volume.lines().count()),
            "{error}"
        );
        let without = format!("{IMAGE}volume = false\n").replace("\"strict\"", "\"soft\"");
        assert!(roles(&without).values().all(|role| !role.volume));
    }

    #[test]
    fn a_volume_has_a_size_that_makes_sense() {
        let with =
            |max: &str| read(&IMAGE.replace("\n\n[roles", &format!("\nvolume_max = \"{max}\"\n\n[roles")));
        assert_eq!(*with("64MiB").unwrap().disk.volume_max.unwrap().get_ref(), VOLUME_MIN);
        assert!(matches!(with("63MiB"), Err(DefinitionError::VolumeSmall { .. })));
        assert!(read(IMAGE).unwrap().disk.volume_max.is_none());
    }
}
