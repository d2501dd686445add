//! Whole machines with real firmware: they start the image from their own disk, or say why they refuse.

use crate::blocks::partition;
use crate::command::{text, tool};
use crate::fixture::{Fixture, checkout, edit, fixture};
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tempfile::TempDir;
use understudy_core::base::byte_count::ByteCount;
use understudy_core::base::fs;
use understudy_core::base::sha256::Sha256;
use understudy_lab::console::{Seen, watch};
use understudy_lab::disk::{DiskBus, grown_copy};
use understudy_lab::firmware::Firmware;
use understudy_lab::vm::{Config, Keyboard, Vm};

const SPARE: &str = "spare, waiting for a site";
/// A machine under emulation on a busy computer.
const LIMIT: Duration = Duration::from_secs(240);
const DISK: ByteCount = ByteCount::mebibytes(8192);

/// A disk with the image written to it, larger than the image.
struct Machine {
    _folder: TempDir,
    disk: PathBuf,
    firmware: Firmware,
    disk_bus: DiskBus,
}

impl Machine {
    fn new(image: &Path) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let disk = folder.path().join("disk.raw");
        grown_copy(&image.join("disk.raw"), &disk, DISK).unwrap();
        Self { _folder: folder, disk, firmware: Firmware::Bios, disk_bus: DiskBus::Virtio }
    }

    fn start(&self) -> Vm {
        let config = Config {
            firmware: self.firmware,
            disk: self.disk.clone(),
            disk_bus: self.disk_bus,
            memory_mebibytes: 1024,
            keyboard: Keyboard::Nobody,
        };
        Vm::start(&config).unwrap()
    }

    /// Switches on, waits for a text on the console, cuts the power; returns what was on the console.
    #[track_caller]
    fn until(&self, expected: &str) -> String {
        let mut console = Vec::new();
        let seen =
            watch(&mut self.start(), Some(expected), Some(LIMIT), |bytes| console.extend_from_slice(bytes));
        let console = String::from_utf8_lossy(&console).into_owned();
        assert!(matches!(seen, Ok(Seen::Text(_))), "`{expected}` was not seen ({seen:?}):\n{console}");
        console
    }

    fn partition(&self, name: &str) -> Range<u64> {
        partition(&self.disk, name)
    }

    fn flip(&self, offset: u64) {
        let file = fs::open_update(&self.disk).unwrap();
        let mut byte = [0];
        file.read_exact_at(&mut byte, offset).unwrap();
        file.write_all_at(&[byte[0] ^ 1], offset).unwrap();
    }
}

#[test]
fn a_bios_machine_boots_its_disk_to_a_spare_and_state_grows_once() {
    let machine = Machine::new(&fixture().image);
    let first = machine.until(SPARE);
    assert!(first.contains("making the state partition"), "{first}");
    assert!(first.contains("(mail 0.1.0, slot a of vda, unverified boot"), "{first}");

    assert!(tool("sfdisk", ["--verify", text(&machine.disk)]).contains("No errors detected"));
    let state = machine.partition("state");
    assert_eq!(state.end - state.start, 4 << 30, "state has grown to its limit");
    assert!(state.end < DISK.get() - (2 << 30), "there is room for volumes");

    let second = machine.until(SPARE);
    assert!(!second.contains("making the state partition"), "{second}");
}

#[test]
fn a_uefi_machine_boots_its_disk_to_a_spare() {
    let machine = Machine { firmware: Firmware::Uefi, ..Machine::new(&fixture().image) };
    machine.until(SPARE);
}

#[test]
fn a_disk_behind_any_common_controller_boots() {
    for (disk_bus, name) in [(DiskBus::Nvme, "nvme0n1"), (DiskBus::Ahci, "sda"), (DiskBus::Megaraid, "sda")] {
        let machine = Machine { disk_bus, ..Machine::new(&fixture().image) };
        let console = machine.until(SPARE);
        assert!(console.contains(&format!("slot a of {name}")), "{disk_bus:?}: {console}");
    }
}

#[test]
fn one_flipped_byte_in_the_root_is_refused_and_the_block_named() {
    let image = fixture().image;
    let machine = Machine::new(&image);
    let block = fs::size(&image.join("root.squashfs")).unwrap() / 4096 / 2;
    machine.flip(machine.partition("root-a").start + block * 4096 + 17);
    let console = machine.until("waiting for a person");
    let reason = format!("block {block} of slot a on vda does not match its signed hash");
    assert!(console.contains("cannot start the image: the root is not what was signed"), "{console}");
    assert!(console.contains(&reason) && console.contains("try 2 of 3 failed"), "{console}");
    assert!(!console.contains(SPARE), "{console}");
}

#[test]
fn one_flipped_byte_in_a_leaf_of_the_verity_tree_is_refused() {
    let image = fixture().image;
    let machine = Machine::new(&image);
    // The last digests stand for the last blocks.
    let leaf = fs::size(&image.join("root.verity")).unwrap() - 4096;
    machine.flip(machine.partition("verity-a").start + leaf + 5);
    let console = machine.until("waiting for a person");
    assert!(console.contains("of slot a on vda does not match its signed hash"), "{console}");
    assert!(!console.contains(SPARE), "{console}");
}

#[test]
fn a_verity_tree_that_is_empty_or_has_one_flipped_byte_in_its_top_or_superblock_is_refused() {
    let image = fixture().image;
    let refuses = |offset: u64, reason: &str| {
        let machine = Machine::new(&image);
        machine.flip(machine.partition("verity-a").start + offset);
        let console = machine.until("waiting for a person");
        assert!(console.contains("no disk holds the image that this kernel belongs to"), "{console}");
        assert!(console.contains(&format!("slot a of vda: {reason}")), "{offset}: {console}");
        assert!(!console.contains("checking every block"), "{console}");
    };
    // Most of the time they wait for a disk that might still come: all at once.
    std::thread::scope(|scope| {
        scope.spawn(|| refuses(4096 + 100, "the top of its verity tree has hash"));
        scope.spawn(|| refuses(90, "the top of its verity tree has hash"));
        scope.spawn(|| refuses(33, "the verity superblock asks for something other than SHA-256"));
        scope.spawn(|| {
            let machine = Machine::new(&image);
            let verity = machine.partition("verity-a");
            let nothing = vec![0; usize::try_from(verity.end - verity.start).unwrap()];
            fs::open_update(&machine.disk).unwrap().write_all_at(&nothing, verity.start).unwrap();
            let console = machine.until("waiting for a person");
            assert!(console.contains("slot a of vda: it is empty; slot b of vda: it is empty"), "{console}");
        });
    });
}

/// Another image whose slot is as good, but not the one that this kernel was signed for.
#[test]
fn a_root_with_a_whole_tree_of_another_image_is_refused() {
    let fixture = fixture();
    let other = fixture.older();
    let machine = Machine::new(&fixture.image);
    for (partition, file) in [("root-a", "root.squashfs"), ("verity-a", "root.verity")] {
        let content = fs::read(&other.join(file)).unwrap();
        let start = machine.partition(partition).start;
        fs::open_update(&machine.disk).unwrap().write_all_at(&content, start).unwrap();
    }
    let console = machine.until("waiting for a person");
    assert!(console.contains("it holds another image, or the tree is damaged"), "{console}");
}

#[test]
fn a_machine_told_to_reboot_starts_again_from_firmware() {
    let fixture = fixture();
    let (_folder, image) = variant(&fixture, "on_failure = \"wait\"", "on_failure = \"reboot\"");
    let machine = Machine::new(&image);
    machine.flip(machine.partition("root-a").start + 4096 + 1);
    let mut console = Vec::new();
    let mut vm = machine.start();
    for expected in ["starting again from firmware in 30 s", "looking for the image"] {
        let seen = watch(&mut vm, Some(expected), Some(LIMIT), |bytes| console.extend_from_slice(bytes));
        let console = String::from_utf8_lossy(&console);
        assert!(matches!(seen, Ok(Seen::Text(_))), "`{expected}` was not seen ({seen:?}):\n{console}");
    }
}

/// The shared image with a change of its definition.
fn variant(fixture: &Fixture, from: &str, to: &str) -> (TempDir, PathBuf) {
    let checkout = checkout();
    edit(checkout.path(), "images/mail/image.toml", from, to);
    let output = checkout.path().join("out");
    fixture.build(checkout.path(), &output).expect_success();
    (checkout, output)
}

#[test]
fn a_state_partition_with_other_data_is_left_as_it_is() {
    let machine = Machine::new(&fixture().image);
    let state = machine.partition("state");
    let precious = b"somebody's volume".repeat(100);
    fs::open_update(&machine.disk).unwrap().write_all_at(&precious, state.start + 8192).unwrap();
    let console = machine.until("waiting for a person");
    assert!(
        console.contains("holds something that is not a state of ours; it is left as it is"),
        "{console}"
    );
    let mut found = vec![0; precious.len()];
    fs::open(&machine.disk).unwrap().read_exact_at(&mut found, state.start + 8192).unwrap();
    assert_eq!(found, precious);
}

/// Catches the mutant that takes a half-made state for a whole one.
#[test]
fn power_cuts_during_the_first_boot_leave_a_machine_that_boots() {
    let machine = Machine::new(&fixture().image);
    let seed = Sha256::of(format!("{:?}", std::time::SystemTime::now()).as_bytes());
    let mut consoles = String::new();
    for byte in seed.as_bytes().iter().take(6) {
        let mut vm = machine.start();
        let seen = watch(&mut vm, Some("checking every block"), Some(LIMIT), |_| {});
        assert!(matches!(seen, Ok(Seen::Text(_))), "{seen:?}");
        // State is made, grown and filled in the seconds after this line.
        let limit = vm.started.elapsed() + Duration::from_millis(u64::from(*byte) * 25);
        let seen = watch(&mut vm, Some("cannot start"), Some(limit), |bytes| {
            consoles.push_str(&String::from_utf8_lossy(bytes));
        });
        assert_eq!(seen.unwrap(), Seen::TimeOut, "{consoles}");
    }
    machine.until(SPARE);
}
