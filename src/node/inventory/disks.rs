//! Disks by what stays the same from boot to boot.

use super::disk_content;
use std::path::{Path, PathBuf};
use understudy_core::base::fs;
use understudy_core::protocol::instruction::DiskSelector;
use understudy_core::protocol::inventory::Disk;

const BLOCK_DEVICES: &str = "/sys/class/block";
const SECTOR_BYTES: u64 = 512;
/// Where vital product data has the serial number (SPC-4, page 0x80): text behind four bytes.
const VPD_HEADER_BYTES: usize = 4;

/// Every whole disk with hardware behind it that is not removable and not empty of media, by kernel name.
pub fn disks() -> Vec<Disk> {
    let paths = fs::list(Path::new(BLOCK_DEVICES)).unwrap_or_default();
    paths.iter().filter(|path| is_disk(path)).filter_map(|path| describe(path)).collect()
}

fn text(path: &Path) -> Option<String> {
    let text = fs::read_text(path).ok()?.trim().to_owned();
    (!text.is_empty()).then_some(text)
}

fn is_disk(path: &Path) -> bool {
    let is = |name: &str, value: &str| text(&path.join(name)).is_some_and(|text| text == value);
    // Floppy drives and optical drives have hardware too.
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let is_drive = !(name.starts_with("fd") || name.starts_with("sr"));
    path.join("device").exists() && !path.join("partition").exists() && is("removable", "0") && is_drive
}

fn describe(path: &Path) -> Option<Disk> {
    let name = path.file_name()?.to_str()?.to_owned();
    let bytes = text(&path.join("size"))?.parse::<u64>().ok()? * SECTOR_BYTES;
    let device = path.join("device");
    // virtio, NVMe, SCSI.
    let serial = text(&path.join("serial"))
        .or_else(|| text(&device.join("serial")))
        .or_else(|| vital_serial(&device.join("vpd_pg80")));
    let wwn = text(&path.join("wwid")).or_else(|| text(&device.join("wwid")));
    Some(Disk {
        serial: serial.unwrap_or_default(),
        // A name made of vendor and model alone belongs to every disk of its kind.
        wwn: wwn.filter(|wwn| !wwn.starts_with("t10.")),
        model: text(&device.join("model")).unwrap_or_default(),
        content: disk_content::look(&Path::new("/dev").join(&name)),
        name,
        bytes,
    })
}

fn vital_serial(path: &Path) -> Option<String> {
    let page = fs::read(path).ok()?;
    let text = String::from_utf8_lossy(page.get(VPD_HEADER_BYTES..)?).trim_matches(['\0', ' ']).to_owned();
    (!text.is_empty()).then_some(text)
}

/// The device that a site means, if there is exactly one.
pub fn resolve(selector: &DiskSelector) -> Result<(PathBuf, Disk), String> {
    let fits = |disk: &Disk| match selector {
        DiskSelector::Serial(serial) => disk.serial == *serial,
        DiskSelector::Wwn(wwn) => disk.wwn.as_ref() == Some(wwn),
        DiskSelector::Only(name) => disk.name == *name,
    };
    let all = disks();
    let count = all.len();
    let mut found: Vec<Disk> = all.into_iter().filter(fits).collect();
    let only_if_alone = matches!(selector, DiskSelector::Only(_)) && count != 1;
    match (found.pop(), found.is_empty(), only_if_alone) {
        (Some(disk), true, false) => Ok((Path::new("/dev").join(&disk.name), disk)),
        (_, _, true) => Err(format!("the site means this node's only disk, and it has {count}")),
        (None, ..) => Err(format!("no disk is {selector:?}")),
        (Some(_), false, _) => Err(format!("several disks are {selector:?}")),
    }
}
