//! The `[directory]` table of a configuration file.
//!
//! ```toml
//! [directory]
//! sqlite = "/var/lib/mail/directory.db"
//! ```
//! or
//! ```toml
//! [directory]
//! cache = "5s"
//! [directory.mariadb]
//! host = "db.example"
//! database = "mail"
//! user = "inbound"
//! password_file = "/run/mail/db-password"
//! ```

use super::database::{Database, DatabaseError, MariaDb, MariaDbOptions, Presence, Sqlite, Transport};
use crate::config::secret::SecretError;
use crate::config::{Period, Problem, SecretFile};
use serde::Deserialize;
use std::path::PathBuf;
use std::time::Duration;

/// For one question to a database, waiting for a connection included.
pub const QUERY_WAIT_MAX: Duration = Duration::from_secs(5);
const PORT: u16 = 3306;
const CONNECTIONS_MAX: u32 = 8;

/// Which directory.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DirectorySettings {
    /// A file on this machine.
    pub sqlite: Option<PathBuf>,
    pub mariadb: Option<MariaDbSettings>,
    /// How long an answer is used again; a change is seen that much later.
    #[serde(default = "five_seconds")]
    pub cache: Period,
    /// How many answers of each kind are kept.
    #[serde(default = "ten_thousand")]
    pub cache_entries_max: usize,
}

/// A MariaDB server.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MariaDbSettings {
    pub host: Option<String>,
    pub port: Option<u16>,
    /// Instead of a host.
    pub socket: Option<PathBuf>,
    pub database: String,
    pub user: String,
    pub password_file: Option<SecretFile>,
    #[serde(default)]
    pub tls: Tls,
    /// Instead of the system's authorities.
    pub ca_file: Option<PathBuf>,
    pub connections_max: Option<u32>,
}

/// Whether the connection to a host is encrypted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Tls {
    /// And the server's certificate names the host.
    #[default]
    Verified,
    /// In a network that is trusted.
    Off,
}

fn five_seconds() -> Period {
    Period::seconds(5)
}

fn ten_thousand() -> usize {
    10_000
}

/// The directory cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    #[error(transparent)]
    Secret(#[from] SecretError),
    #[error("cannot open the directory {}", path.display())]
    Sqlite { path: PathBuf, source: DatabaseError },
    #[error("[directory] names neither sqlite nor mariadb")]
    Nothing,
}

impl DirectorySettings {
    /// A SQLite file without anything else said.
    pub fn sqlite(path: impl Into<PathBuf>) -> Self {
        Self {
            sqlite: Some(path.into()),
            mariadb: None,
            cache: five_seconds(),
            cache_entries_max: ten_thousand(),
        }
    }

    /// What is wrong with the table, which stands at `key` of its file.
    pub fn problems(&self, key: &str) -> Vec<Problem> {
        let mut problems = Vec::new();
        if self.sqlite.is_some() == self.mariadb.is_some() {
            let hint = "name one: sqlite = \"FILE\", or a table [directory.mariadb]";
            problems.push(Problem::new(key, "a directory is either sqlite or mariadb", hint));
        }
        if let Some(mariadb) = &self.mariadb {
            problems.extend(mariadb.problems(&format!("{key}.mariadb")));
        }
        problems
    }

    /// Without asking what is in it.
    pub(super) fn open(&self, presence: Presence) -> Result<Database, OpenError> {
        match (&self.sqlite, &self.mariadb) {
            (Some(path), _) => Sqlite::open(path, presence)
                .map(Database::Sqlite)
                .map_err(|source| OpenError::Sqlite { path: path.clone(), source }),
            (_, Some(mariadb)) => Ok(Database::MariaDb(MariaDb::new(&mariadb.options()?))),
            (None, None) => Err(OpenError::Nothing),
        }
    }
}

impl MariaDbSettings {
    fn problems(&self, key: &str) -> Vec<Problem> {
        let mut problems = Vec::new();
        let mut problem = |name: &str, what: &str, hint: &str| {
            problems.push(Problem::new(&format!("{key}.{name}"), what, hint));
        };
        if self.host.is_some() == self.socket.is_some() {
            problem("host", "a server is reached by its host or by a socket", "name one of host and socket");
        }
        if self.socket.is_some() && (self.port.is_some() || self.ca_file.is_some()) {
            problem("socket", "port and ca_file belong to a host", "take them out, or name the host");
        }
        if self.tls == Tls::Off && self.ca_file.is_some() {
            problem("ca_file", "means nothing without TLS", "take it out, or set tls = \"verified\"");
        }
        if self.port == Some(0) {
            problem("port", "0 is no port", "leave it out for 3306");
        }
        if self.connections_max == Some(0) {
            problem("connections_max", "without a connection nothing can be asked", "leave it out for 8");
        }
        problems
    }

    fn options(&self) -> Result<MariaDbOptions, SecretError> {
        let host = self.host.clone().unwrap_or_default();
        let port = self.port.unwrap_or(PORT);
        let transport = match (&self.socket, self.tls) {
            (Some(path), _) => Transport::Socket(path.clone()),
            (None, Tls::Verified) => Transport::Tls { host, port, authorities: self.ca_file.clone() },
            (None, Tls::Off) => Transport::Clear { host, port },
        };
        Ok(MariaDbOptions {
            transport,
            database: self.database.clone(),
            user: self.user.clone(),
            password: self.password_file.as_ref().map(SecretFile::read).transpose()?,
            connections_max: self.connections_max.unwrap_or(CONNECTIONS_MAX),
        })
    }
}

impl OpenError {
    /// The next step.
    pub fn hint(&self) -> &'static str {
        match self {
            Self::Secret(_) => "correct password_file, or what is in it",
            Self::Sqlite { .. } => "where there is none yet, run: mailctl schema upgrade",
            Self::Nothing => "name one: sqlite = \"FILE\", or a table [directory.mariadb]",
        }
    }
}
