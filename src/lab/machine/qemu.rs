//! A machine of the rack as qemu's command line.

use super::Config;
use super::boot::BootTarget;
use crate::rack::plan::{Management, NodeFirmware, NodePlan};
use crate::switch::card_socket;
use crate::vm::{PROCESSORS, acceleration, escaped};
use std::path::{Path, PathBuf};
use understudy_core::base::byte_count::ByteCount;
use understudy_core::base::fs;
use understudy_core::formats::host_interface;

/// Of our SMBIOS structure; qemu's own begin at 0.
const HOST_INTERFACE_HANDLE: u16 = 0x2a00;

/// The ids by which the devices are named once qemu runs.
pub const CARD: &str = "card";
pub const DISK: &str = "disk";

/// Where a machine's things are.
#[derive(Clone, Debug)]
pub struct Files {
    /// The machine's own folder: disk, variables, console, qemu's words.
    pub folder: PathBuf,
    /// Sockets; seen only inside the lab.
    pub private: PathBuf,
    /// The machine's number, for sockets.
    pub number: usize,
}

impl Files {
    pub fn disk(&self) -> PathBuf {
        self.folder.join("disk.raw")
    }

    /// All that the machine's serial port ever printed.
    pub fn console(&self) -> PathBuf {
        self.folder.join("console")
    }

    /// What the machine's SMBIOS says of its BMC.
    fn host_interface(&self) -> PathBuf {
        self.folder.join("host-interface.smbios")
    }

    /// What qemu itself said since the last start.
    pub fn words(&self) -> PathBuf {
        self.folder.join("qemu.log")
    }

    pub fn qmp_socket(&self) -> PathBuf {
        self.private.join(format!("{}.qmp", self.number))
    }

    fn console_socket(&self) -> PathBuf {
        self.private.join(format!("{}.console", self.number))
    }
}

/// Everything after qemu's name. The machine waits for `cont` before its first instruction.
pub fn arguments(
    node: &NodePlan,
    files: &Files,
    memory: ByteCount,
    management: Management,
    target: BootTarget,
) -> fs::Result<Vec<String>> {
    let mut arguments = board(node, memory);
    if management == Management::Bmc {
        let file = format!("file={}", escaped(&files.host_interface()));
        arguments.extend(["-smbios".to_owned(), file]);
    }
    arguments.extend(node.firmware.board().arguments(&files.folder)?);
    arguments.extend(card(node, files, target));
    arguments.extend(disk(node, files, target));
    arguments.extend(ports(files));
    Ok(arguments)
}

fn board(node: &NodePlan, memory: ByteCount) -> Vec<String> {
    let mebibytes = (memory.get() >> 20).to_string();
    let name = format!("understudy {}", node.name);
    // SeaBIOS and iPXE write to the serial port only if there are no graphics.
    let machine = ["-name", &name, "-machine", "q35,graphics=off", "-smp", PROCESSORS, "-m", &mebibytes];
    let smbios =
        format!("type=1,manufacturer=Understudy,product=Lab,serial={},uuid={}", node.name, node.uuid);
    let rest = ["-nodefaults", "-display", "none", "-S", "-uuid", &node.uuid, "-smbios", &smbios];
    let devices =
        ["-device", "virtio-rng-pci", "-device", "i6300esb,id=watchdog", "-action", "watchdog=reset"];
    let acceleration = acceleration();
    let all = machine.iter().chain(&acceleration).chain(&rest).chain(&devices);
    all.map(|word| (*word).to_owned()).collect()
}

fn card(node: &NodePlan, files: &Files, target: BootTarget) -> Vec<String> {
    let socket = escaped(&card_socket(&files.private, files.number));
    // OVMF drives virtio itself; with a ROM it would run iPXE instead.
    let rom = if node.firmware == NodeFirmware::Bios { "" } else { ",romfile=" };
    let index = target.card_index();
    let mut words = vec![
        "-netdev".to_owned(),
        format!("stream,id=cable,server=off,addr.type=unix,addr.path={socket}"),
        "-device".to_owned(),
        format!("virtio-net-pci,id={CARD},netdev=cable,mac={},bootindex={index}{rom}", node.mac),
    ];
    for version in silent_pxe(node.firmware, target) {
        let file = format!("name=opt/org.tianocore/{version}PXESupport,string=n");
        words.extend(["-fw_cfg".to_owned(), file]);
    }
    words
}

/// Which kinds of PXE OVMF leaves out. Nobody answers PXE over IPv6 in a rack, which would cost a minute at each
/// boot; without any PXE, HTTP boot is the first that it tries.
fn silent_pxe(firmware: NodeFirmware, target: BootTarget) -> &'static [&'static str] {
    match firmware {
        NodeFirmware::Bios => &[],
        _ if asks_by_http(firmware, target) => &["IPv4", "IPv6"],
        _ => &["IPv6"],
    }
}

fn asks_by_http(firmware: NodeFirmware, target: BootTarget) -> bool {
    match firmware {
        NodeFirmware::Bios => false,
        NodeFirmware::Uefi => target == BootTarget::UefiHttp,
        NodeFirmware::Http => target != BootTarget::Pxe,
    }
}

fn disk(node: &NodePlan, files: &Files, target: BootTarget) -> Vec<String> {
    let (file, serial, index) = (escaped(&files.disk()), node.disk_serial(), target.disk_index());
    // Only the computer's own power failure could lose what `unsafe` leaves in its memory.
    let drive = format!("if=none,id=drive,format=raw,cache=unsafe,discard=unmap,file={file}");
    let device = format!("virtio-blk-pci,id={DISK},drive=drive,serial={serial},bootindex={index}");
    ["-drive".to_owned(), drive, "-device".to_owned(), device].to_vec()
}

fn ports(files: &Files) -> Vec<String> {
    let (socket, log) = (escaped(&files.console_socket()), escaped(&files.console()));
    let console = format!("socket,id=console,path={socket},server=on,wait=off,logfile={log},logappend=on");
    let qmp = format!("socket,id=qmp,path={},server=off", escaped(&files.qmp_socket()));
    let words = ["-chardev", &console, "-serial", "chardev:console", "-chardev", &qmp];
    let words = words.into_iter().chain(["-mon", "chardev=qmp,mode=control"]);
    words.map(str::to_owned).collect()
}

/// Makes the machine's folder, its empty disk, and what its firmware says of its BMC.
pub fn prepare(config: &Config, disk: ByteCount) -> fs::Result<()> {
    let Config { plan: node, files, .. } = config;
    fs::create_dir_all(&files.folder)?;
    let (uuid, bmc) = (node.uuid.parse().expect("the plan made a UUID"), node.bmc);
    let structure = host_interface::structure(HOST_INTERFACE_HANDLE, uuid, (*bmc.ip()).into(), bmc.port());
    fs::write(&files.host_interface(), &structure)?;
    fs::create(&files.console())?;
    let path: &Path = &files.disk();
    fs::create(path)?.set_len(disk.get()).map_err(fs::fail("size", path))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(firmware: NodeFirmware, target: BootTarget) -> String {
        let name = "LAB-3".parse().unwrap();
        let node = NodePlan::new(&"lab".parse().unwrap(), name, firmware);
        let files = Files { folder: "/lab/LAB-3".into(), private: "/lab/run".into(), number: 3 };
        [card(&node, &files, target), disk(&node, &files, target)].concat().join(" ")
    }

    #[test]
    fn only_http_machines_ask_by_http_first() {
        for (firmware, target, by_http) in [
            (NodeFirmware::Bios, BootTarget::UefiHttp, false),
            (NodeFirmware::Uefi, BootTarget::Usual, false),
            (NodeFirmware::Uefi, BootTarget::UefiHttp, true),
            (NodeFirmware::Http, BootTarget::Usual, true),
            (NodeFirmware::Http, BootTarget::Pxe, false),
        ] {
            let words = words(firmware, target);
            assert_eq!(words.contains("IPv4PXESupport,string=n"), by_http, "{firmware} {target:?}");
        }
    }

    #[test]
    fn the_disk_comes_first_only_when_asked_for() {
        let usual = words(NodeFirmware::Bios, BootTarget::Usual);
        assert!(
            usual.contains("mac=52:54:00:77:00:03,bootindex=1") && usual.contains("bootindex=2"),
            "{usual}"
        );
        let disk = words(NodeFirmware::Bios, BootTarget::Hdd);
        assert!(disk.contains("serial=LAB-DISK-3,bootindex=1"), "{disk}");
    }
}
