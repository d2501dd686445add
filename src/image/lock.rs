//! `image.lock`: every package by version and SHA-256, and the date that the image bears.

use crate::apt::{Apt, AptError, Record, Source};
use crate::definition::Definition;
use crate::progress::{Outcome, Progress, Stages};
use serde::{Deserialize, Serialize};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use toml::Spanned;
use understudy_core::base::fs;
use understudy_core::base::sha256::Sha256;

const LOCK_FORMAT: u32 = 1;

/// The content of an `image.lock`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Lock {
    format: u32,
    /// Of what `image.toml` and the services asked for, so that a lock of another question is noticed.
    request: Sha256,
    /// No file in the image is dated later.
    pub date: jiff::Timestamp,
    /// In an order that can be installed.
    pub packages: Vec<Pin>,
}

/// One package, pinned.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pin {
    pub name: String,
    pub version: String,
    pub architecture: String,
    pub bytes: u64,
    pub sha256: Sha256,
    pub part: Part,
}

/// What a package is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Part {
    /// Unpacked before dpkg can run: Debian's essential packages and what they need.
    Base,
    /// Installed into the root.
    Root,
    /// Kernel and modules; unpacked, never configured, so that no initramfs generator runs.
    Kernel,
    /// Boot loaders' files for the disk; not in the root.
    Boot,
}

/// Why there is no usable lock.
#[derive(Debug, thiserror::Error)]
pub enum LockError {
    #[error("cannot use the lock file")]
    File(#[source] fs::FsError),
    #[error("{}:{line}: {message}", path.display())]
    Syntax { path: PathBuf, line: usize, message: String },
    #[error("{} has format {format}, this version reads format {LOCK_FORMAT}", path.display())]
    Format { path: PathBuf, format: u32 },
    #[error("{} was made for other packages than {} asks for now", path.display(), definition.display())]
    Stale { path: PathBuf, definition: PathBuf },
    #[error("{}:{line}: package `{package}` is not in the archive", path.display())]
    UnknownPackage { path: PathBuf, line: usize, package: String },
    #[error("{package} does not depend on a kernel image")]
    NoKernel { package: String },
    #[error("cannot resolve the packages")]
    Apt(#[from] AptError),
}

impl Lock {
    /// Reads a lock and checks that it answers what the definition asks.
    pub fn read(path: &Path, definition: &Definition) -> Result<Self, LockError> {
        let text = fs::read_text(path).map_err(LockError::File)?;
        let lock: Self = toml::from_str(&text).map_err(|error| LockError::Syntax {
            path: path.to_owned(),
            line: text[..error.span().unwrap_or_default().start].matches('\n').count() + 1,
            message: error.message().to_owned(),
        })?;
        if lock.format != LOCK_FORMAT {
            return Err(LockError::Format { path: path.to_owned(), format: lock.format });
        }
        if lock.request != request(definition) {
            let definition = definition.path.clone();
            return Err(LockError::Stale { path: path.to_owned(), definition });
        }
        Ok(lock)
    }

    /// The packages for one purpose, in installable order.
    pub fn part(&self, part: Part) -> impl Iterator<Item = &Pin> {
        self.packages.iter().filter(move |pin| pin.part == part)
    }

    fn to_text(&self) -> String {
        let mut text =
            String::from("# Written by `understudy image lock`. Pins every package of the image.\n");
        let Self { format, request, date, packages } = self;
        // Writing to a String cannot fail.
        let _ = writeln!(text, "format = {format}\nrequest = \"{request}\"\ndate = \"{date}\"\npackages = [");
        for Pin { name, version, architecture, bytes, sha256, part } in packages {
            let part = match part {
                Part::Base => "base",
                Part::Root => "root",
                Part::Kernel => "kernel",
                Part::Boot => "boot",
            };
            let _ = writeln!(
                text,
                "  {{ name = \"{name}\", version = \"{version}\", architecture = \"{architecture}\", \
                 part = \"{part}\", bytes = {bytes}, sha256 = \"{sha256}\" }},"
            );
        }
        text.push_str("]\n");
        text
    }
}

fn request(definition: &Definition) -> Sha256 {
    let mut words: Vec<&str> = vec![&definition.suite, definition.kernel.package.get_ref()];
    words.extend(definition.packages.iter().map(|package| package.get_ref().as_str()));
    words.push("boot");
    words.extend(definition.boot.packages.iter().map(|package| package.get_ref().as_str()));
    Sha256::of(words.join("\n").as_bytes())
}

/// Asks the archive for the newest packages and writes the lock to `path`, replacing it at once.
pub fn write_lock(
    definition: &Definition,
    source: &Source,
    path: &Path,
    work: &Path,
    progress: &dyn Progress,
) -> Result<Lock, LockError> {
    let mut stages = Stages::new(progress);
    let apt = stages.run("package lists", |_| -> Result<_, LockError> {
        let apt = Apt::new(work, source, &definition.suite)?;
        apt.update()?;
        Ok(Outcome::made(apt, "signatures of the archive checked"))
    })?;
    stages.run("lock", |_| {
        let lock = resolve(definition, &apt)?;
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder).map_err(LockError::File)?;
        }
        fs::write_atomic(path, lock.to_text().as_bytes()).map_err(LockError::File)?;
        let result = format!("{} packages pinned in {}", lock.packages.len(), path.display());
        Ok(Outcome::made(lock, result))
    })
}

fn resolve(definition: &Definition, apt: &Apt) -> Result<Lock, LockError> {
    let locate = |error: AptError| match error {
        AptError::UnknownPackage(package) => unknown_package(definition, package),
        error => error.into(),
    };
    let base = apt.resolve(&["?essential"])?;
    let mut wanted = vec!["?essential"];
    wanted.extend(definition.packages.iter().map(|package| package.get_ref().as_str()));
    let all = apt.resolve(&wanted).map_err(locate)?;
    let mut pins = Vec::new();
    for record in apt.records(&all)? {
        let is_base = base.iter().any(|(name, _)| *name == record.name);
        pins.push(pin(record, if is_base { Part::Base } else { Part::Root }));
    }
    let kernel = kernel_image(apt, definition.kernel.package.get_ref()).map_err(|error| match error {
        LockError::Apt(error) => locate(error),
        error => error,
    })?;
    pins.push(pin(kernel, Part::Kernel));
    for package in &definition.boot.packages {
        pins.push(pin(apt.newest(package.get_ref()).map_err(locate)?, Part::Boot));
    }
    Ok(Lock { format: LOCK_FORMAT, request: request(definition), date: apt.archive_date()?, packages: pins })
}

/// The image that a kernel's meta package depends on: `linux-image-6.1.0-9-amd64 (= 6.1.27-1)`.
fn kernel_image(apt: &Apt, package: &str) -> Result<Record, LockError> {
    let meta = apt.newest(package)?;
    let image = meta.depends.split([',', ' ']).find(|word| word.starts_with("linux-image-"));
    let image = image.ok_or_else(|| LockError::NoKernel { package: package.to_owned() })?;
    Ok(apt.newest(image)?)
}

fn unknown_package(definition: &Definition, package: String) -> LockError {
    let named: Vec<&Spanned<String>> = definition
        .packages
        .iter()
        .chain(&definition.boot.packages)
        .chain([&definition.kernel.package])
        .filter(|named| *named.get_ref() == package)
        .collect();
    let line = named.first().map_or(1, |named| definition.line(named));
    LockError::UnknownPackage { path: definition.path.clone(), line, package }
}

fn pin(record: Record, part: Part) -> Pin {
    let Record { name, version, architecture, bytes, sha256, .. } = record;
    Pin { name, version, architecture, bytes, sha256, part }
}
