//! A rack in network namespaces: one bridge with our server, and hosts with a cable to it each.

use nix::sched::{CloneFlags, setns};
use std::net::Ipv4Addr;
use std::path::Path;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use understudy_core::base::fs;
use understudy_core::base::process::{Process, Running};
use understudy_netboot::advertise::{self, AdvertiseMetrics};
use understudy_netboot::dhcp::{
    self, Config, DhcpMetrics, Event, EventKind, Interface, LeaseStore, MemoryLeases, Mode, Own,
};

/// How long anything may take that a client does; conflict detection of dhcpcd takes 5 s of it.
const PATIENCE: Duration = Duration::from_secs(40);
const EVENTS_MAX: usize = 1 << 16;
pub const SERVER: Ipv4Addr = Ipv4Addr::new(10, 77, 0, 1);

/// Runs a test's body in namespaces with a bridge of ours.
pub fn inside(test: &str, body: impl FnOnce()) {
    crate::inside::inside(test, || {
        prepare();
        body();
    });
}

fn prepare() {
    run("ip", &["link", "add", "rack0", "type", "bridge", "forward_delay", "0"]);
    run("ip", &["address", "add", "10.77.0.1/16", "dev", "rack0"]);
    fs::write(Path::new("/proc/sys/net/ipv6/conf/rack0/accept_dad"), b"0").unwrap();
    run("ip", &["link", "set", "rack0", "up"]);
}

pub fn run(program: &str, arguments: &[&str]) -> String {
    let output = Process::new(program).args(arguments).run().unwrap();
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// A computer with one network interface, `eth0`.
pub struct Host {
    pub name: &'static str,
}

impl Host {
    /// With a cable into the bridge.
    pub fn new(name: &'static str, mac: &str) -> Self {
        run("ip", &["netns", "add", name]);
        let host = Self { name };
        host.cable("eth0", Some(mac));
        host
    }

    /// One more interface, plugged into the bridge.
    fn cable(&self, interface: &str, mac: Option<&str>) {
        let port = format!("{}-{interface}", self.name);
        let (name, far) = (self.name, interface);
        run("ip", &["link", "add", &port, "type", "veth", "peer", "name", far, "netns", name]);
        if let Some(mac) = mac {
            self.run("ip", &["link", "set", far, "address", mac]);
        }
        // A link-local address is usable at once.
        self.run("sh", &["-c", &format!("echo 0 >/proc/sys/net/ipv6/conf/{far}/accept_dad")]);
        run("ip", &["link", "set", &port, "master", "rack0", "up"]);
        self.run("ip", &["link", "set", "lo", "up"]);
        self.run("ip", &["link", "set", far, "up"]);
    }

    pub fn process(&self, program: impl AsRef<std::ffi::OsStr>) -> Process {
        Process::new("ip").args(["netns", "exec", self.name]).arg(program)
    }

    pub fn run(&self, program: &str, arguments: &[&str]) -> String {
        let output = self.process(program).args(arguments).run().unwrap();
        String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned()
    }

    pub fn address(&self, address: &str) {
        self.run("ip", &["address", "add", address, "dev", "eth0"]);
    }

    pub fn start(&self, program: impl AsRef<std::ffi::OsStr>, arguments: &[&str]) -> Running {
        let quiet = |command: &mut std::process::Command| {
            command.stdout(std::process::Stdio::null());
        };
        self.process(program).args(arguments).with(quiet).spawn().unwrap()
    }

    /// Runs code on this host, in a thread of its own.
    pub fn enter<T: Send>(&self, body: impl FnOnce() -> T + Send) -> T {
        let namespace = fs::open(&Path::new("/run/netns").join(self.name)).unwrap();
        std::thread::scope(|scope| {
            let on_host = scope.spawn(move || {
                setns(namespace, CloneFlags::CLONE_NEWNET).unwrap();
                body()
            });
            on_host.join().unwrap()
        })
    }
}

/// A script that clients run: it writes what they were told into a file by reason, and sets addresses.
pub fn client_script(folder: &Path) -> String {
    let script = folder.join("script");
    let text = format!(
        "#!/bin/sh\n\
         reason=${{reason:-$1}}\n\
         case $reason in\n\
         bound|BOUND|REBOOT) ip address add ${{ip:-$new_ip_address}}/16 dev $interface;;\n\
         esac\n\
         env >{folder}/$reason.new && mv {folder}/$reason.new {folder}/$reason\n",
        folder = folder.display()
    );
    fs::write(&script, text.as_bytes()).unwrap();
    run("chmod", &["755", script.to_str().unwrap()]);
    script.to_str().unwrap().to_owned()
}

/// What a client was told: a variable of the script's environment.
#[track_caller]
pub fn told(folder: &Path, reason: &str, variable: &str) -> String {
    let path = folder.join(reason);
    eventually(&format!("{reason} of a client"), || path.exists());
    let text = fs::read_text(&path).unwrap();
    let prefix = format!("{variable}=");
    let value = text.lines().find_map(|line| line.strip_prefix(&prefix)).map(str::to_owned);
    value.unwrap_or_else(|| panic!("{variable} is not in\n{text}"))
}

#[track_caller]
pub fn eventually(what: &str, mut condition: impl FnMut() -> bool) {
    let start = Instant::now();
    while !condition() {
        assert!(start.elapsed() < PATIENCE, "waited in vain for {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

pub fn own(pool: &str) -> Own {
    Own {
        pool: pool.parse().unwrap(),
        gateway: Some(Ipv4Addr::new(10, 77, 255, 254)),
        dns: vec![Ipv4Addr::new(10, 77, 0, 53)],
        lease: Duration::from_secs(600),
        reservations: Vec::new(),
    }
}

/// rack0, served in a mode.
pub fn config(mode: Mode) -> Config {
    let (name, address) = ("rack0".into(), SERVER);
    let interface = Interface { name, address, prefix_length: 16, mode, router_advertisements: true };
    Config { interfaces: vec![interface], relayed: Vec::new(), http_port: 80, node_api_port: 8443 }
}

/// Our server at work; stopped, and waited for, when dropped.
pub struct Server {
    pub metrics: Arc<DhcpMetrics>,
    pub advertised: Arc<AdvertiseMetrics>,
    events: mpsc::Receiver<Event>,
    cancel: CancellationToken,
    thread: Option<JoinHandle<()>>,
}

impl Server {
    pub fn start(config: Config) -> Self {
        Self::start_with(config, Arc::new(MemoryLeases::default()))
    }

    pub fn start_with(config: Config, store: Arc<dyn LeaseStore>) -> Self {
        let (sender, events) = mpsc::channel(EVENTS_MAX);
        let (metrics, advertised) = (Arc::<DhcpMetrics>::default(), Arc::<AdvertiseMetrics>::default());
        let cancel = CancellationToken::new();
        let (ready, is_ready) = std::sync::mpsc::channel();
        let parts = (metrics.clone(), advertised.clone(), cancel.clone());
        let serve = move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                let (metrics, advertised, cancel) = parts;
                let server = dhcp::build(&config, store, sender, metrics).unwrap();
                let advertiser = advertise::build(&advertise::Config::of(&config), advertised).unwrap();
                ready.send(()).unwrap();
                tokio::join!(server.run(cancel.clone()), advertiser.run(cancel));
            });
        };
        let thread = Some(std::thread::spawn(serve));
        is_ready.recv().expect("the server did not start");
        Self { metrics, advertised, events, cancel, thread }
    }

    /// Everything that happened since the last call.
    pub fn events(&mut self) -> Vec<EventKind> {
        std::iter::from_fn(|| self.events.try_recv().ok()).map(|event| event.kind).collect()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.cancel.cancel();
        let ended = self.thread.take().map(JoinHandle::join);
        assert!(std::thread::panicking() || ended.is_some_and(|ended| ended.is_ok()));
    }
}
