//! Out to Maildir and in from it, so that mail is never locked in.
//!
//! Maildir++: INBOX is the folder itself, `a/b` the folder `.a.b` in it, names in IMAP's modified UTF-7. Flags are letters in file names,
//! keywords letters that `dovecot-keywords` explains, INTERNALDATE the time of the file. UIDs stay behind: an import gives new ones.
//!
//! Entry points: [`export`], [`import`]. Neither needs anything but a [`crate::Store`]; links are not followed.

mod export;
mod file_name;
mod import;
mod utf7;

pub use export::{Exported, export};
pub use import::{Imported, import};

use crate::name::NameError;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use thiserror::Error;

const KEYWORDS_FILE: &str = "dovecot-keywords";

#[derive(Debug, Error)]
pub enum MaildirError {
    #[error("{0} is there already: name a folder that is not")]
    Exists(PathBuf),
    #[error("{0} is no Maildir: it has no folder `cur`")]
    NoMaildir(PathBuf),
    #[error("folder {folder} is no mailbox's name")]
    Name { folder: PathBuf, source: NameError },
    #[error("folder {0} is not named in modified UTF-7")]
    Encoding(PathBuf),
    #[error("cannot {action} {path}", path = path.display())]
    Io { action: &'static str, path: PathBuf, source: Arc<io::Error> },
    #[error("the store refused")]
    Store(#[from] crate::StoreError),
}

impl MaildirError {
    fn io(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Io { action, path, source: Arc::new(source) }
    }
}

#[cfg(test)]
mod tests;
