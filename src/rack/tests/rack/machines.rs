//! Machines of a lab with their BMCs, in this process: real qemu, real Redfish. They have nothing to do but to have power.

use std::net::{Ipv4Addr, SocketAddrV4};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use understudy_core::base::byte_count::ByteCount;
use understudy_core::base::fs;
use understudy_lab::bmc::mode::Mode;
use understudy_lab::bmc::{Bmc, Controls, PASSWORD, USER};
use understudy_lab::machine::boot::{BootOverride, BootTarget, OverrideEnabled};
use understudy_lab::machine::qemu::Files;
use understudy_lab::machine::{Config, Handle, Machine, Order, Power, Status};
use understudy_lab::rack::plan::{Management, NodeFirmware, NodeName, NodePlan};
use understudy_lab::switch::{self, Switch, card_socket};
use understudy_rack::facts::BmcAddress;
use understudy_rack::redfish::Login;

/// `cli`, `hlt`, and once more should anything wake it: a machine that is on and idle.
const IDLE_BOOT_SECTOR: [u8; 4] = [0xfa, 0xf4, 0xeb, 0xfc];
const BMC_PORT: u16 = 8000;
/// Racks of this process; each has a network of its own on the loopback interface.
static RACKS: AtomicU8 = AtomicU8::new(0);

pub fn login() -> Login {
    Login { user: USER.to_owned(), password: PASSWORD.to_owned() }
}

/// Machines that are on; gone when dropped.
pub struct Machines {
    pub all: Vec<Server>,
    cancel: CancellationToken,
    _tasks: JoinSet<()>,
    _folder: tempfile::TempDir,
    /// Nobody reads what the machines send to the site's side.
    _uplink: UnixStream,
}

#[derive(Clone)]
pub struct Server {
    pub plan: NodePlan,
    handle: Handle,
    bmc: Arc<Controls>,
}

impl Server {
    pub async fn order(&self, order: Order) {
        self.handle.order(order).await.unwrap();
    }

    pub fn status(&self) -> Status {
        self.handle.status()
    }

    /// Whether anything in it moves.
    pub fn is_live(&self) -> bool {
        let status = self.status();
        status.power == Power::On && !status.frozen
    }

    pub fn set_bmc(&self, mode: Mode) {
        self.bmc.set_mode(mode);
    }

    pub fn bmc(&self) -> BmcAddress {
        let url = format!("http://{}", self.plan.bmc).parse().unwrap();
        BmcAddress { url, certificate: None }
    }
}

impl Machines {
    pub async fn start(count: u8) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let private = folder.path().join("run");
        fs::create_dir_all(&private).unwrap();
        let (uplink, far) = UnixStream::pair().unwrap();
        far.set_nonblocking(true).unwrap();
        let cards = (1..=count).map(|number| card_socket(&private, number.into())).collect();
        let network = Switch::build(switch::Config {
            uplink: OwnedFd::from(far),
            cards,
            seed: 1,
            system: "rack".into(),
        })
        .unwrap();
        let (cancel, mut tasks) = (CancellationToken::new(), JoinSet::new());
        let fabric = network.fabric();
        tasks.spawn({
            let cancel = cancel.clone();
            async move { network.run(cancel).await.unwrap() }
        });
        let rack = RACKS.fetch_add(1, Ordering::Relaxed);
        let mut all = Vec::new();
        for name in NodeName::first(count) {
            let plan = plan(name, rack);
            let number = name.number();
            let folder = folder.path().join(name.to_string());
            let files = Files { memory: folder.join("memory"), folder, private: private.clone(), number };
            let disk = files.disk(1);
            let config = Config {
                plan: plan.clone(),
                files,
                suspended: None,
                processors: 1,
                memory: ByteCount::mebibytes(32),
                management: Management::Bmc,
                fabric: fabric.clone(),
            };
            let (machine, handle) = Machine::build(config).unwrap();
            write_boot_sector(&disk);
            let bmc = Arc::new(Controls::new(plan.clone(), handle.clone()));
            let redfish = Bmc::build(Arc::clone(&bmc)).await.unwrap();
            tasks.spawn(machine.run(cancel.clone()));
            tasks.spawn({
                let cancel = cancel.clone();
                async move { redfish.run(cancel).await.unwrap() }
            });
            let server = Server { plan, handle, bmc };
            let disk_first = BootOverride { enabled: OverrideEnabled::Continuous, target: BootTarget::Hdd };
            server.order(Order::Boot(disk_first)).await;
            server.order(Order::On).await;
            all.push(server);
        }
        Self { all, cancel, _tasks: tasks, _folder: folder, _uplink: uplink }
    }
}

impl Drop for Machines {
    fn drop(&mut self) {
        self.cancel.cancel();
    }
}

fn plan(name: NodeName, rack: u8) -> NodePlan {
    let mut plan = NodePlan::new(&"rack".parse().unwrap(), name, NodeFirmware::Bios);
    let process = u8::try_from(std::process::id() % 250).unwrap();
    let number = u8::try_from(name.number()).unwrap();
    plan.bmc = SocketAddrV4::new(Ipv4Addr::new(127, 1 + process, rack, number), BMC_PORT);
    plan
}

fn write_boot_sector(disk: &Path) {
    use std::io::Write;
    let mut sector = [0; 512];
    sector[..IDLE_BOOT_SECTOR.len()].copy_from_slice(&IDLE_BOOT_SECTOR);
    sector[510..].copy_from_slice(&[0x55, 0xaa]);
    fs::open_update(disk).unwrap().write_all(&sector).unwrap();
}
