//! A server as a process of its own, so that its memory can be measured: this program again, with another test.

use crate::house::server;
use mail::server::TlsStart;
use mailstore::Store;
use mailstore::imap::{Passwords, Timeouts};
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use std::io::Read;
use std::net::SocketAddr;
use std::path::Path;
use std::process::Stdio;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::net::TcpListener;
use tokio::process::{Child, Command};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

const FOLDER: &str = "MAILSTORE_TEST_FOLDER";
const SAYS: &str = "listens on ";

pub struct Process {
    child: Child,
    pub address: SocketAddr,
}

impl Process {
    /// Over the store in a folder.
    pub async fn start(folder: &Path) -> Self {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.args(["--exact", "process::serve", "--ignored", "--nocapture"]).env(FOLDER, folder);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).kill_on_drop(true);
        let mut child = command.spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let find = async {
            loop {
                let line = lines.next_line().await.unwrap().expect("the server ended");
                if let Some((_, address)) = line.split_once(SAYS) {
                    return address.parse().unwrap();
                }
            }
        };
        let address = timeout(crate::client::PATIENCE, find).await.expect("the server does not start");
        Self { child, address }
    }

    /// What it has in memory, and the most that it ever had, in MiB.
    pub fn memory(&self) -> (u64, u64) {
        let path = format!("/proc/{}/status", self.child.id().unwrap());
        let status = fs_err::read_to_string(path).unwrap();
        let mib = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name)).unwrap();
            line.split_ascii_whitespace().next().unwrap().parse::<u64>().unwrap() / 1024
        };
        (mib("VmRSS:"), mib("VmHWM:"))
    }
}

/// For many connections on both sides.
pub fn many_files() {
    let (_, most) = getrlimit(Resource::RLIMIT_NOFILE).unwrap();
    setrlimit(Resource::RLIMIT_NOFILE, most, most).unwrap();
}

/// Until standard input ends.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "a process of other tests"]
async fn serve() {
    many_files();
    let store = Store::open(&mailstore::Config::new(std::env::var_os(FOLDER).unwrap())).unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    println!("\n{SAYS}{}", listener.local_addr().unwrap());
    let server = server(TlsStart::AtCommand, Passwords::OfOurHosts, Timeouts::default(), &store, None);
    let serving = tokio::spawn(mail::listen::serve(server, listener, CancellationToken::new()));
    let end = || std::io::stdin().read_to_end(&mut Vec::new());
    tokio::task::spawn_blocking(end).await.unwrap().unwrap();
    serving.abort();
}
