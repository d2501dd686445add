//! The partitions of a boot disk, in their order: the builder writes them, `/init` finds them.
//!
//! Type GUIDs are those of the UEFI specification (2.10, section 5.3.3), GRUB's BIOS boot partition and the
//! Discoverable Partitions Specification of the UAPI group.

use crate::base::byte_count::ByteCount;
use crate::base::sha256::Sha256;
use crate::model::name::Name;
use serde::{Deserialize, Serialize};
use std::fmt;

/// Bytes of a logical sector; disks with 4096-byte sectors are not supported yet.
pub const SECTOR_BYTES: u64 = 512;

/// A partition's name in the GPT, as the kernel shows it in `PARTNAME=`.
pub const BIOS_BOOT: &str = "bios-boot";
/// The EFI system partition, which also holds kernel and initrd for BIOS.
pub const ESP: &str = "esp";
/// What survives a reboot; made and grown by the first boot.
pub const STATE: &str = "state";

/// How the name of a volume's partition begins; the name of its identity follows.
const VOLUME: &str = "volume-";
/// UTF-16 code units of a name in the GPT (UEFI 2.10, table 5.6).
const NAME_UNITS_MAX: usize = 36;
/// Less is no room for a volume.
pub const VOLUME_MIN: ByteCount = ByteCount::mebibytes(64);

/// One of the two places for an image on a disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Slot {
    A,
    B,
}

impl Slot {
    /// Both slots, in disk order.
    pub const ALL: [Self; 2] = [Self::A, Self::B];

    /// The name of the partition with the root file system.
    pub fn root(self) -> &'static str {
        match self {
            Self::A => "root-a",
            Self::B => "root-b",
        }
    }

    /// The name of the partition with the verity tree.
    pub fn verity(self) -> &'static str {
        match self {
            Self::A => "verity-a",
            Self::B => "verity-b",
        }
    }
}

impl fmt::Display for Slot {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::A => "a",
            Self::B => "b",
        })
    }
}

/// A partition's type GUID in the GPT's mixed-endian byte order (UEFI 2.10, appendix A).
pub type TypeGuid = [u8; 16];

/// `21686148-6449-6E6F-744E-656564454649`
pub const TYPE_BIOS_BOOT: TypeGuid = guid(0x21686148_6449_6e6f_744e_656564454649);
/// `C12A7328-F81F-11D2-BA4B-00A0C93EC93B`
pub const TYPE_ESP: TypeGuid = guid(0xc12a7328_f81f_11d2_ba4b_00a0c93ec93b);
/// `4F68BCE3-E8CD-4DB1-96E7-FBCAF984B709`, root for x86-64
pub const TYPE_ROOT: TypeGuid = guid(0x4f68bce3_e8cd_4db1_96e7_fbcaf984b709);
/// `2C7357ED-EBD2-46D9-AEC1-23D437EC2BF5`, verity tree of a root for x86-64
pub const TYPE_VERITY: TypeGuid = guid(0x2c7357ed_ebd2_46d9_aec1_23d437ec2bf5);
/// `4D21B016-B534-45C2-A9FB-5C16E091FD2D`, variable data
pub const TYPE_STATE: TypeGuid = guid(0x4d21b016_b534_45c2_a9fb_5c16e091fd2d);

/// `6F5C1E8A-2D0B-4B9E-9C53-7A41D8E0B265`, ours: a volume, the data of an identity. Never written over by an installation.
pub const TYPE_VOLUME: TypeGuid = guid(0x6f5c1e8a_2d0b_4b9e_9c53_7a41d8e0b265);

/// The name of a volume's partition, for people: cut where the GPT has no more room. [`volume_id`] is what tells volumes apart.
pub fn volume_name(identity: &Name) -> String {
    let name: String = VOLUME.chars().chain(identity.as_str().chars()).collect();
    name.chars().take(NAME_UNITS_MAX).collect()
}

/// The unique GUID of a volume's partition and the UUID of its file system, as bytes: the identity's alone.
pub fn volume_id(identity: &Name) -> [u8; 16] {
    let digest = Sha256::of_parts(&[b"understudy volume ", identity.as_str().as_bytes()]);
    let mut id: [u8; 16] = std::array::from_fn(|at| digest.as_bytes()[at]);
    // Version 8, variant 1 (RFC 9562, section 5.8), in the byte order of a UUID.
    id[6] = id[6] & 0x0f | 0x80;
    id[8] = id[8] & 0x3f | 0x80;
    id
}

/// A GUID as it stands in a specification, turned into the byte order of the disk.
pub const fn guid(written: u128) -> TypeGuid {
    let b = written.to_be_bytes();
    [b[3], b[2], b[1], b[0], b[5], b[4], b[7], b[6], b[8], b[9], b[10], b[11], b[12], b[13], b[14], b[15]]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_three_fields_of_a_guid_are_little_endian() {
        assert_eq!(TYPE_ESP[..8], [0x28, 0x73, 0x2a, 0xc1, 0x1f, 0xf8, 0xd2, 0x11]);
        assert_eq!(TYPE_ESP[8..], [0xba, 0x4b, 0x00, 0xa0, 0xc9, 0x3e, 0xc9, 0x3b]);
    }

    #[test]
    fn volumes_of_two_identities_are_told_apart_also_where_their_names_are_cut() {
        let name = |text: &str| text.parse::<Name>().unwrap();
        assert_eq!(volume_name(&name("store-1")), "volume-store-1");
        let (one, other) =
            (name("a23456789-123456789-123456789-12"), name("a23456789-123456789-123456789-13"));
        assert_eq!(volume_name(&one).len(), 36);
        assert_eq!(volume_name(&one), volume_name(&other));
        assert_ne!(volume_id(&one), volume_id(&other));
        assert_eq!((volume_id(&one)[6] >> 4, volume_id(&one)[8] >> 6), (8, 2));
    }
}
