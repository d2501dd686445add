//! How all mail daemons read their one plain TOML file.
//!
//! What is not understood is refused: unknown keys, wrong types, and whatever [`Settings::problems`] finds. Every problem is told at once, with
//! file, line, key and the next step, and the daemon ends with exit code 2. `--check` does the same without starting anything.
//!
//! | module | what it does | starts at |
//! | --- | --- | --- |
//! | [`startup`] | command line of a daemon: `--config FILE`, `--check` | [`startup::startup`] |
//! | [`places`] | on which line a key is | |
//! | [`units`] | durations and sizes, such as `30s` and `50MiB` | [`Period`], [`Octets`] |
//! | [`secret`] | secrets, each in a file of its own that not everybody can read | [`SecretFile`] |

pub mod places;
pub mod secret;
pub mod startup;
pub mod units;

pub use secret::SecretFile;
pub use startup::{LogFormat, Program, Startup, startup};
pub use units::{Octets, Period};

use places::Places;
use serde::de::DeserializeOwned;
use std::fmt;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

/// Of a configuration file.
pub const FILE_OCTETS_MAX: u64 = 1024 * 1024;

/// What a daemon's file says.
///
/// Structs say `#[serde(deny_unknown_fields)]`, so that the error names the keys there are; where one does not, its unknown keys are refused
/// all the same.
pub trait Settings: DeserializeOwned {
    /// What is wrong although every value has the right type.
    fn problems(&self) -> Vec<Problem> {
        Vec::new()
    }
}

/// One thing that is wrong with a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// Such as `smtp.listen[0]`; empty for the file as a whole.
    pub key: String,
    pub what: String,
    /// What to do now.
    pub hint: String,
}

impl Problem {
    pub fn new(key: &str, what: impl fmt::Display, hint: impl fmt::Display) -> Self {
        Self { key: key.to_owned(), what: what.to_string(), hint: hint.to_string() }
    }
}

/// A problem where it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The first is 1.
    pub line: usize,
    pub problem: Problem,
}

/// A file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    #[error("cannot read {}", path.display())]
    Read { path: PathBuf, source: io::Error },
    #[error("{} has more than {FILE_OCTETS_MAX} octets", path.display())]
    TooBig { path: PathBuf },
    #[error("{}", Listed { path, findings })]
    Content { path: PathBuf, findings: Vec<Finding> },
}

impl ConfigError {
    /// What to do now, once for each problem.
    pub fn hints(&self) -> Vec<String> {
        match self {
            Self::Read { path, source } if source.kind() == io::ErrorKind::NotFound => {
                vec![format!("write {}, or name another file with --config", path.display())]
            }
            Self::Read { path, .. } => vec![format!("see who may read it: namei -l {}", path.display())],
            Self::TooBig { .. } => vec!["name a configuration file with --config".to_owned()],
            Self::Content { findings, .. } => {
                findings.iter().map(|finding| finding.problem.hint.clone()).collect()
            }
        }
    }
}

/// The settings in a file.
pub fn read<S: Settings>(path: &Path) -> Result<S, ConfigError> {
    let failed = |source| ConfigError::Read { path: path.to_owned(), source };
    let mut text = String::new();
    let file = File::open(path).map_err(failed)?;
    file.take(FILE_OCTETS_MAX + 1).read_to_string(&mut text).map_err(failed)?;
    if text.len() as u64 > FILE_OCTETS_MAX {
        return Err(ConfigError::TooBig { path: path.to_owned() });
    }
    parse(&text).map_err(|findings| ConfigError::Content { path: path.to_owned(), findings })
}

/// The settings in a text, or everything that is wrong with it.
pub fn parse<S: Settings>(text: &str) -> Result<S, Vec<Finding>> {
    let places = Places::read(text).map_err(|error| vec![syntax(text, &error)])?;
    let mut unknown = Vec::new();
    let read = toml::Deserializer::parse(text).and_then(|deserializer| {
        serde_ignored::deserialize(deserializer, |path| unknown.push(places::key_of(&path)))
    });
    let mut problems: Vec<_> = unknown
        .iter()
        .map(|key| Problem::new(key, "unknown key", "correct its name, or take it out"))
        .map(|problem| places.finding(problem))
        .collect();
    match read {
        Err(error) => problems.push(wrong_value(text, &places, &error)),
        Ok(settings) => {
            problems.extend(S::problems(&settings).into_iter().map(|problem| places.finding(problem)));
            if problems.is_empty() {
                return Ok(settings);
            }
        }
    }
    problems.sort_by_key(|finding| finding.line);
    Err(problems)
}

fn syntax(text: &str, error: &toml::de::Error) -> Finding {
    let line = places::line_of(text, error.span().map_or(0, |span| span.start));
    Finding { line, problem: Problem::new("", error.message(), "correct this line; see https://toml.io") }
}

fn wrong_value(text: &str, places: &Places<'_>, error: &toml::de::Error) -> Finding {
    let span = error.span().unwrap_or(0..text.len());
    let message = error.message();
    let hint = if message.starts_with("missing field") {
        "add it to this table"
    } else if message.starts_with("unknown field") {
        "correct its name, or take it out"
    } else {
        "correct this value"
    };
    let line = places::line_of(text, span.start);
    Finding { line, problem: Problem::new(places.key_at(&span).unwrap_or_default(), message, hint) }
}

/// Findings, one a line.
struct Listed<'a> {
    path: &'a Path,
    findings: &'a [Finding],
}

impl fmt::Display for Listed<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, Finding { line, problem }) in self.findings.iter().enumerate() {
            let end = if number == 0 { "" } else { "\n" };
            write!(out, "{end}{}:{line}: ", self.path.display())?;
            match problem.key.as_str() {
                "" => write!(out, "{}", problem.what)?,
                key => write!(out, "{key}: {}", problem.what)?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
