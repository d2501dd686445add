//! Out and in again, and in from what another program wrote.

use super::*;
use crate::flags::{Flags, Keyword};
use crate::message::Delivery;
use crate::name::{AccountName, MailboxName};
use crate::number::UidSet;
use crate::store::{Access, Config, Store};
use jiff::Timestamp;
use std::fs;

fn run<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(future)
}

fn account(name: &str) -> AccountName {
    AccountName::new(name).unwrap()
}

fn deliver(store: &Store, mailbox: &MailboxName, text: &str, seconds: i64, flags: Flags) {
    let (account, mailbox) = (account("ann"), mailbox.clone());
    let received = Timestamp::from_second(seconds).unwrap();
    let content = text.to_owned().into();
    run(store.append(Delivery { account, mailbox, content, received, flags, key: None })).unwrap();
}

/// Mailbox, octets, time and flags of every message.
fn all(store: &Store, account: &AccountName) -> Vec<(String, String, i64, Flags)> {
    let mut all = Vec::new();
    for mailbox in store.mailboxes(account).unwrap() {
        let view = store.open_mailbox(account, &mailbox.name, Access::ReadOnly).unwrap();
        for message in view.page(&UidSet::all(), 1000).unwrap() {
            let octets = view.message(message.uid, 0..u64::MAX).unwrap();
            let text = String::from_utf8(octets.to_vec()).unwrap();
            all.push((mailbox.name.to_string(), text, message.received.as_second(), message.flags));
        }
    }
    all
}

#[test]
fn what_goes_out_comes_in_again_with_flags_keywords_and_dates() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(&Config::new(folder.path().join("store"))).unwrap();
    let odd = MailboxName::new("v1.2/Entwürfe & ..").unwrap();
    run(store.create(&account("ann"), &odd, None)).unwrap();
    let keywords = |texts: &[&str]| texts.iter().map(|text| Keyword::new(text).unwrap()).collect();
    let flags = [
        Flags::default(),
        Flags {
            seen: true,
            answered: true,
            flagged: true,
            deleted: true,
            draft: true,
            keywords: keywords(&["$Junk", "b"]),
        },
        Flags { keywords: keywords(&["b", "A"]), ..Flags::seen() },
    ];
    for (number, flags) in flags.iter().enumerate() {
        deliver(
            &store,
            &odd,
            &format!("message {number}\r\n\r\n"),
            1_000_000_000 + number as i64,
            flags.clone(),
        );
        deliver(&store, &MailboxName::inbox(), &"long ".repeat(300_000), 1_100_000_000, flags.clone());
    }
    let maildir = folder.path().join("out");
    let exported = export(&store, &account("ann"), &maildir).unwrap();
    assert_eq!(exported, Exported { mailboxes: 7, messages: 6 });
    assert!(maildir.join(".v1&AC4-2.Entw&APw-rfe &- &AC4ALg-/cur").is_dir());
    assert!(matches!(export(&store, &account("ann"), &maildir), Err(MaildirError::Exists(_))));
    let imported = run(import(&store, &account("bob"), &maildir)).unwrap();
    assert_eq!((imported.mailboxes, imported.messages, imported.refused.len()), (7, 6, 0));
    assert_eq!(all(&store, &account("bob")), all(&store, &account("ann")));
}

#[test]
fn what_another_program_wrote_comes_in_and_links_stay_out() {
    let folder = tempfile::tempdir().unwrap();
    let maildir = folder.path().join("Maildir");
    for part in ["cur", "new", "tmp", ".Work.2024/cur", ".Work.2024/new", ".nothing"] {
        fs::create_dir_all(maildir.join(part)).unwrap();
    }
    let put = |path: &str, text: &str| {
        std::io::Write::write_all(&mut fs::File::create(maildir.join(path)).unwrap(), text.as_bytes())
            .unwrap()
    };
    put("new/1.a", "Subject: new\n\nHello\n");
    put("tmp/1.b", "unfinished");
    put(".Work.2024/cur/2.c:2,FSc", "A: b\r\n\r\nx\n");
    put(".Work.2024/dovecot-keywords", "2 $Done\nx y\n99 far\n");
    put(".Work.2024/cur/3.d:2,S", &"x".repeat(101));
    put("secret", "not yours");
    std::os::unix::fs::symlink(maildir.join("secret"), maildir.join("cur/4.e:2,S")).unwrap();
    std::os::unix::fs::symlink(maildir.join(".Work.2024"), maildir.join(".link")).unwrap();
    let mut config = Config::new(folder.path().join("store"));
    config.usual_mailboxes.clear();
    config.message_octets_max = 100;
    let store = Store::open(&config).unwrap();
    let imported = run(import(&store, &account("ann"), &maildir)).unwrap();
    assert_eq!((imported.messages, imported.refused.len()), (2, 1), "{imported:?}");
    assert!(imported.refused[0].0.ends_with(".Work.2024/cur/3.d:2,S"));
    let all: Vec<_> = all(&store, &account("ann"))
        .into_iter()
        .map(|(mailbox, text, _, flags)| (mailbox, text, flags))
        .collect();
    let done = Flags {
        flagged: true,
        seen: true,
        keywords: [Keyword::new("$Done").unwrap()].into(),
        ..Flags::default()
    };
    assert_eq!(all[0], ("INBOX".to_owned(), "Subject: new\r\n\r\nHello\r\n".to_owned(), Flags::default()));
    assert_eq!(all[1], ("Work/2024".to_owned(), "A: b\r\n\r\nx\r\n".to_owned(), done));
    let error = run(import(&store, &account("ann"), &maildir.join("tmp"))).unwrap_err();
    assert!(matches!(error, MaildirError::NoMaildir(_)));
}
