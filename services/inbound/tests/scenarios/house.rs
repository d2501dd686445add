//! A whole house: a directory, mailstores, resolvers, and `inbound` in front of them.

use crate::dns::Dns;
use crate::mailstore::Mailstore;
use crate::process::{Process, command};
use mail::address::Mailbox;
use mail::config::Octets;
use mail::directory::changes::{AccountChange, NewAccount};
use mail::directory::{Address, DirectorySettings, Domain, PairAddress, Place, Records};
use nix::sys::signal::Signal;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::PathBuf;
use std::process::ExitStatus;
use tempfile::TempDir;

/// What a test wants. Accounts are of `example.org`, and on the mailstore with the number behind them.
#[derive(Clone, Copy)]
pub struct Plan<'a> {
    pub accounts: &'a [(&'a str, usize)],
    /// Accounts that their mailstores do not have.
    pub missing: &'a [&'a str],
    /// In the mailstores, by account.
    pub quotas: &'a [(&'a str, u64)],
    /// Addresses with their targets.
    pub aliases: &'a [(&'a str, &'a [&'a str])],
    pub records: &'a [String],
    /// Tables and keys of tables.
    pub settings: &'a str,
    /// Keys before the first table.
    pub names: &'a str,
    /// In `[smtp]`.
    pub smtp: &'a str,
    /// In `[directory]`, instead of a file with all that.
    pub directory: Option<&'a str>,
    pub program: Program,
}

/// What serves.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Program {
    Inbound,
    /// The same with filters of a test ([`crate::filters`]).
    Filtered,
}

pub const PLAN: Plan<'static> = Plan {
    accounts: &[("ann@example.org", 0), ("bob@example.org", 0), ("postmaster@example.org", 0)],
    missing: &[],
    quotas: &[],
    aliases: &[],
    records: &[],
    settings: "",
    names: "",
    smtp: "",
    directory: None,
    program: Program::Inbound,
};

pub struct House {
    process: Process,
    pub smtp: SocketAddr,
    pub observe: SocketAddr,
    pub stores: Vec<Mailstore>,
    pub dns: Dns,
    file: PathBuf,
    program: Program,
    pub folder: TempDir,
}

impl House {
    pub fn open(plan: Plan<'_>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let stores: Vec<_> = (0..=plan.accounts.iter().map(|(_, store)| *store).max().unwrap_or(0))
            .map(|number| Mailstore::start(&in_store(plan, number)))
            .collect();
        let directory = folder.path().join("directory.db");
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(fill(&DirectorySettings::sqlite(&directory), plan, &stores));
        let dns = Dns::start(plan.records);
        write_certificate(folder.path());
        let file = folder.path().join("inbound.toml");
        let here = folder.path().display();
        let directory =
            plan.directory.map_or_else(|| format!("sqlite = '{}'", directory.display()), str::to_owned);
        let text = format!(
            "host = 'mx1.example'\nown_names = ['mx2.example']\npostmaster = 'postmaster@example.org'\n\
             folder = '{here}/incoming'\ndrain = '20s'\n{}\n[directory]\ncache = '0s'\n{directory}\n\
             [smtp]\nlisten = ['SMTP']\n{}\n[tls]\ncertificates = '{here}/tls.crt'\nkey = '{here}/tls.key'\n\
             [dns]\nservers = ['{}']\ntimeout = '2s'\n[observe]\nlisten = '127.0.0.1:0'\n{}",
            plan.names, plan.smtp, dns.address, plan.settings
        );
        fs_err::write(&file, text).unwrap();
        let (process, smtp, observe) = start(&file, "127.0.0.1:0", plan.program);
        Self { process, smtp, observe, stores, dns, file, program: plan.program, folder }
    }

    /// Where it was.
    pub fn start_again(&mut self) {
        (self.process, self.smtp, self.observe) = start(&self.file, &self.smtp.to_string(), self.program);
    }

    pub fn signal(&self, signal: Signal) {
        self.process.signal(signal);
    }

    /// Until a line of its log says this.
    pub fn until(&self, message: &str) {
        self.process.until(message);
    }

    pub fn end(&mut self, signal: Signal) -> ExitStatus {
        self.process.end(signal)
    }

    /// The answer to GET.
    pub fn get(&self, path: &str) -> String {
        let mut stream = TcpStream::connect(self.observe).unwrap();
        write!(stream, "GET {path} HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n").unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    }

    /// A number of the metrics, with its labels.
    pub fn number(&self, name: &str) -> u64 {
        let page = self.get("/metrics");
        let line = page.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        line.unwrap_or_else(|| panic!("no {name} in {page}")).parse().unwrap()
    }

    /// Who is in a directory that another program has open.
    pub fn directory(&self) -> PathBuf {
        self.folder.path().join("directory.db")
    }

    pub fn port(&self) -> String {
        self.smtp.port().to_string()
    }
}

fn in_store<'a>(plan: Plan<'a>, number: usize) -> Vec<(&'a str, Option<u64>)> {
    let quota = |name: &str| plan.quotas.iter().find(|(of, _)| *of == name).map(|(_, octets)| *octets);
    let is_here = |(name, store): &&(&str, usize)| *store == number && !plan.missing.contains(name);
    let here = plan.accounts.iter().filter(is_here);
    here.map(|(name, _)| (*name, quota(name))).collect()
}

async fn fill(settings: &DirectorySettings, plan: Plan<'_>, stores: &[Mailstore]) {
    let records = Records::open_or_make(settings).unwrap();
    records.upgrade().await.unwrap();
    let domain = Domain { name: "example.org".to_owned(), separator: Some('+'), catch_all: None };
    records.add_domain(&domain).await.unwrap();
    for (number, store) in stores.iter().enumerate() {
        let lmtp = store.lmtp.to_string().parse().unwrap();
        let nowhere: mail::directory::Endpoint = "127.0.0.1:1".parse().unwrap();
        let address = PairAddress { lmtp, imap: nowhere.clone(), pop3: nowhere };
        records.add_pair(&pair(number), &address).await.unwrap();
    }
    for (name, store) in plan.accounts {
        let quota = plan.quotas.iter().find(|(of, _)| of == name).map(|(_, octets)| Octets(*octets));
        let mailbox = Some(Place { pair: pair(*store), quota });
        records
            .add_account(&NewAccount { name: name.parse().unwrap(), password: None, mailbox })
            .await
            .unwrap();
    }
    for (name, targets) in plan.aliases {
        let targets: Vec<Mailbox> = targets.iter().map(|target| target.parse().unwrap()).collect();
        let name: Address = name.parse().unwrap();
        match plan.accounts.iter().any(|(account, _)| *account == name.as_str()) {
            // An account with a forward.
            true => {
                let change = AccountChange { add_targets: targets, ..AccountChange::default() };
                records.set_account(&name, &change).await.unwrap();
            }
            false => records.add_alias(&name, &targets).await.unwrap(),
        }
    }
}

fn pair(number: usize) -> mail::directory::PairName {
    format!("store-{number}").parse().unwrap()
}

/// The file's `SMTP` becomes the address.
fn start(file: &std::path::Path, listen: &str, program: Program) -> (Process, SocketAddr, SocketAddr) {
    let text = fs_err::read_to_string(file).unwrap();
    let used = file.with_extension("used.toml");
    fs_err::write(&used, text.replace("'SMTP'", &format!("'{listen}'"))).unwrap();
    let mut inbound = match program {
        Program::Inbound => command(env!("CARGO_BIN_EXE_inbound")),
        Program::Filtered => crate::filters::program(&used),
    };
    if program == Program::Inbound {
        inbound.args(["--log-json", "--config"]).arg(&used);
    }
    let process = Process::start(inbound.env("RUST_BACKTRACE", "1"));
    // In the order in which it listens.
    let observe = process.address("observe");
    let smtp = process.address("smtp");
    (process, smtp, observe)
}

/// In the place of the one before.
pub fn write_certificate(folder: &std::path::Path) {
    let made = rcgen::generate_simple_self_signed(["mx1.example".to_owned()]).unwrap();
    fs_err::write(folder.join("tls.crt"), made.cert.pem()).unwrap();
    fs_err::write(folder.join("tls.key"), made.signing_key.serialize_pem()).unwrap();
}
