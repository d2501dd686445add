//! SIGKILL under load, again and again on one volume: nothing that was answered is missing, and nothing is there twice.
//!
//! The child is this program again, with a variable that tells it to work. SIGKILL keeps what the kernel has in memory, so this tests
//! the order of things inside the process; what a power cut does is tested with a disk that loses writes (`src/store/tests/power.rs`).

use bytes::Bytes;
use jiff::Timestamp;
use mailstore::check::{self, Finding};
use mailstore::{Access, AccountName, Config, Delivery, FlagChange, Flags, MailboxName, Store, UidSet};
use std::collections::HashMap;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, SystemTime};

const FOLDER: &str = "MAILSTORE_TEST_FOLDER";
const ROUND: &str = "MAILSTORE_TEST_ROUND";
const ROUNDS: u32 = 12;
const TASKS: u32 = 8;

fn config(folder: &Path) -> Config {
    let mut config = Config::new(folder);
    config.segment_octets_max = 256 * 1024;
    config
}

fn account(task: u32) -> AccountName {
    AccountName::new(&format!("account{}", task % 3)).unwrap()
}

fn text(round: u32, task: u32, number: u32) -> String {
    format!("{round}-{task}-{number} ").repeat(1 + (number as usize * 37) % 400)
}

/// Delivers until it is killed, and says what was answered.
#[test]
fn child() {
    let Ok(folder) = std::env::var(FOLDER) else { return };
    let round = std::env::var(ROUND).unwrap().parse().unwrap();
    let store = Store::open(&config(Path::new(&folder))).unwrap();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(async {
        let tasks: Vec<_> = (0..TASKS).map(|task| tokio::spawn(work(store.clone(), round, task))).collect();
        for task in tasks {
            task.await.unwrap();
        }
    });
}

async fn work(store: Store, round: u32, task: u32) {
    for number in 0.. {
        let delivery = Delivery {
            account: account(task),
            mailbox: MailboxName::inbox(),
            content: Bytes::from(text(round, task, number)),
            received: Timestamp::now(),
            flags: Flags::default(),
            key: None,
        };
        let uid = store.deliver(delivery).await.unwrap().uid;
        say(&format!("kept {task} {number} {uid}"));
        if number % 5 == 4 {
            let id = store.mailbox(&account(task), &MailboxName::inbox()).unwrap().id;
            say(&format!("asked {task} {uid}"));
            store.store_flags(id, UidSet::one(uid), FlagChange::Add(Flags::deleted()), None).await.unwrap();
            store.expunge(id, Some(UidSet::one(uid))).await.unwrap();
            say(&format!("gone {task} {uid}"));
        }
        if task == 0 && number % 50 == 49 {
            store.compact().await.unwrap();
        }
    }
}

fn say(line: &str) {
    let mut out = std::io::stderr().lock();
    out.write_all(format!("{line}\n").as_bytes()).unwrap();
}

/// What the children were answered: the text of each message that must be there, and UIDs that may be.
#[derive(Default)]
struct Answers {
    kept: HashMap<(AccountName, u32), String>,
    may_be_gone: HashMap<(AccountName, u32), String>,
    gone: Vec<(AccountName, u32)>,
}

impl Answers {
    fn hear(&mut self, round: u32, line: &str) {
        let words: Vec<_> = line.split(' ').collect();
        let number = |at: usize| words[at].parse::<u32>().unwrap();
        match words[..] {
            ["kept", ..] => {
                let text = text(round, number(1), number(2));
                let before = self.kept.insert((account(number(1)), number(3)), text);
                assert!(before.is_none(), "{line}: a UID was given twice");
            }
            ["asked", ..] => {
                let at = (account(number(1)), number(2));
                let text = self.kept.remove(&at).unwrap();
                self.may_be_gone.insert(at, text);
            }
            ["gone", ..] => {
                let at = (account(number(1)), number(2));
                self.may_be_gone.remove(&at).unwrap();
                self.gone.push(at);
            }
            _ => {}
        }
    }

    fn check(&self, store: &Store) -> usize {
        let mut unasked = 0;
        for task in 0..3 {
            let account = account(task);
            let Ok(view) = store.open_mailbox(&account, &MailboxName::inbox(), Access::ReadOnly) else {
                continue;
            };
            for uid in view.uids.iter() {
                let at = (account.clone(), uid.get());
                assert!(!self.gone.contains(&at), "{at:?} came back");
                let text = view.message(uid, 0..u64::MAX).unwrap();
                match self.kept.get(&at).or_else(|| self.may_be_gone.get(&at)) {
                    Some(expected) => assert_eq!(text, expected.as_bytes()),
                    None => unasked += 1,
                }
            }
            for (_, uid) in self.kept.keys().filter(|(of, _)| *of == account) {
                let uid = mailstore::Uid::new(*uid).unwrap();
                assert!(view.uids.contains(uid), "{uid} of {account} is missing");
            }
        }
        unasked
    }
}

#[test]
#[expect(clippy::disallowed_methods, reason = "the child is this program")]
fn a_store_that_is_killed_under_load_has_everything_that_it_answered() {
    let folder = tempfile::tempdir().unwrap();
    let mut answers = Answers::default();
    let mut heard = 0;
    for round in 0..ROUNDS {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["killed::child", "--exact", "--nocapture", "--test-threads=1"])
            .env(FOLDER, folder.path())
            .env(ROUND, round.to_string())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stderr.take().unwrap()).lines();
        let (id, mut is_timed) = (nix::unistd::Pid::from_raw(child.id() as i32), false);
        for line in lines {
            let line = line.unwrap();
            answers.hear(round, &line);
            heard += 1;
            if !is_timed {
                is_timed = true;
                let nanos = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().subsec_nanos();
                let pause = Duration::from_millis(20 + u64::from(nanos / 1000) % 400);
                std::thread::spawn(move || {
                    std::thread::sleep(pause);
                    nix::sys::signal::kill(id, nix::sys::signal::Signal::SIGKILL)
                });
            }
        }
        assert!(!child.wait().unwrap().success());
        let store = Store::open(&config(folder.path())).unwrap();
        let unasked = answers.check(&store);
        // Answered, but the child died before it could say so: at most one for each task and round.
        assert!(unasked <= (TASKS * (round + 1)) as usize, "{unasked} messages that nobody sent");
    }
    assert!(heard > 500, "the children did only {heard} things");
    let findings = check::check(&config(folder.path())).unwrap().findings;
    assert!(findings.iter().all(|finding: &Finding| !finding.is_bad()), "{findings:?}");
}
