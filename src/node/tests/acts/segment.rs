//! A segment of two machines: this process is the node, and `peer` is at the other end of its cable.

use nix::sched::{CloneFlags, setns};
use nix::unistd::geteuid;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use understudy_core::base::fs;
use understudy_core::base::process::Process;

/// Tells the process inside the namespaces what it is.
const INSIDE: &str = "UNDERSTUDY_TEST_INSIDE";
pub const NODE: &str = "10.77.0.105";
pub const IDENTITY: &str = "10.77.0.21";

/// Runs a test's body as root of new namespaces: the test starts itself again there.
pub fn inside(test: &str, body: impl FnOnce()) {
    if std::env::var_os(INSIDE).is_some() {
        run("mount", &["-t", "tmpfs", "tmpfs", "/run"]);
        return body();
    }
    let mut unshare =
        Process::new("unshare").args(["--mount", "--net", "--pid", "--fork", "--kill-child", "--mount-proc"]);
    if !geteuid().is_root() {
        unshare = unshare.args(["--user", "--map-root-user"]);
    }
    let own = std::env::current_exe().unwrap();
    let output = unshare.arg(own).args([test, "--exact", "--nocapture"]).env(INSIDE, "1").output().unwrap();
    let said = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
    assert!(output.status.success() && said.contains("1 passed"), "{said}");
}

pub fn run(program: &str, arguments: &[&str]) -> String {
    let output = Process::new(program).args(arguments).run().unwrap();
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// The checkout.
pub fn tree() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap()
}

/// The cable and the peer.
pub struct Segment;

impl Segment {
    pub fn new() -> Self {
        run("ip", &["link", "set", "lo", "up"]);
        run("ip", &["netns", "add", "peer"]);
        run("ip", &["link", "add", "eth0", "type", "veth", "peer", "name", "p0", "netns", "peer"]);
        run("ip", &["link", "set", "eth0", "address", "02:00:00:00:01:05"]);
        run("sh", &["-c", "echo 0 >/proc/sys/net/ipv6/conf/eth0/accept_dad"]);
        let segment = Self;
        segment.peer_run("sh", &["-c", "echo 0 >/proc/sys/net/ipv6/conf/p0/accept_dad"]);
        segment.peer_run("ip", &["link", "set", "lo", "up"]);
        for address in ["10.77.0.105/24", "2001:db8::105/64"] {
            run("ip", &["address", "add", address, "dev", "eth0"]);
        }
        for address in ["10.77.0.1/24", "2001:db8::1/64", "10.77.9.1/32"] {
            segment.peer_run("ip", &["address", "add", address, "dev", "p0"]);
        }
        segment.peer_run("ip", &["link", "set", "p0", "up"]);
        run("ip", &["link", "set", "eth0", "up"]);
        // An answer to the peer's second address finds its way.
        run("ip", &["route", "add", "10.77.9.1/32", "dev", "eth0"]);
        segment
    }

    pub fn peer(&self, program: impl AsRef<OsStr>) -> Process {
        Process::new("ip").args(["netns", "exec", "peer"]).arg(program)
    }

    pub fn peer_run(&self, program: &str, arguments: &[&str]) -> String {
        let output = self.peer(program).args(arguments).run().unwrap();
        String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned()
    }

    /// Runs code at the peer, in a thread of its own.
    pub fn on_peer<T: Send>(&self, body: impl FnOnce() -> T + Send) -> T {
        let namespace = fs::open(Path::new("/run/netns/peer")).unwrap();
        std::thread::scope(|scope| {
            let at_peer = scope.spawn(move || {
                setns(namespace, CloneFlags::CLONE_NEWNET).unwrap();
                body()
            });
            at_peer.join().unwrap()
        })
    }

    /// As another node would find out.
    pub fn peer_reaches(&self, address: &str) -> bool {
        use understudy_core::protocol::heartbeat::Probe;
        let probe = Probe { node: "0123456789abcdef".parse().unwrap(), address: address.parse().unwrap() };
        self.on_peer(|| understudy_node::agent::probe::look(&[probe], 1)[0].is_reachable)
    }
}
