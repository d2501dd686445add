//! The host's apt, used with folders of our own: resolves, checks the archive's signatures, downloads.
//!
//! Nothing is installed on the host and none of its apt state is read or written; only its sources and keys
//! are used, unless `--mirror` names another archive.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use understudy_core::base::fs;
use understudy_core::base::process::{Process, ProcessError};
use understudy_core::base::sha256::Sha256;

/// Debian's own archive keys, from the package debian-archive-keyring.
const DEBIAN_KEYRING: &str = "/usr/share/keyrings/debian-archive-keyring.gpg";

/// Where packages come from.
#[derive(Clone, Debug)]
pub enum Source {
    /// What the host's apt is configured with.
    Host,
    /// One archive, checked against `keyring` (Debian's own, if none is given).
    Mirror { url: String, keyring: Option<PathBuf> },
}

/// Why apt did not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum AptError {
    #[error("cannot prepare apt's folders")]
    Folder(#[source] fs::FsError),
    #[error("apt cannot read the package lists")]
    Update(#[source] ProcessError),
    #[error("package `{0}` is not in the archive")]
    UnknownPackage(String),
    #[error("{} are no longer in the archive", .0.join(", "))]
    Gone(Vec<String>),
    #[error("apt cannot find a set of packages that fits together")]
    Resolve(#[source] ProcessError),
    #[error("apt does not tell about {0}")]
    Record(String),
    #[error("the archive broke off while packages were being downloaded")]
    Download(#[source] ProcessError),
    #[error("the archive's date cannot be read from {}", .0.display())]
    Date(PathBuf),
    #[error("mirror `{0}` is not an address that apt can use; write http://HOST/PATH without spaces")]
    MirrorAddress(String),
}

/// A private apt: its lists and its view of what is installed (nothing).
#[derive(Debug)]
pub struct Apt {
    folder: PathBuf,
    options: Vec<String>,
}

/// What the archive says about one package.
#[derive(Clone, Debug)]
pub struct Record {
    pub name: String,
    pub version: String,
    pub architecture: String,
    pub bytes: u64,
    pub sha256: Sha256,
    pub depends: String,
}

impl Apt {
    /// Prepares folders under `folder`, which belong to this one build.
    pub fn new(folder: &Path, source: &Source, suite: &str) -> Result<Self, AptError> {
        for part in ["state/lists/partial", "cache/archives/partial", "download"] {
            fs::create_dir_all(&folder.join(part)).map_err(AptError::Folder)?;
        }
        fs::write(&folder.join("status"), b"").map_err(AptError::Folder)?;
        let at = |part: &str| folder.join(part).display().to_string();
        let mut options = vec![
            format!("Dir::State={}", at("state")),
            format!("Dir::State::status={}", at("status")),
            format!("Dir::Cache={}", at("cache")),
            format!("Dir::Log={}", at("")),
            "APT::Architecture=amd64".to_owned(),
            "APT::Architectures=amd64".to_owned(),
            "APT::Install-Recommends=false".to_owned(),
            "APT::Sandbox::User=".to_owned(),
            "Acquire::Languages=none".to_owned(),
            "Acquire::Retries=2".to_owned(),
            // apt counts itself as essential; an image that is replaced whole has no use for it.
            "pkgCacheGen::ForceEssential=,".to_owned(),
        ];
        if let Source::Mirror { url, keyring } = source {
            let list = folder.join("sources.list");
            fs::write(&list, mirror_list(url, keyring.as_deref(), suite)?.as_bytes())
                .map_err(AptError::Folder)?;
            options.push(format!("Dir::Etc::SourceList={}", list.display()));
            options.push("Dir::Etc::SourceParts=/dev/null".to_owned());
        }
        Ok(Self { folder: folder.to_owned(), options })
    }

    fn command(&self, program: &str) -> Process {
        let options = self.options.iter().flat_map(|option| ["-o", option]);
        Process::new(program).args(["-q"]).args(options).current_dir(&self.folder.join("download"))
    }

    /// Fetches the package lists and checks the archive's signatures.
    pub fn update(&self) -> Result<(), AptError> {
        let strict = ["-o", "APT::Update::Error-Mode=any", "update"];
        self.command("apt-get").args(strict).run().map_err(AptError::Update)?;
        // Otherwise every later question reads the lists anew.
        self.command("apt-cache").arg("gencaches").run().map(drop).map_err(AptError::Update)
    }

    /// Names and versions of `packages` and all they need, in an order that can be installed.
    pub fn resolve(&self, packages: &[&str]) -> Result<Vec<(String, String)>, AptError> {
        let simulated = self.command("apt-get").args(["--simulate", "install"]).args(packages).run();
        let output = simulated.map_err(|error| match unknown_package(&error) {
            Some(package) => AptError::UnknownPackage(package),
            None => AptError::Resolve(error),
        })?;
        Ok(String::from_utf8_lossy(&output.stdout).lines().filter_map(installed).collect())
    }

    /// What the archive says about exactly these versions, in their order.
    pub fn records(&self, packages: &[(String, String)]) -> Result<Vec<Record>, AptError> {
        let wanted = packages.iter().map(|(name, version)| format!("{name}={version}"));
        let output = self.command("apt-cache").arg("show").args(wanted).run().map_err(AptError::Resolve)?;
        let text = String::from_utf8_lossy(&output.stdout);
        let found: BTreeMap<_, _> = text
            .split("\n\n")
            .filter_map(parse_record)
            .map(|record| ((record.name.clone(), record.version.clone()), record))
            .collect();
        packages
            .iter()
            .map(|package| found.get(package).cloned().ok_or_else(|| AptError::Record(package.0.clone())))
            .collect()
    }

    /// The newest record of one package.
    pub fn newest(&self, package: &str) -> Result<Record, AptError> {
        let unknown = |_| AptError::UnknownPackage(package.to_owned());
        let output = self.command("apt-cache").args(["--no-all-versions", "show", package]).run();
        let text = output.map_err(unknown)?.stdout;
        parse_record(&String::from_utf8_lossy(&text)).ok_or_else(|| AptError::Record(package.to_owned()))
    }

    /// Downloads exactly these versions; what arrived is in the folder that is returned, even after an error.
    pub fn download(&self, packages: &[(String, String)]) -> (PathBuf, Result<(), AptError>) {
        let wanted = packages.iter().map(|(name, version)| format!("{name}={version}"));
        let run = self.command("apt-get").arg("download").args(wanted).run();
        let result = run.map(drop).map_err(|error| {
            let gone = gone_packages(&error);
            if gone.is_empty() { AptError::Download(error) } else { AptError::Gone(gone) }
        });
        (self.folder.join("download"), result)
    }

    /// The newest date on which the archive says it was made; files of the image bear no later one.
    pub fn archive_date(&self) -> Result<jiff::Timestamp, AptError> {
        let lists = self.folder.join("state/lists");
        let files = fs::list(&lists).map_err(AptError::Folder)?;
        let dates = files.iter().filter(|path| path.to_string_lossy().ends_with("Release")).map(|path| {
            let text = fs::read_text(path).map_err(AptError::Folder)?;
            let date = text.lines().find_map(|line| line.strip_prefix("Date: "));
            date.and_then(|date| jiff::fmt::rfc2822::parse(&date.replace("UTC", "+0000")).ok())
                .map(|date| date.timestamp())
                .ok_or_else(|| AptError::Date(path.clone()))
        });
        let dates = dates.collect::<Result<Vec<_>, _>>()?;
        dates.into_iter().max().ok_or(AptError::Date(lists))
    }
}

fn mirror_list(url: &str, keyring: Option<&Path>, suite: &str) -> Result<String, AptError> {
    let known = ["http://", "https://", "file:/"].iter().any(|scheme| url.starts_with(scheme));
    if !known || url.contains(char::is_whitespace) {
        return Err(AptError::MirrorAddress(url.to_owned()));
    }
    let keyring = keyring.unwrap_or(Path::new(DEBIAN_KEYRING)).display();
    Ok(format!("deb [arch=amd64 signed-by={keyring}] {url} {suite} main\n"))
}

/// `Inst NAME (VERSION ...` of a simulation.
fn installed(line: &str) -> Option<(String, String)> {
    let mut words = line.strip_prefix("Inst ")?.split(' ');
    let name = words.next()?.split(':').next()?;
    let version = words.find_map(|word| word.strip_prefix('('))?;
    Some((name.to_owned(), version.to_owned()))
}

fn stderr_of(error: &ProcessError) -> &str {
    match error {
        ProcessError::Failed { stderr_tail, .. } => stderr_tail,
        _ => "",
    }
}

fn unknown_package(error: &ProcessError) -> Option<String> {
    stderr_of(error).lines().find_map(|line| {
        let unlocated = line.strip_prefix("E: Unable to locate package ");
        let name = unlocated.or_else(|| line.strip_prefix("E: Package '")?.split('\'').next())?;
        Some(name.to_owned())
    })
}

/// `E: Version 'V' for 'P' was not found`, or the package is gone altogether.
fn gone_packages(error: &ProcessError) -> Vec<String> {
    let gone = stderr_of(error).lines().filter_map(|line| {
        if let Some(rest) = line.strip_prefix("E: Version '") {
            let (version, rest) = rest.split_once("' for '")?;
            return Some(format!("{} {version}", rest.split('\'').next()?));
        }
        line.strip_prefix("E: Unable to locate package ").map(str::to_owned)
    });
    gone.collect()
}

fn parse_record(text: &str) -> Option<Record> {
    let field = |name: &str| {
        text.lines().find_map(|line| Some(line.strip_prefix(name)?.strip_prefix(": ")?.to_owned()))
    };
    Some(Record {
        name: field("Package")?,
        version: field("Version")?,
        architecture: field("Architecture")?,
        bytes: field("Size")?.parse().ok()?,
        sha256: field("SHA256")?.parse().ok()?,
        depends: field("Depends").unwrap_or_default(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn simulations_are_read_line_by_line() {
        let line = "Inst libc6 (2.36-9+deb12u14 Debian:12/stable [amd64]) []";
        assert_eq!(installed(line), Some(("libc6".into(), "2.36-9+deb12u14".into())));
        assert_eq!(installed("Conf libc6 (2.36 Debian [amd64])"), None);
        let upgraded = "Inst libc6:amd64 [2.35] (2.36 Debian:12/stable [amd64])";
        assert_eq!(installed(upgraded), Some(("libc6".into(), "2.36".into())));
    }

    #[test]
    fn a_mirror_that_would_add_a_second_line_is_refused() {
        for url in ["ftp://x", "http://x/ y", "http://x\ndeb http://evil", "http://a [trusted=yes]"] {
            assert!(matches!(mirror_list(url, None, "s"), Err(AptError::MirrorAddress(_))), "{url}");
        }
    }
}
