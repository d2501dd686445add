//! `mailstore serve` as a process, with a volume in a folder of its own, and Python's smtplib as its client.

use mailstore::{Access, AccountName, Config, MailboxName, Store, UidSet};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use std::collections::HashMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;
use tempfile::TempDir;

/// A machine that is busy elsewhere is slow, not broken.
pub const PATIENCE: Duration = Duration::from_secs(90);

/// Speaks LMTP as it is told on standard input. Python's own `sendmail` reads one answer for all recipients, so this one goes step by step.
const PYTHON: &str = r#"
import json, smtplib, sys
port, mails = json.load(sys.stdin)
client = smtplib.LMTP("127.0.0.1", port, local_hostname="mx1.example")
client.ehlo_or_helo_if_needed()
say = lambda reply: f"{reply[0]} {reply[1].decode()}"
told = []
for mail in mails:
    code, text = client.mail(mail["from"], [f"SIZE={mail['size']}"] if mail["size"] else [])
    assert code == 250, text
    at_rcpt = [client.rcpt(to) for to in mail["to"]]
    taken = sum(code == 250 for code, _ in at_rcpt)
    behind = []
    if taken:
        assert client.docmd("DATA")[0] == 354
        client.send(mail["content"].encode() + b".\r\n")
        behind = [client.getreply() for _ in range(taken)]
    else:
        client.rset()
    told.append([list(map(say, at_rcpt)), list(map(say, behind))])
client.quit()
json.dump(told, sys.stdout)
"#;

#[expect(clippy::disallowed_methods, reason = "the command under test, and its clients")]
pub fn command(program: &str) -> Command {
    Command::new(program)
}

pub fn mailstore(words: &[&str]) -> Output {
    command(env!("CARGO_BIN_EXE_mailstore")).args(words).output().unwrap()
}

/// What a client is told: at RCPT, and behind the content.
pub type Told = (Vec<String>, Vec<String>);

pub struct Mail<'a> {
    pub from: &'a str,
    pub size: Option<u64>,
    pub to: &'a [&'a str],
    pub content: String,
}

pub struct Daemon {
    process: Process,
    log: Receiver<String>,
    pub lmtp: SocketAddr,
    pub observe: SocketAddr,
    /// Where the settings say so.
    pub imap: Option<SocketAddr>,
    pub pop3: Option<SocketAddr>,
    pub folder: TempDir,
}

/// Ends with the test, however that ends.
struct Process(Child);

pub fn account(name: &str) -> AccountName {
    AccountName::new(name).unwrap()
}

impl Daemon {
    /// Accounts with their quota.
    pub fn start(accounts: &[(&str, Option<u64>)]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(&Config::new(folder.path().join("store"))).unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        for (name, quota) in accounts {
            runtime.block_on(store.set_quota(&account(name), *quota)).unwrap();
        }
        drop(store);
        Self::start_on(folder, "", "")
    }

    /// With more settings: keys that stand above all tables, and tables.
    pub fn start_on(folder: TempDir, top: &str, tables: &str) -> Self {
        let file = write_settings(folder.path(), top, tables);
        let mut mailstore = command(env!("CARGO_BIN_EXE_mailstore"));
        mailstore.args(["serve", "--log-json", "--config", &file]).stderr(Stdio::piped());
        let mut process = Process(mailstore.spawn().unwrap());
        let (line, log) = channel();
        let lines = BufReader::new(process.0.stderr.take().unwrap()).lines();
        std::thread::spawn(move || lines.map_while(Result::ok).try_for_each(|text| line.send(text)));
        let readers = ["imap", "pop3"].into_iter().filter(|name| tables.contains(&format!("[{name}]")));
        let addresses = addresses(&log, 2 + readers.count());
        let address = |name: &str| addresses.get(name).copied();
        let (lmtp, observe) = (address("lmtp").unwrap(), address("observe").unwrap());
        let (imap, pop3) = (address("imap"), address("pop3"));
        Self { process, log, lmtp, observe, imap, pop3, folder }
    }

    pub fn python(&self, mails: &[Mail<'_>]) -> Vec<Told> {
        let mails: Vec<_> = mails
            .iter()
            .map(|mail| {
                serde_json::json!({ "from": mail.from, "size": mail.size, "to": mail.to, "content": mail.content })
            })
            .collect();
        let mut python = command("python3");
        python.args(["-c", PYTHON]).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut python = python.spawn().unwrap();
        let orders = serde_json::json!([self.lmtp.port(), mails]).to_string();
        python.stdin.take().unwrap().write_all(orders.as_bytes()).unwrap();
        let output = python.wait_with_output().unwrap();
        assert!(output.status.success(), "the client broke");
        serde_json::from_slice(&output.stdout).unwrap()
    }

    pub fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(self.lmtp).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream
    }

    pub fn imap_port(&self) -> String {
        self.imap.unwrap().port().to_string()
    }

    pub fn pop3_port(&self) -> String {
        self.pop3.unwrap().port().to_string()
    }

    /// The answer to GET.
    pub fn get(&self, path: &str) -> String {
        let mut stream = TcpStream::connect(self.observe).unwrap();
        write!(stream, "GET {path} HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n").unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    }

    pub fn send(&self, signal: Signal) {
        kill(Pid::from_raw(self.process.0.id() as i32), signal).unwrap();
    }

    /// Until a line of the log says this.
    pub fn until(&self, message: &str) {
        let message = format!("\"message\":\"{message}\"");
        while !self.log.recv_timeout(PATIENCE).unwrap().contains(&message) {}
    }

    /// Sends a signal, waits for the end, and opens what is left.
    pub fn end(mut self, signal: Signal) -> (ExitStatus, Store, TempDir) {
        self.send(signal);
        let status = self.process.0.wait().unwrap();
        let folder = std::mem::replace(&mut self.folder, tempfile::tempdir().unwrap());
        let store = Store::open(&Config::new(folder.path().join("store"))).unwrap();
        (status, store, folder)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It is over in most cases.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// The file's name.
pub fn write_settings(folder: &Path, top: &str, tables: &str) -> String {
    let path = folder.join("mailstore.toml");
    let text = format!(
        "host = 'store-1.example'\nown_names = ['mx1.example', 'mx2.example']\nfolder = '{}'\ndrain = '15s'\n{top}\
         [lmtp]\nlisten = ['127.0.0.1:0']\n[observe]\nlisten = '127.0.0.1:0'\n[compaction]\nevery = '1s'\n{tables}",
        folder.join("store").display()
    );
    std::fs::File::create(&path).unwrap().write_all(text.as_bytes()).unwrap();
    path.to_str().unwrap().to_owned()
}

/// Of so many listeners.
fn addresses(log: &Receiver<String>, count: usize) -> HashMap<String, SocketAddr> {
    let (mut addresses, mut heard) = (HashMap::new(), String::new());
    while addresses.len() < count {
        let line = log.recv_timeout(PATIENCE).unwrap_or_else(|_| panic!("it does not listen:\n{heard}"));
        heard += &format!("{line}\n");
        let fields = &serde_json::from_str::<serde_json::Value>(&line).unwrap()["fields"];
        if fields["message"] == "listening" {
            let text = |field: &str| fields[field].as_str().unwrap();
            addresses.insert(text("listener").to_owned(), text("address").parse().unwrap());
        }
    }
    addresses
}

/// All messages in an account's INBOX.
pub fn inbox(store: &Store, name: &str) -> Vec<String> {
    let view = store.open_mailbox(&account(name), &MailboxName::inbox(), Access::ReadOnly).unwrap();
    let messages = view.page(&UidSet::all(), 1000).unwrap();
    let content = |uid| view.message(uid, 0..u64::MAX).unwrap();
    messages.iter().map(|message| String::from_utf8(content(message.uid).to_vec()).unwrap()).collect()
}
