//! mbsync keeps a Maildir and a server the same, in both directions.

use crate::client::{Raw, run, stdout};
use crate::house::{House, Plan, message, write};
use mailstore::{Access, Flags, MailboxName, UidSet};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// Flags in the letters of Maildir, and the subject.
type Mails = BTreeSet<String>;

struct Sync {
    house: House,
    near: PathBuf,
    file: PathBuf,
}

impl Sync {
    async fn new() -> Self {
        let house = House::open(Plan::default()).await;
        let (near, file) = (house.folder.path().join("near"), house.folder.path().join("mbsyncrc"));
        fs_err::create_dir(&near).unwrap();
        let text = format!(
            "IMAPStore far\nHost 127.0.0.1\nPort {port}\nUser ann\nPassCmd \"echo 'a \\\"secret\\\"'\"\nSSLType None\n\
             AuthMechs PLAIN\n\nMaildirStore near\nPath {near}/\nInbox {near}/INBOX\nSubFolders Verbatim\n\n\
             Channel all\nFar :far:\nNear :near:\nPatterns *\nCreate Both\nRemove Both\nExpunge Both\nSyncState *\n",
            port = house.port(),
            near = near.display(),
        );
        write(&file, &text);
        Self { house, near, file }
    }

    async fn run(&self) {
        stdout(run("mbsync", &["-c", self.file.to_str().unwrap(), "-a"], b"").await);
        self.house.until_empty().await;
    }

    fn far(&self, mailbox: &str) -> Mails {
        let (account, name) = (crate::house::account_of("ann"), MailboxName::new(mailbox).unwrap());
        let view = self.house.store.open_mailbox(&account, &name, Access::ReadOnly).unwrap();
        let mail = |message: &mailstore::MessageInfo| {
            let content = view.message(message.uid, 0..u64::MAX).unwrap();
            format!("{} {}", letters(&message.flags), subject(&String::from_utf8_lossy(&content)))
        };
        view.page(&UidSet::all(), 1000).unwrap().iter().map(mail).collect()
    }

    fn near(&self, mailbox: &str) -> Mails {
        let mail = |path: &PathBuf| {
            let name = path.file_name().unwrap().to_str().unwrap();
            let letters = name.split_once(":2,").map_or("", |(_, letters)| letters);
            format!("{letters} {}", subject(&fs_err::read_to_string(path).unwrap()))
        };
        files(&self.near.join(mailbox)).iter().map(mail).collect()
    }

    /// The one file with a subject.
    fn file(&self, mailbox: &str, wanted: &str) -> PathBuf {
        let mut all = files(&self.near.join(mailbox)).into_iter();
        all.find(|path| subject(&fs_err::read_to_string(path).unwrap()) == wanted).unwrap()
    }

    #[track_caller]
    fn assert_same(&self, mailbox: &str, expected: &[&str]) {
        let expected: Mails = expected.iter().map(|mail| (*mail).to_owned()).collect();
        assert_eq!(self.far(mailbox), expected, "far");
        assert_eq!(self.near(mailbox), expected, "near");
    }
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let of = |name| fs_err::read_dir(folder.join(name)).unwrap().map(|entry| entry.unwrap().path());
    of("cur").chain(of("new")).collect()
}

fn letters(flags: &Flags) -> String {
    let all = [
        ('D', flags.draft),
        ('F', flags.flagged),
        ('R', flags.answered),
        ('S', flags.seen),
        ('T', flags.deleted),
    ];
    all.iter().filter(|(_, is_set)| *is_set).map(|(letter, _)| letter).collect()
}

fn subject(content: &str) -> String {
    content.lines().find_map(|line| line.strip_prefix("Subject: ")).unwrap().trim_end().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn mbsync_keeps_both_sides_the_same() {
    let sync = Sync::new().await;
    for number in 1..=4 {
        let flags = if number == 2 { Flags::seen() } else { Flags::default() };
        sync.house.put("INBOX", flags, message(number, "x")).await;
    }
    sync.run().await;
    sync.assert_same("INBOX", &[" message 1", "S message 2", " message 3", " message 4"]);

    // On the server: a flag, a move, an expunge, a new one, a new mailbox.
    let mut client = Raw::selected(sync.house.address, "INBOX").await;
    client.ok("STORE 1 +FLAGS (\\Flagged)").await;
    client.ok("MOVE 2 Archive").await;
    client.ok("CREATE later").await;
    client.ok("LOGOUT").await;
    drop(client);
    sync.house.put("INBOX", Flags::default(), message(5, "x")).await;
    // On the other side: a flag, a message that goes, a new one.
    let third = sync.file("INBOX", "message 3");
    let name = third.file_name().unwrap().to_str().unwrap().split(":2,").next().unwrap().to_owned();
    fs_err::rename(&third, sync.near.join("INBOX/cur").join(format!("{name}:2,RS"))).unwrap();
    fs_err::remove_file(sync.file("INBOX", "message 4")).unwrap();
    write(&sync.near.join("INBOX/new/1.near"), &message(6, "x").replace("\r\n", "\n"));
    sync.run().await;
    let expected = ["F message 1", "RS message 3", " message 5", " message 6"];
    sync.assert_same("INBOX", &expected);
    sync.assert_same("Archive", &["S message 2"]);
    sync.assert_same("later", &[]);

    // Nothing happened: nothing changes.
    let before = sync.house.store.counts().records;
    sync.run().await;
    assert_eq!(sync.house.store.counts().records, before);
    sync.assert_same("INBOX", &expected);
}
