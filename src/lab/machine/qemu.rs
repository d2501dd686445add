//! A machine of the rack as qemu's command line.

use super::boot::BootTarget;
use super::{BadPlace, Config};
use crate::rack::plan::{Management, NodeFirmware, NodePlan};
use crate::switch::card_socket;
use crate::vm::{acceleration, escaped};
use std::path::{Path, PathBuf};
use understudy_core::base::fs;
use understudy_core::formats::disk_layout::SECTOR_BYTES;
use understudy_core::formats::host_interface;

/// Of our SMBIOS structure; qemu's own begin at 0.
const HOST_INTERFACE_HANDLE: u16 = 0x2a00;

/// The ids by which the card and the first disk are named once qemu runs.
pub const CARD: &str = "card";
pub const DISK: &str = "disk";

/// Where a machine's things are.
#[derive(Clone, Debug)]
pub struct Files {
    /// The machine's own folder: disk, variables, console, qemu's words.
    pub folder: PathBuf,
    /// All that the machine is, apart from its disks, once it is suspended.
    pub memory: PathBuf,
    /// Sockets; seen only inside the lab.
    pub private: PathBuf,
    /// The machine's number, for sockets.
    pub number: usize,
}

impl Files {
    /// The disk with this number, from 1: `disk.raw`, then `disk-2.raw`.
    pub fn disk(&self, number: usize) -> PathBuf {
        self.folder.join(if number == 1 { "disk.raw".to_owned() } else { format!("disk-{number}.raw") })
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

/// What is special about one start.
#[derive(Clone, Copy, Debug)]
pub struct Start {
    pub target: BootTarget,
    pub bad_place: Option<BadPlace>,
}

/// Everything after qemu's name. The machine waits for `cont` before its first instruction.
pub fn arguments(config: &Config, start: Start) -> fs::Result<Vec<String>> {
    let Config { plan: node, files, .. } = config;
    let mut arguments = board(config);
    if config.management == Management::Bmc {
        let file = format!("file={}", escaped(&files.host_interface()));
        arguments.extend(["-smbios".to_owned(), file]);
    }
    arguments.extend(node.firmware.board().arguments(&files.folder)?);
    arguments.extend(card(node, files, start.target));
    arguments.extend(disks(node, files, start));
    arguments.extend(ports(files));
    Ok(arguments)
}

fn board(Config { plan: node, processors, memory, .. }: &Config) -> Vec<String> {
    let (processors, mebibytes) = (processors.to_string(), (memory.get() >> 20).to_string());
    let name = format!("understudy {}", node.name);
    // SeaBIOS and iPXE write to the serial port only if there are no graphics.
    let machine = ["-name", &name, "-machine", "q35,graphics=off", "-smp", &processors, "-m", &mebibytes];
    let smbios =
        format!("type=1,manufacturer=Understudy,product=Lab,serial={},uuid={}", node.name, node.uuid);
    let rest = ["-nodefaults", "-display", "none", "-S", "-uuid", &node.uuid, "-smbios", &smbios];
    let devices =
        ["-device", "virtio-rng-pci", "-device", "i6300esb,id=watchdog", "-action", "watchdog=reset"];
    let acceleration = acceleration();
    let all = machine.iter().chain(&acceleration).chain(&rest).chain(&devices);
    let mut words: Vec<String> = all.map(|word| (*word).to_owned()).collect();
    if let Some(clock) = &node.clock {
        words.extend(["-rtc".to_owned(), format!("base={clock}")]);
    }
    words
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

fn disks(node: &NodePlan, files: &Files, start: Start) -> Vec<String> {
    let bad = |number: usize| start.bad_place.filter(|bad| usize::from(bad.disk) == number);
    let numbers = 1..=node.disks.len();
    numbers.flat_map(|number| disk(node, files, number, start.target, bad(number))).collect()
}

fn disk(
    node: &NodePlan,
    files: &Files,
    number: usize,
    target: BootTarget,
    bad: Option<BadPlace>,
) -> [String; 4] {
    let (file, serial) = (escaped(&files.disk(number)), node.disk_serial(number));
    // Only the computer's own power failure could lose what `unsafe` leaves in its memory.
    let drive = format!("if=none,id=drive-{number},format=raw,cache=unsafe,discard=unmap");
    let file = match bad {
        Some(bad) => failing(&file, bad),
        None => format!("file={file}"),
    };
    // Firmware tries the others after the first disk and the card.
    let (id, index) = match number {
        1 => (DISK.to_owned(), usize::from(target.disk_index())),
        number => (format!("{DISK}-{number}"), number + 1),
    };
    let device = format!("virtio-blk-pci,id={id},drive=drive-{number},serial={serial},bootindex={index}");
    ["-drive".to_owned(), format!("{drive},{file}"), "-device".to_owned(), device]
}

/// Writes that touch one sector fail with EIO (qemu: docs/devel/blkdebug.rst); the machine's system is told.
fn failing(file: &str, bad: BadPlace) -> String {
    let sector = bad.at.get() / SECTOR_BYTES;
    format!(
        "file.driver=blkdebug,file.image.driver=file,file.image.filename={file},\
         file.inject-error.0.event=none,file.inject-error.0.iotype=write,\
         file.inject-error.0.sector={sector},file.inject-error.0.errno={}",
        nix::libc::EIO
    )
}

fn ports(files: &Files) -> Vec<String> {
    let (socket, log) = (escaped(&files.console_socket()), escaped(&files.console()));
    let console = format!("socket,id=console,path={socket},server=on,wait=off,logfile={log},logappend=on");
    let qmp = format!("socket,id=qmp,path={},server=off", escaped(&files.qmp_socket()));
    let words = ["-chardev", &console, "-serial", "chardev:console", "-chardev", &qmp];
    let words = words.into_iter().chain(["-mon", "chardev=qmp,mode=control"]);
    words.map(str::to_owned).collect()
}

/// Makes the machine's folder, those of its disks that are not there yet, and what its firmware says of its BMC.
pub fn prepare(node: &NodePlan, files: &Files) -> fs::Result<()> {
    fs::create_dir_all(&files.folder)?;
    let (uuid, bmc) = (node.uuid.parse().expect("the plan made a UUID"), node.bmc);
    let structure = host_interface::structure(HOST_INTERFACE_HANDLE, uuid, (*bmc.ip()).into(), bmc.port());
    fs::write(&files.host_interface(), &structure)?;
    fs::create(&files.console())?;
    for (number, size) in (1..).zip(&node.disks) {
        let path: &Path = &files.disk(number);
        if path.exists() {
            continue;
        }
        fs::create(path)?.set_len(size.get()).map_err(fs::fail("size", path))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use understudy_core::base::byte_count::ByteCount;

    fn words(firmware: NodeFirmware, target: BootTarget) -> String {
        let name = "LAB-3".parse().unwrap();
        let node = NodePlan::new(&"lab".parse().unwrap(), name, firmware);
        let start = Start { target, bad_place: None };
        [card(&node, &files(), target), disks(&node, &files(), start)].concat().join(" ")
    }

    fn files() -> Files {
        Files {
            folder: "/lab/LAB-3".into(),
            memory: "/lab/memory/LAB-3".into(),
            private: "/lab/run".into(),
            number: 3,
        }
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

    #[test]
    fn of_two_disks_only_the_bad_one_fails() {
        let mut node = NodePlan::new(&"lab".parse().unwrap(), "LAB-3".parse().unwrap(), NodeFirmware::Bios);
        node.disks.push(ByteCount::mebibytes(6144));
        let bad_place = Some(BadPlace { disk: 2, at: ByteCount::mebibytes(1) });
        let words = disks(&node, &files(), Start { target: BootTarget::Usual, bad_place });
        assert_eq!(words.len(), 8);
        assert!(words[1].ends_with("discard=unmap,file=/lab/LAB-3/disk.raw"), "{words:?}");
        assert!(words[3].contains("serial=LAB-DISK-3,bootindex=2"), "{words:?}");
        assert!(
            words[5].contains("filename=/lab/LAB-3/disk-2.raw") && words[5].contains("sector=2048"),
            "{words:?}"
        );
        assert!(words[7].contains("serial=LAB-DISK-3-2,bootindex=3"), "{words:?}");
    }
}
