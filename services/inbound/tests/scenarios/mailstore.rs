//! `mailstore` as a process: this program again, with a variable that names its file, for a test cannot ask for another package's program.

use crate::process::{Process, command};
use mailstore::daemon::{self, Orders, Settings};
use mailstore::{Access, AccountName, Config, MailboxName, Store, UidSet};
use nix::sys::signal::Signal;
use std::net::SocketAddr;
use tempfile::TempDir;

const FILE: &str = "INBOUND_TEST_MAILSTORE";

/// Serves until it is killed.
#[test]
fn child() {
    let Ok(file) = std::env::var(FILE) else { return };
    tracing_subscriber::fmt().with_writer(std::io::stderr).with_ansi(false).json().init();
    let settings = mail::config::read::<Settings>(file.as_ref()).unwrap();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(daemon::run(settings, Orders::default())).unwrap();
}

pub struct Mailstore {
    process: Process,
    pub lmtp: SocketAddr,
    folder: TempDir,
}

impl Mailstore {
    /// Accounts with their quota.
    pub fn start(accounts: &[(&str, Option<u64>)]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(&Config::new(folder.path().join("store"))).unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        for (name, quota) in accounts {
            runtime.block_on(store.set_quota(&account(name), *quota)).unwrap();
        }
        drop(store);
        let process = run(&folder, "127.0.0.1:0");
        let lmtp = process.address("lmtp");
        Self { process, lmtp, folder }
    }

    pub fn signal(&self, signal: Signal) {
        self.process.signal(signal);
    }

    pub fn kill(&mut self) {
        self.process.end(Signal::SIGKILL);
    }

    /// Where it was.
    pub fn start_again(&mut self) {
        self.process = run(&self.folder, &self.lmtp.to_string());
        self.process.address("lmtp");
    }

    /// All messages in an account's INBOX. Nothing is served meanwhile.
    pub fn inbox(&mut self, name: &str) -> Vec<String> {
        self.kill();
        let store = Store::open(&Config::new(self.folder.path().join("store"))).unwrap();
        let view = store.open_mailbox(&account(name), &MailboxName::inbox(), Access::ReadOnly);
        let messages = view.map_or_else(
            |_| Vec::new(),
            |view| {
                let messages = view.page(&UidSet::all(), 100_000).unwrap();
                let content = |uid| view.message(uid, 0..u64::MAX).unwrap();
                messages
                    .iter()
                    .map(|message| String::from_utf8(content(message.uid).to_vec()).unwrap())
                    .collect()
            },
        );
        drop(store);
        self.start_again();
        messages
    }
}

fn account(name: &str) -> AccountName {
    AccountName::new(name).unwrap()
}

fn run(folder: &TempDir, listen: &str) -> Process {
    let file = folder.path().join("mailstore.toml");
    let text = format!(
        "host = 'store.example'\nown_names = ['mx1.example', 'mx2.example']\nfolder = '{}'\n[lmtp]\nlisten = ['{listen}']\n",
        folder.path().join("store").display()
    );
    fs_err::write(&file, text).unwrap();
    let program = std::env::current_exe().unwrap();
    let mut command = command(program.to_str().unwrap());
    Process::start(
        command.args(["mailstore::child", "--exact", "--nocapture", "--test-threads=1"]).env(FILE, &file),
    )
}
