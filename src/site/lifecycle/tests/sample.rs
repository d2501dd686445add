//! A small machine at a small site.

use super::super::*;
use jiff::Timestamp;
use understudy_core::base::sha256::Sha256;
use understudy_core::formats::boot_facts::Vouched;
use understudy_core::formats::disk_layout::Slot;
use understudy_core::model::id::NodeId;
use understudy_core::protocol::inventory::{Disk, DiskContent, FirmwareKind, Inventory, System};
use understudy_core::protocol::report::{BootSource, Status};

pub fn wanted() -> Wanted {
    let (root_hash, manifest_sha256) = (Sha256::of(b"root"), Sha256::of(b"manifest"));
    let version = semver::Version::new(0, 1, 0);
    let image = ImageRef { name: "mail".parse().unwrap(), version, root_hash, manifest_sha256 };
    Wanted { image, disk_bytes: 2 << 30 }
}

pub fn moment() -> Moment {
    Moment {
        now: Timestamp::from_second(1_800_000_000).unwrap(),
        wanted: Some(wanted()),
        disk: DiskRule::Only,
        foreign_data: ForeignData::Ask,
        is_expected: false,
        images_url: "http://10.77.0.1/images".into(),
    }
}

pub fn disk(serial: &str, bytes: u64) -> Disk {
    let content = DiskContent::Empty;
    Disk { name: "vda".into(), serial: serial.into(), wwn: None, model: String::new(), bytes, content }
}

pub fn image_with(root_hashes: Vec<Sha256>) -> DiskContent {
    DiskContent::Image { root_hashes, volumes: Vec::new() }
}

pub fn inventory() -> Inventory {
    Inventory {
        system: System { serial: "S1".into(), uuid: Some("u1".into()), ..System::default() },
        firmware: FirmwareKind::Uefi,
        secure_boot: false,
        tpm: false,
        processor: "cpu".into(),
        processors: 2,
        memory_bytes: 1 << 30,
        disks: vec![disk("D1", 1 << 40)],
        interfaces: Vec::new(),
        bmc: None,
        ssh_host_key: None,
    }
}

pub fn hello_from(boot_id: &str, source: BootSource) -> Hello {
    Hello { boot_id: boot_id.into(), source, mac: "525400000001".parse().unwrap(), inventory: inventory() }
}

pub fn from_disk(root_hash: Sha256) -> BootSource {
    BootSource::Disk {
        disk_serial: "D1".into(),
        slot: Slot::A,
        root_hash,
        vouched_by: Vouched::Nobody,
        name: "mail".parse().unwrap(),
        version: semver::Version::new(0, 1, 0),
    }
}

fn event(hello: Hello) -> Event {
    let nonce = format!("n-{}", hello.boot_id);
    Event::Hello { hello: Box::new(hello), address: "10.77.0.100".parse().unwrap(), nonce }
}

pub fn hello(boot_id: &str) -> Event {
    event(hello_from(boot_id, BootSource::Network))
}

pub fn installed_hello(boot_id: &str) -> Event {
    event(hello_from(boot_id, from_disk(wanted().image.root_hash)))
}

pub fn report(boot_id: &str, status: Status) -> Event {
    let report = Report { boot_id: boot_id.into(), status, interfaces: None };
    Event::Report { report, address: "10.77.0.100".parse().unwrap() }
}

pub fn node() -> Node {
    let hello = hello_from("b1", BootSource::Network);
    Node::discovered(NodeId::of_public_key(b"key"), "ABCDE-FGHJK".into(), &hello, moment().now)
}
