//! A Maildir into an account. Mailboxes that are missing are made; messages are added to those that are there.

use super::{KEYWORDS_FILE, MaildirError, file_name, utf7};
use crate::error::StoreError;
use crate::flags::Keyword;
use crate::message::Delivery;
use crate::name::{AccountName, DELIMITER, MailboxName};
use crate::store::Store;
use bytes::Bytes;
use jiff::Timestamp;
use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};

/// Octets of `dovecot-keywords` that are read.
const KEYWORDS_OCTETS_MAX: u64 = 64 * 1024;

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Imported {
    pub mailboxes: u64,
    pub messages: u64,
    /// Files whose message the store does not take, and why.
    pub refused: Vec<(PathBuf, String)>,
}

/// Stops at the first failure that is not a message's own: full disk, quota.
pub async fn import(store: &Store, account: &AccountName, from: &Path) -> Result<Imported, MaildirError> {
    let mut imported = Imported::default();
    for (folder, name) in folders(from)? {
        match store.create(account, &name, None).await {
            Ok(_) => store.subscribe(account, &name, true).await?,
            Err(StoreError::MailboxExists { .. }) => {}
            Err(error) => return Err(error.into()),
        }
        imported.mailboxes += 1;
        import_folder(store, account, &name, &folder, &mut imported).await?;
    }
    Ok(imported)
}

/// The Maildir itself first, then those in it by name.
fn folders(maildir: &Path) -> Result<Vec<(PathBuf, MailboxName)>, MaildirError> {
    if !maildir.join("cur").is_dir() {
        return Err(MaildirError::NoMaildir(maildir.to_owned()));
    }
    let mut folders = Vec::new();
    for name in names(maildir)? {
        let path = maildir.join(&name);
        let Some(levels) = name.strip_prefix('.').filter(|_| is_mailbox(&path)) else { continue };
        let levels: Option<Vec<_>> = levels.split('.').map(utf7::decode).collect();
        let text = levels.ok_or_else(|| MaildirError::Encoding(path.clone()))?.join(&DELIMITER.to_string());
        let name =
            MailboxName::new(&text).map_err(|source| MaildirError::Name { folder: path.clone(), source })?;
        folders.push((path, name));
    }
    folders.insert(0, (maildir.to_owned(), MailboxName::inbox()));
    Ok(folders)
}

fn is_mailbox(path: &Path) -> bool {
    is_real_folder(path) && is_real_folder(&path.join("cur"))
}

fn is_real_folder(path: &Path) -> bool {
    fs::symlink_metadata(path).is_ok_and(|metadata| metadata.is_dir())
}

/// What can be named in UTF-8; Maildir's own names always can.
fn names(folder: &Path) -> Result<Vec<String>, MaildirError> {
    let list = fs::read_dir(folder).map_err(MaildirError::io("list", folder))?;
    let mut names = Vec::new();
    for entry in list {
        let entry = entry.map_err(MaildirError::io("list", folder))?;
        names.extend(entry.file_name().into_string());
    }
    names.sort_unstable();
    Ok(names)
}

async fn import_folder(
    store: &Store,
    account: &AccountName,
    mailbox: &MailboxName,
    folder: &Path,
    imported: &mut Imported,
) -> Result<(), MaildirError> {
    let keywords = keywords(folder)?;
    for (_, path) in files(folder)? {
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        let flags = file_name::flags(name, &keywords);
        let (content, received) = read(store, &path)?;
        let (account, mailbox) = (account.clone(), mailbox.clone());
        let delivery = Delivery { account, mailbox, content, received, flags, key: None };
        match store.append(delivery).await {
            Ok(_) => imported.messages += 1,
            Err(error @ (StoreError::TooLarge { .. } | StoreError::TooManyKeywords { .. })) => {
                imported.refused.push((path, error.to_string()));
            }
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}

/// Messages by the time of their files.
fn files(folder: &Path) -> Result<Vec<(Timestamp, PathBuf)>, MaildirError> {
    let mut files = Vec::new();
    for part in ["cur", "new"] {
        let part = folder.join(part);
        if !is_real_folder(&part) {
            continue;
        }
        for name in names(&part)?.into_iter().filter(|name| !name.starts_with('.')) {
            let path = part.join(name);
            let metadata = fs::symlink_metadata(&path).map_err(MaildirError::io("read", &path))?;
            if metadata.is_file() {
                files.push((time(&path, &metadata)?, path));
            }
        }
    }
    files.sort();
    Ok(files)
}

fn time(path: &Path, metadata: &fs::Metadata) -> Result<Timestamp, MaildirError> {
    let modified = metadata.modified().map_err(MaildirError::io("read", path))?;
    Ok(Timestamp::try_from(modified).unwrap_or(Timestamp::UNIX_EPOCH))
}

/// Lines end with CRLF afterwards, whatever the file has.
fn read(store: &Store, path: &Path) -> Result<(Bytes, Timestamp), MaildirError> {
    let mut file = File::open(path).map_err(MaildirError::io("open", path))?;
    let metadata = file.metadata().map_err(MaildirError::io("read", path))?;
    let mut octets = Vec::new();
    // One more than is allowed is enough to be refused.
    let limit = store.message_octets_max() + 1;
    (&mut file).take(limit).read_to_end(&mut octets).map_err(MaildirError::io("read", path))?;
    Ok((with_crlf(octets).into(), time(path, &metadata)?))
}

fn with_crlf(octets: Vec<u8>) -> Vec<u8> {
    let is_bare = |at: usize| at == 0 || octets[at - 1] != b'\r';
    let bare = memchr::memchr_iter(b'\n', &octets).filter(|at| is_bare(*at)).count();
    if bare == 0 {
        return octets;
    }
    let mut out = Vec::with_capacity(octets.len() + bare);
    for (at, octet) in octets.iter().enumerate() {
        if *octet == b'\n' && is_bare(at) {
            out.push(b'\r');
        }
        out.push(*octet);
    }
    out
}

fn keywords(folder: &Path) -> Result<Vec<Option<Keyword>>, MaildirError> {
    let path = folder.join(KEYWORDS_FILE);
    if !fs::symlink_metadata(&path).is_ok_and(|metadata| metadata.is_file()) {
        return Ok(Vec::new());
    }
    let mut octets = Vec::new();
    let file = File::open(&path).map_err(MaildirError::io("open", &path))?;
    file.take(KEYWORDS_OCTETS_MAX).read_to_end(&mut octets).map_err(MaildirError::io("read", &path))?;
    Ok(file_name::read_keywords(&String::from_utf8_lossy(&octets)))
}
