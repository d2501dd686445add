//! A daemon with a directory of its own: the pairs `store-1`, which is the daemon's, and `store-2`; accounts of `example.org`.

use crate::daemon::{Daemon, command};
use mail::config::Octets;
use mail::directory::changes::{AccountChange, NewAccount};
use mail::directory::{Access, Address, DirectorySettings, Domain, PairAddress, Place, Records};
use mail::password::scram::StoredKeys;
use mail::password::{Cost, Password, PasswordHash};
use nix::sys::signal::Signal;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::process::Stdio;
use tempfile::TempDir;
use tokio::runtime::Runtime;

/// Strangers would need more; this is compared in no time.
const CHEAP: Cost = Cost { memory_kib: 64, passes: 1, lanes: 1 };
pub const SECRET: &str = "0123456789abcdef0123456789abcdef";

/// Answers of the directory are not used again: a test sees its changes at once.
const TABLES: &str = "[directory]\nsqlite = 'FOLDER/directory.db'\ncache = '0s'\n\
    [proxy]\nname = 'access'\nsecret_file = 'FOLDER/secret'\n\
    [tls]\ncertificates = 'FOLDER/tls.crt'\nkey = 'FOLDER/tls.key'\n\
    [logins]\nwrong_per_client_and_account_max = 4\n[pop3]\nlisten = ['127.0.0.1:0']\n";

pub struct Office {
    pub daemon: Daemon,
    pub records: Records,
    pub runtime: Runtime,
}

impl Office {
    /// Ann and Bob, with their names as passwords. `tls` is what the listener of POP3 does.
    pub fn open(tls: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        write_certificate(folder.path());
        let secret = folder.path().join("secret");
        let mut options = std::fs::OpenOptions::new();
        options
            .write(true)
            .create(true)
            .mode(0o600)
            .open(secret)
            .unwrap()
            .write_all(SECRET.as_bytes())
            .unwrap();
        let runtime = Runtime::new().unwrap();
        let records = runtime.block_on(furnish(folder.path()));
        let daemon = start(folder, tls);
        let office = Self { daemon, records, runtime };
        for name in ["ann", "bob"] {
            office.add(name, Some(("store-1", None)));
        }
        office
    }

    /// Again, on what it left behind.
    pub fn restart(self, signal: Signal, tls: &str) -> Self {
        let (_, store, folder) = self.daemon.end(signal);
        drop(store);
        Self { daemon: start(folder, tls), ..self }
    }

    pub fn add(&self, name: &str, mailbox: Option<(&str, Option<u64>)>) {
        let password = Password::new(name).unwrap();
        let hash = PasswordHash::new(&password, CHEAP).unwrap();
        let mailbox =
            mailbox.map(|(pair, quota)| Place { pair: pair.parse().unwrap(), quota: quota.map(Octets) });
        let password = Some((hash, StoredKeys::new(&password).unwrap()));
        let new = NewAccount { name: address(name), password, mailbox };
        self.runtime.block_on(self.records.add_account(&new)).unwrap();
    }

    pub fn move_to(&self, name: &str, pair: &str) {
        let pair = pair.parse().unwrap();
        self.runtime.block_on(self.records.set_mailbox(&address(name), Some(&pair), None)).unwrap();
    }

    pub fn set_quota(&self, name: &str, quota: Option<u64>) {
        let quota = Some(quota.map(Octets));
        self.runtime.block_on(self.records.set_mailbox(&address(name), None, quota)).unwrap();
    }

    pub fn set_access(&self, name: &str, access: Access) {
        let change = AccountChange { access: Some(access), ..AccountChange::default() };
        self.runtime.block_on(self.records.set_account(&address(name), &change)).unwrap();
    }

    /// Takes the tables away from under the daemon, or gives them back.
    pub fn break_directory(&self, is_broken: bool) {
        let file = self.daemon.folder.path().join("directory.db");
        let connection = rusqlite::Connection::open(file).unwrap();
        for (table, hidden) in [("accounts", "hidden_1"), ("schema_versions", "hidden_2")] {
            let (from, to) = if is_broken { (table, hidden) } else { (hidden, table) };
            connection.execute(&format!("ALTER TABLE {from} RENAME TO {to}"), []).unwrap();
        }
    }

    /// A Python program with the port of POP3 as its argument, behind a certificate that it may believe. What it says.
    pub fn python(&self, program: &str, more: &[&str]) -> String {
        let certificate = self.daemon.folder.path().join("tls.crt");
        let mut python = command("python3");
        python.args(["-c", program, &self.daemon.pop3_port(), certificate.to_str().unwrap()]).args(more);
        let output = python.stderr(Stdio::piped()).output().unwrap();
        let (said, talk) = (text(output.stdout), text(output.stderr));
        assert!(output.status.success(), "{said}{talk}");
        said
    }
}

fn start(folder: TempDir, tls: &str) -> Daemon {
    let path = folder.path().to_str().unwrap();
    let tables = format!("{}tls = '{tls}'\n", TABLES.replace("FOLDER", path));
    Daemon::start_on(folder, "pair = 'store-1'\n", &tables)
}

async fn furnish(folder: &Path) -> Records {
    let records = Records::open_or_make(&DirectorySettings::sqlite(folder.join("directory.db"))).unwrap();
    records.upgrade().await.unwrap();
    let domain = Domain { name: "example.org".to_owned(), separator: Some('+'), catch_all: None };
    records.add_domain(&domain).await.unwrap();
    let at = |port: u16| format!("127.0.0.1:{port}").parse().unwrap();
    for name in ["store-1", "store-2"] {
        let place = PairAddress { lmtp: at(24), imap: at(143), pop3: at(110) };
        records.add_pair(&name.parse().unwrap(), &place).await.unwrap();
    }
    records
}

/// Another one each time.
pub fn write_certificate(folder: &Path) {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    for (name, pem) in [("tls.crt", made.cert.pem()), ("tls.key", made.signing_key.serialize_pem())] {
        fs_err::File::create(folder.join(name)).unwrap().write_all(pem.as_bytes()).unwrap();
    }
}

pub fn address(name: &str) -> Address {
    format!("{name}@example.org").parse().unwrap()
}

pub fn text(octets: Vec<u8>) -> String {
    String::from_utf8(octets).unwrap()
}
