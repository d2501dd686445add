//! Finds the slot whose verity tree has the signed root hash, or says of each slot why it is not the one.

use super::modules::{Modules, ModulesError};
use std::collections::BTreeMap;
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::thread::sleep;
use std::time::{Duration, Instant};
use understudy_core::base::fs;
use understudy_core::base::sha256::Sha256;
use understudy_core::formats::command_line::BootSettings;
use understudy_core::formats::disk_layout::Slot;
use understudy_core::formats::verity::{
    BLOCK_BYTES, Superblock, SuperblockError, block_digest, level_blocks,
};

const BLOCK_DEVICES: &str = "/sys/class/block";
/// Disks appear one by one; looking costs little.
const LOOK_AGAIN: Duration = Duration::from_millis(100);

/// The slot to boot.
#[derive(Debug)]
pub struct FoundSlot {
    /// The disk's kernel name.
    pub disk: String,
    pub slot: Slot,
    pub root: PathBuf,
    pub verity: PathBuf,
    pub superblock: Superblock,
}

/// No slot could be found.
#[derive(Debug, thiserror::Error)]
pub enum SlotsError {
    #[error(transparent)]
    Modules(#[from] ModulesError),
    #[error("there is no disk")]
    NoDisk,
    #[error("none of the disks ({}) has partitions of an image", .0.join(", "))]
    NoSlot(Vec<String>),
    #[error("{}", .0.join("; "))]
    NotTheOne(Vec<String>),
}

/// Why a slot is not the one.
#[derive(Debug, thiserror::Error)]
enum Mismatch {
    #[error("it is empty")]
    Empty,
    #[error("{0}")]
    Superblock(SuperblockError),
    #[error("the top of its verity tree has hash {0}: it holds another image, or the tree is damaged")]
    OtherImage(Sha256),
    #[error("{what} takes {needed} bytes of a partition with {room}")]
    CutShort { what: &'static str, needed: u64, room: u64 },
    #[error("cannot read it: {0}")]
    Read(fs::FsError),
}

impl From<fs::FsError> for Mismatch {
    fn from(error: fs::FsError) -> Self {
        Self::Read(error)
    }
}

/// Waits for disks up to the configured time.
pub fn find(settings: &BootSettings, modules: &Modules) -> Result<FoundSlot, SlotsError> {
    let began = Instant::now();
    loop {
        modules.load_for_hardware()?;
        match look(&settings.root_hash) {
            Ok(found) => return Ok(found),
            Err(error) if began.elapsed() >= settings.disk_wait => return Err(error),
            Err(_) => sleep(LOOK_AGAIN),
        }
    }
}

/// One look at what is there now. Of two disks with the image, the first by name is taken.
fn look(root_hash: &Sha256) -> Result<FoundSlot, SlotsError> {
    let (disks, partitions) = block_devices();
    if disks.is_empty() {
        return Err(SlotsError::NoDisk);
    }
    let mut reasons = Vec::new();
    for disk in &disks {
        for slot in Slot::ALL {
            let device = |name: &str| partitions.get(&(disk.clone(), name.to_owned())).cloned();
            let (Some(root), Some(verity)) = (device(slot.root()), device(slot.verity())) else { continue };
            match examine(&root, &verity, root_hash) {
                Ok(superblock) => {
                    return Ok(FoundSlot { disk: disk.clone(), slot, root, verity, superblock });
                }
                Err(mismatch) => reasons.push(format!("slot {slot} of {disk}: {mismatch}")),
            }
        }
    }
    Err(if reasons.is_empty() { SlotsError::NoSlot(disks) } else { SlotsError::NotTheOne(reasons) })
}

type Partitions = BTreeMap<(String, String), PathBuf>;

/// Names of disks, and device files of partitions by disk and partition name.
fn block_devices() -> (Vec<String>, Partitions) {
    let mut disks = Vec::new();
    let mut partitions = Partitions::new();
    for path in fs::list(Path::new(BLOCK_DEVICES)).unwrap_or_default() {
        // A device that vanishes while we look is not there.
        let (Ok(text), Ok(place)) = (fs::read_text(&path.join("uevent")), path.canonicalize()) else {
            continue;
        };
        let field = |key: &str| text.lines().find_map(|line| line.strip_prefix(key)).map(str::to_owned);
        let file_name = |path: &Path| path.file_name().map(|name| name.to_string_lossy().into_owned());
        let Some(device) = field("DEVNAME=") else { continue };
        match field("DEVTYPE=").as_deref() {
            // Optical drives, loops and mapped devices hold no boot disk of ours; only real ones have a parent.
            Some("disk") if path.join("device").exists() => disks.push(device),
            Some("partition") => {
                let disk = place.parent().and_then(file_name);
                if let (Some(disk), Some(name)) = (disk, field("PARTNAME=")) {
                    partitions.insert((disk, name), Path::new("/dev").join(device));
                }
            }
            _ => {}
        }
    }
    (disks, partitions)
}

/// Every partition with this name, on whatever disk.
pub fn partitions_named(name: &str) -> Vec<PathBuf> {
    let (_, partitions) = block_devices();
    partitions.into_iter().filter(|((_, own), _)| own == name).map(|(_, device)| device).collect()
}

fn examine(root: &Path, verity: &Path, root_hash: &Sha256) -> Result<Superblock, Mismatch> {
    let mut head = vec![0; 2 * BLOCK_BYTES];
    fs::open(verity)?.read_exact(&mut head).map_err(fs::fail("read", verity))?;
    if head.iter().all(|byte| *byte == 0) {
        return Err(Mismatch::Empty);
    }
    let superblock = Superblock::parse(&head).map_err(Mismatch::Superblock)?;
    let top = block_digest(&superblock.salt, &head[BLOCK_BYTES..]);
    if top != *root_hash {
        return Err(Mismatch::OtherImage(top));
    }
    let tree_blocks = level_blocks(superblock.data_blocks).iter().sum::<u64>() + 1;
    check_room("the root", superblock.data_blocks, root)?;
    check_room("the verity tree", tree_blocks, verity)?;
    Ok(superblock)
}

fn check_room(what: &'static str, blocks: u64, path: &Path) -> Result<(), Mismatch> {
    let room = device_bytes(path)?;
    match blocks.checked_mul(BLOCK_BYTES as u64) {
        Some(needed) if needed <= room => Ok(()),
        needed => Err(Mismatch::CutShort { what, needed: needed.unwrap_or(u64::MAX), room }),
    }
}

/// The size of a device in bytes.
pub fn device_bytes(path: &Path) -> fs::Result<u64> {
    fs::open(path)?.seek(SeekFrom::End(0)).map_err(fs::fail("measure", path))
}
