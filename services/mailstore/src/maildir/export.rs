//! An account as a Maildir. Every file is synced; the folder must not be there, so nothing is ever mixed or overwritten.

use super::{KEYWORDS_FILE, MaildirError, file_name, utf7};
use crate::flags::Keyword;
use crate::message::MessageInfo;
use crate::name::{AccountName, DELIMITER, MailboxName};
use crate::store::{Access, MailboxView, Store};
use std::fs::{self, File, FileTimes};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

const PAGE: usize = 500;
const PIECE_OCTETS: u64 = 1024 * 1024;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Exported {
    pub mailboxes: u64,
    pub messages: u64,
}

pub fn export(store: &Store, account: &AccountName, to: &Path) -> Result<Exported, MaildirError> {
    if to.exists() {
        return Err(MaildirError::Exists(to.to_owned()));
    }
    fs::create_dir_all(to).map_err(MaildirError::io("make", to))?;
    let mut exported = Exported::default();
    for mailbox in store.mailboxes(account)? {
        let view = store.open_mailbox(account, &mailbox.name, Access::ReadOnly)?;
        exported.messages += export_mailbox(&view, &folder(to, &mailbox.name))?;
        exported.mailboxes += 1;
    }
    Ok(exported)
}

fn folder(maildir: &Path, name: &MailboxName) -> PathBuf {
    if name.is_inbox() {
        return maildir.to_owned();
    }
    let levels: Vec<_> = name.as_str().split(DELIMITER).map(utf7::encode).collect();
    maildir.join(format!(".{}", levels.join(".")))
}

fn export_mailbox(view: &MailboxView, folder: &Path) -> Result<u64, MaildirError> {
    for part in ["cur", "new", "tmp"] {
        let part = folder.join(part);
        fs::create_dir_all(&part).map_err(MaildirError::io("make", &part))?;
    }
    let mut keywords = Vec::new();
    let mut left = view.uids.clone();
    let mut count = 0;
    loop {
        let page = view.page(&left, PAGE)?;
        let Some(last) = page.last() else { break };
        left.remove_to(last.uid);
        for message in &page {
            export_message(view, message, folder, &mut keywords)?;
            count += 1;
        }
    }
    if !keywords.is_empty() {
        let path = folder.join(KEYWORDS_FILE);
        let text = file_name::write_keywords(&keywords);
        let written = File::create_new(&path).and_then(|mut file| {
            file.write_all(text.as_bytes())?;
            file.sync_all()
        });
        written.map_err(MaildirError::io("write", &path))?;
    }
    let cur = folder.join("cur");
    File::open(&cur).and_then(|cur| cur.sync_all()).map_err(MaildirError::io("sync", &cur))?;
    Ok(count)
}

fn export_message(
    view: &MailboxView,
    message: &MessageInfo,
    folder: &Path,
    keywords: &mut Vec<Keyword>,
) -> Result<(), MaildirError> {
    let (seconds, size) = (message.received.as_second(), message.size);
    let unique = format!("{seconds}.V{}U{}.mailstore,S={size}", view.info.state.uid_validity, message.uid);
    let unfinished = folder.join("tmp").join(&unique);
    let mut file = File::create_new(&unfinished).map_err(MaildirError::io("create", &unfinished))?;
    let mut begin = 0;
    // A message of one piece is checked as a whole.
    loop {
        let end = if size <= PIECE_OCTETS { u64::MAX } else { begin + PIECE_OCTETS };
        let octets = view.message(message.uid, begin..end)?;
        file.write_all(&octets).map_err(MaildirError::io("write", &unfinished))?;
        begin += octets.len() as u64;
        if octets.is_empty() || begin >= size {
            break;
        }
    }
    let since = Duration::from_secs(seconds.unsigned_abs());
    let time = if seconds < 0 { SystemTime::UNIX_EPOCH - since } else { SystemTime::UNIX_EPOCH + since };
    let done = file.set_times(FileTimes::new().set_modified(time)).and_then(|()| file.sync_all());
    done.map_err(MaildirError::io("write", &unfinished))?;
    let letters = file_name::letters(&message.flags, keywords);
    let path = folder.join("cur").join(format!("{unique}:2,{letters}"));
    fs::rename(&unfinished, &path).map_err(MaildirError::io("make", &path))
}
