//! The daemon under test, with a directory and certificates in a folder of its own.

use crate::line::Line;
use mail::directory::changes::NewAccount;
use mail::directory::{Address, DirectorySettings, Domain, PairAddress, PairName, Place, Records};
use mail::password::scram::StoredKeys;
use mail::password::{Cost, Password, PasswordHash};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use std::future::Future;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};
use tempfile::TempDir;

pub const PATIENCE: Duration = Duration::from_secs(30);
pub const PROXY: &str = "access";
pub const SECRET: &str = "a-secret-of-the-front-end";
/// All accounts have it.
pub const PASSWORD: &str = "correct horse";
/// Whoever is compared with it would wait for nothing.
const CHEAP: Cost = Cost { memory_kib: 64, passes: 1, lanes: 1 };
/// Nobody listens on the port of discarding.
pub const NOWHERE: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 9);

#[expect(clippy::disallowed_methods, reason = "the command under test, its peers and clients")]
pub fn command(program: &str) -> Command {
    Command::new(program)
}

/// A pair, by its name.
pub struct At<'a> {
    pub name: &'a str,
    pub imap: SocketAddr,
    pub pop3: SocketAddr,
}

impl<'a> At<'a> {
    pub fn imap(name: &'a str, imap: SocketAddr) -> Self {
        Self { name, imap, pop3: NOWHERE }
    }
}

/// What the file says beside what every test needs.
#[derive(Clone, Copy, Default)]
pub struct More<'a> {
    /// Before the first table.
    pub top: &'a str,
    /// Instead of the directory in the folder.
    pub directory: Option<&'a str>,
    /// Instead of no TLS.
    pub backend: Option<&'a str>,
    pub tables: &'a str,
}

pub struct House {
    child: Child,
    log: Receiver<String>,
    /// Listener, TLS, address, in the order of the file.
    listeners: Vec<(String, String, SocketAddr)>,
    pub records: Records,
    pub folder: TempDir,
    seen: Vec<String>,
}

impl House {
    /// Accounts with their pairs, at `example.org`.
    pub fn start(pairs: &[At<'_>], accounts: &[(&str, Option<&str>)], more: More<'_>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let records = directory(folder.path().join("directory.db"), pairs, accounts);
        write_certificate(&folder, "localhost");
        let file = write_settings(&folder, more);
        let mut child = command(env!("CARGO_BIN_EXE_access"))
            .args(["--log-json", "--config", file.to_str().unwrap()])
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let (line, log) = channel();
        let lines = BufReader::new(child.stderr.take().unwrap()).lines();
        std::thread::spawn(move || lines.map_while(Result::ok).try_for_each(|text| line.send(text)));
        let mut house = Self { child, log, listeners: Vec::new(), records, folder, seen: Vec::new() };
        while house.listeners.iter().all(|(listener, ..)| listener != "observe") {
            let fields = house.next_log();
            if fields["message"] == "listening" {
                let text = |key: &str| fields[key].as_str().unwrap_or_default().to_owned();
                house.listeners.push((text("listener"), text("tls"), text("address").parse().unwrap()));
            }
        }
        house
    }

    fn next_log(&mut self) -> serde_json::Value {
        match self.log.recv_timeout(PATIENCE) {
            Ok(line) => {
                self.seen.push(line.clone());
                serde_json::from_str::<serde_json::Value>(&line).unwrap_or_default()["fields"].take()
            }
            Err(RecvTimeoutError::Timeout) => panic!("the daemon says nothing more: {:#?}", self.seen),
            Err(RecvTimeoutError::Disconnected) => panic!("the daemon has ended: {:#?}", self.seen),
        }
    }

    /// Until a line of the log says this.
    pub fn until(&mut self, message: &str) -> serde_json::Value {
        loop {
            let fields = self.next_log();
            if fields["message"] == message {
                return fields;
            }
        }
    }

    /// The last listener of a protocol with TLS of this kind.
    pub fn address(&self, listener: &str, tls: &str) -> SocketAddr {
        let is_it = |known: &&(String, String, SocketAddr)| known.0 == listener && known.1 == tls;
        self.listeners.iter().rfind(is_it).unwrap().2
    }

    /// IMAP in the clear, for a client that is trusted.
    pub fn imap(&self) -> Line {
        Line::connect(self.address("imap", "off"), "* OK ")
    }

    pub fn pop3(&self) -> Line {
        Line::connect(self.address("pop3", "off"), "+OK ")
    }

    pub fn id(&self) -> u32 {
        self.child.id()
    }

    pub fn ca_file(&self) -> PathBuf {
        self.folder.path().join("tls.crt")
    }

    /// The answer to GET, with its status.
    pub fn get(&self, path: &str) -> String {
        let mut stream = TcpStream::connect(self.address("observe", "")).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        write!(stream, "GET {path} HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n").unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    }

    /// The metrics say so now, or soon: sessions count when they are over.
    pub fn measures(&self, line: &str) {
        let start = Instant::now();
        loop {
            let page = self.get("/metrics");
            if page.lines().any(|known| known == line) {
                return;
            }
            assert!(start.elapsed() < PATIENCE, "no {line}: {page}");
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    pub fn send(&self, signal: Signal) {
        kill(Pid::from_raw(i32::try_from(self.child.id()).unwrap()), signal).unwrap();
    }

    pub fn wait(&mut self) -> ExitStatus {
        let start = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status;
            }
            assert!(start.elapsed() < PATIENCE, "the daemon does not end");
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}

impl Drop for House {
    fn drop(&mut self) {
        // It is over in some tests.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

pub fn write_settings(folder: &TempDir, more: More<'_>) -> PathBuf {
    let path = |name: &str| folder.path().join(name).display().to_string();
    let secret = folder.path().join("secret");
    fs_err::write(&secret, SECRET).unwrap();
    fs_err::set_permissions(&secret, std::fs::Permissions::from_mode(0o600)).unwrap();
    let sqlite = format!("sqlite = '{}'\ncache = '60s'", path("directory.db"));
    let mut text = more.top.to_owned();
    for protocol in ["imap", "pop3"] {
        for tls in ["starttls", "at-once", "off"] {
            text += &format!("[[{protocol}]]\nlisten = ['127.0.0.1:0']\ntls = '{tls}'\n");
        }
    }
    text += &format!(
        "[tls]\ncertificates = '{}'\nkey = '{}'\n[directory]\n{}\n[proxy]\nname = '{PROXY}'\nsecret_file = '{}'\n\
         [backend]\n{}\n[observe]\nlisten = '127.0.0.1:0'\n{}",
        path("tls.crt"),
        path("tls.key"),
        more.directory.unwrap_or(&sqlite),
        secret.display(),
        more.backend.unwrap_or("tls = 'off'"),
        more.tables,
    );
    let file = folder.path().join("access.toml");
    fs_err::write(&file, text).unwrap();
    file
}

/// Self-signed, so that it is its own authority; what it names beside the address.
pub fn write_certificate(folder: &TempDir, name: &str) {
    let made = rcgen::generate_simple_self_signed([name.to_owned(), "127.0.0.1".to_owned()]).unwrap();
    fs_err::write(folder.path().join("tls.key"), made.signing_key.serialize_pem()).unwrap();
    fs_err::write(folder.path().join("tls.crt"), made.cert.pem()).unwrap();
}

pub fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
}

pub fn address(name: &str) -> Address {
    format!("{name}@example.org").parse().unwrap()
}

pub fn pair(name: &str) -> PairName {
    name.parse().unwrap()
}

fn directory(file: PathBuf, pairs: &[At<'_>], accounts: &[(&str, Option<&str>)]) -> Records {
    let records = Records::open_or_make(&DirectorySettings::sqlite(file)).unwrap();
    let password = Password::new(PASSWORD).unwrap();
    let secrets = (PasswordHash::new(&password, CHEAP).unwrap(), StoredKeys::new(&password).unwrap());
    block_on(async {
        records.upgrade().await.unwrap();
        let domain = Domain { name: "example.org".to_owned(), separator: None, catch_all: None };
        records.add_domain(&domain).await.unwrap();
        for At { name, imap, pop3 } in pairs {
            let endpoint = |address: &SocketAddr| address.to_string().parse().unwrap();
            let at = PairAddress { lmtp: endpoint(&NOWHERE), imap: endpoint(imap), pop3: endpoint(pop3) };
            records.add_pair(&pair(name), &at).await.unwrap();
        }
        for (name, at) in accounts {
            let mailbox = at.map(|at| Place { pair: pair(at), quota: None });
            let account = NewAccount { name: address(name), password: Some(secrets.clone()), mailbox };
            records.add_account(&account).await.unwrap();
        }
    });
    records
}

/// Runs a client; what it writes is its answer.
pub fn python(script: &str, arguments: &[&str]) -> String {
    let mut python = command("python3");
    finished(python.args(["-c", script]).args(arguments))
}

pub fn finished(command: &mut Command) -> String {
    let output = command.stdin(Stdio::null()).output().unwrap();
    let text = |octets: &[u8]| String::from_utf8_lossy(octets).into_owned();
    assert!(output.status.success(), "{command:?}: {}{}", text(&output.stdout), text(&output.stderr));
    text(&output.stdout)
}
