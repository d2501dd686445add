//! dm-verity by the device-mapper's ioctls (kernel: include/uapi/linux/dm-ioctl.h).

use super::slots::{FoundSlot, device_bytes};
use nix::errno::Errno;
use nix::libc;
use std::fs::File;
use std::os::fd::AsRawFd;
use std::path::{Path, PathBuf};
use understudy_core::base::fs;
use understudy_core::base::sha256::Sha256;
use understudy_core::formats::verity::{BLOCK_BYTES, Superblock, table_parameters};

const CONTROL: &str = "/dev/mapper/control";
/// The device's name, as `dmsetup ls` shows it.
const NAME: &[u8] = b"understudy-root";
/// `struct dm_ioctl`.
const HEADER_BYTES: usize = 312;
/// `struct dm_target_spec`.
const TARGET_BYTES: usize = 40;
/// Of header, target and parameters together; ours take a third of it.
const REQUEST_BYTES: usize = 2048;
const INTERFACE_VERSION: [u32; 3] = [4, 0, 0];
const READ_ONLY: u32 = 1 << 0;
const SECTOR_BYTES: u64 = 512;

const DEV_CREATE: u32 = 3;
const DEV_REMOVE: u32 = 4;
const DEV_SUSPEND: u32 = 6;
const TABLE_LOAD: u32 = 9;

/// Why there is no verity device.
#[derive(Debug, thiserror::Error)]
pub enum MapperError {
    #[error(transparent)]
    File(#[from] fs::FsError),
    #[error("device-mapper refuses to {action}")]
    Refused {
        action: &'static str,
        #[source]
        source: Errno,
    },
}

/// Puts the slot's root under verity, read-only; returns the device to mount.
pub fn open_verity(slot: &FoundSlot, root_hash: &Sha256) -> Result<PathBuf, MapperError> {
    let control = fs::open_update(Path::new(CONTROL))?;
    // A device of an earlier try; without one this is refused, as it should be.
    let _ = call(&control, DEV_REMOVE, "remove a device", &mut Request::new(0));
    let mut created = Request::new(READ_ONLY);
    call(&control, DEV_CREATE, "create a device", &mut created)?;

    let Superblock { data_blocks, .. } = slot.superblock;
    let length = data_blocks * (BLOCK_BYTES as u64 / SECTOR_BYTES);
    debug_assert!(device_bytes(&slot.root).is_ok_and(|bytes| bytes >= length * SECTOR_BYTES));
    let (root, tree) = (slot.root.display().to_string(), slot.verity.display().to_string());
    let parameters = table_parameters(&root, &tree, &slot.superblock, root_hash);
    let mut table = Request::new(READ_ONLY);
    table.put_target(length, b"verity", parameters.as_bytes());
    call(&control, TABLE_LOAD, "take a verity table", &mut table)?;
    // Without the suspend flag this call resumes, and the table becomes live.
    call(&control, DEV_SUSPEND, "start the device", &mut Request::new(0))?;
    Ok(PathBuf::from(format!("/dev/dm-{}", created.minor())))
}

/// A `struct dm_ioctl` with what follows it.
struct Request {
    bytes: [u8; REQUEST_BYTES],
}

impl Request {
    fn new(flags: u32) -> Self {
        let mut request = Self { bytes: [0; REQUEST_BYTES] };
        for (at, word) in INTERFACE_VERSION.into_iter().enumerate() {
            request.put_u32(at * 4, word);
        }
        request.put_u32(12, REQUEST_BYTES as u32); // data_size
        request.put_u32(16, HEADER_BYTES as u32); // data_start
        request.put_u32(28, flags);
        request.bytes[48..48 + NAME.len()].copy_from_slice(NAME);
        request
    }

    fn put_u32(&mut self, at: usize, word: u32) {
        self.bytes[at..at + 4].copy_from_slice(&word.to_ne_bytes());
    }

    /// One target over the whole device: `struct dm_target_spec` and its parameters.
    fn put_target(&mut self, sectors: u64, kind: &[u8], parameters: &[u8]) {
        self.put_u32(20, 1); // target_count
        let target = HEADER_BYTES;
        self.bytes[target + 8..target + 16].copy_from_slice(&sectors.to_ne_bytes());
        self.bytes[target + 24..target + 24 + kind.len()].copy_from_slice(kind);
        let text = target + TARGET_BYTES;
        self.bytes[text..text + parameters.len()].copy_from_slice(parameters);
    }

    /// The device number's lower part: bits 0-7 and 20-31 of `dev` (kernel: new_encode_dev).
    fn minor(&self) -> u64 {
        let mut dev = [0; 8];
        dev.copy_from_slice(&self.bytes[40..48]);
        let dev = u64::from_ne_bytes(dev);
        dev & 0xff | dev >> 12 & 0xf_ff00
    }
}

fn call(
    control: &File,
    command: u32,
    action: &'static str,
    request: &mut Request,
) -> Result<(), MapperError> {
    let number = nix::request_code_readwrite!(0xfd, command, HEADER_BYTES);
    // SAFETY: the kernel reads and writes at most data_size bytes, which is the length of the buffer.
    let result = unsafe { libc::ioctl(control.as_raw_fd(), number, request.bytes.as_mut_ptr()) };
    Errno::result(result).map(drop).map_err(|source| MapperError::Refused { action, source })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_has_the_layout_of_the_kernels_struct() {
        let mut request = Request::new(READ_ONLY);
        request.put_target(8, b"verity", b"1 a b");
        let word = |at: usize| u32::from_ne_bytes(request.bytes[at..at + 4].try_into().unwrap());
        assert_eq!([word(0), word(12), word(16), word(20), word(28)], [4, 2048, 312, 1, 1]);
        assert_eq!(&request.bytes[48..64], b"understudy-root\0");
        assert_eq!(&request.bytes[312 + 24..312 + 31], b"verity\0");
        assert_eq!(&request.bytes[352..358], b"1 a b\0");
    }

    #[test]
    fn minor_numbers_past_255_are_read_too() {
        let mut request = Request::new(0);
        for (dev, minor) in [(0xfd05_u64, 5), (0x0010_fd00, 256), (0xfff0_fdff, 0xf_ffff)] {
            request.bytes[40..48].copy_from_slice(&dev.to_ne_bytes());
            assert_eq!(request.minor(), minor, "{dev:#x}");
        }
    }
}
