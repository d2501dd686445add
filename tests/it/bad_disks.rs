//! Machines whose disks are too many, too small, or fail: they say why, and no other disk is written to.

use crate::blocks::{Blocks, partition};
use crate::fixture::fixture;
use crate::rack::{Rack, attention};
use std::os::unix::fs::FileExt;
use std::path::Path;
use understudy_core::base::fs;

fn rack(name: &str, more: &[&str]) -> Rack {
    let fixture = fixture();
    Rack::up(name, &fixture.image, &fixture.public_key, &[&["--firmware", "bios"], more].concat())
}

/// Somebody's ext4 file system (its magic number: kernel, filesystems/ext4/globals), and something further on.
fn keep_data_on(disk: &Path) -> Blocks {
    let file = fs::open_update(disk).unwrap();
    file.write_all_at(&[0x53, 0xef], 0x438).unwrap();
    file.write_all_at(&b"somebody's mail".repeat(50), 1 << 30).unwrap();
    Blocks::of(disk)
}

/// One rack, one rule of `site.toml` after the other. Catches the mutants that take the first disk, and that take any
/// disk where there are two; and a boot script that only knows the first disk of a BIOS.
#[test]
fn of_two_disks_the_one_that_the_rule_means_is_taken_and_a_small_one_is_refused() {
    let machines =
        ["LAB-1:disks=8GiB+6GiB", "LAB-2:disks=6GiB+8GiB", "LAB-3:disks=8GiB+8GiB", "LAB-4:disks=1GiB"];
    let machines = machines.map(|machine| ["--machine", machine]).concat();
    let mut rack = rack("disks", &[&["--nodes", "4", "--approval", "ask"], machines.as_slice()].concat());
    let others = ["LAB-1", "LAB-2", "LAB-3"].map(|serial| (serial, rack.disk(serial, 1)));
    let before = others.each_ref().map(|(_, disk)| keep_data_on(disk));

    rack.approve("LAB-1", &[]);
    let node = rack.wait_for("LAB-1", "blocked by its two disks", |node| !attention(node).is_empty());
    let reason = "it has 2 disks, and site.toml says disk = \"only\": \
                  vda (serial LAB-DISK-1, 8.0 GiB), vdb (serial LAB-DISK-1-2, 6.0 GiB)";
    assert!(attention(&node).contains(reason), "{node}");
    rack.wait_for_console("LAB-1", "told why", |console| console.contains(reason));
    assert!(rack.events("blocked").concat().contains(reason));

    rack.approve("LAB-4", &[]);
    let node = rack.wait_for("LAB-4", "blocked by its small disk", |node| !attention(node).is_empty());
    assert!(attention(&node).contains("disk vda has 1.0 GiB, the image needs "), "{node}");
    rack.wait_for_console("LAB-4", "told why", |console| console.contains("disk vda has 1.0 GiB"));
    assert!(rack.events("blocked").concat().contains("disk vda has 1.0 GiB"));
    assert!(
        Blocks::of(&rack.disk("LAB-4", 1)).is_empty(),
        "the disk that is too small is as empty as it was"
    );
    rack.lab(&["cut", "LAB-4"]).expect_success();

    rack.change_site("disk = \"only\"", "disk = \"smallest\"");
    rack.wait_for_state("LAB-1", "installing");
    rack.change_site("disk = \"smallest\"", "disk = \"largest\"");
    rack.approve("LAB-2", &[]);
    rack.wait_for_state("LAB-2", "installing");
    rack.change_site("disk = \"largest\"", "disk = \"serial:LAB-DISK-3-2\"");
    rack.approve("LAB-3", &[]);
    for serial in ["LAB-2", "LAB-3"] {
        rack.wait_for_console(serial, "installed", |console| console.contains("is on the disk"));
        rack.lab(&["cut", serial]).expect_success();
    }
    // A BIOS numbers the disk with the image second, behind one that boots nothing.
    rack.wait_for_state("LAB-1", "spare");
    for ((serial, disk), before) in others.iter().zip(before) {
        assert!(!partition(&rack.disk(serial, 2), "root-a").is_empty(), "{serial}");
        assert_eq!(Blocks::of(disk), before, "the other disk of {serial} is what it was");
    }
}

/// Catches the mutant that writes the beginning of the disk first, so that half an image boots; and the one that tries
/// for ever.
#[test]
fn a_disk_that_fails_in_the_middle_boots_nothing_and_is_used_once_it_is_well() {
    let rack = rack("failing", &[]);
    rack.lab(&["disk", "LAB-1", "--fail-writes-at", "300MiB"]).expect_success();
    rack.lab(&["power", "LAB-1", "reset"]).expect_success();
    let node = rack.wait_for_state("LAB-1", "failed");
    let reason = "/dev/vda: Input/output error";
    assert!(attention(&node).contains(reason) && attention(&node).contains("attempt 3 of 3"), "{node}");
    assert_eq!(node["attempts"], 3, "{node}");
    let failed = rack.events("install-failed");
    assert!(failed.len() == 2 && failed.iter().all(|text| text.contains(reason)), "{failed:?}");
    assert!(rack.events("failed").concat().contains(reason), "an operator is told");
    let console = rack.console("LAB-1");
    assert!(console.contains("the installation failed: cannot flush"), "{console}");
    assert!(!Blocks::of(&rack.disk("LAB-1", 1)).is_empty(), "it failed in the middle, and not before");

    rack.lab(&["disk", "LAB-1"]).expect_success();
    let disk = r#"{"Boot": {"BootSourceOverrideEnabled": "Once", "BootSourceOverrideTarget": "Hdd"}}"#;
    rack.redfish(1, "Systems/1", &["-X", "PATCH", "-d", disk]);
    rack.lab(&["power", "LAB-1", "reset"]).expect_success();
    rack.wait_for_console("LAB-1", "at its disk, in vain", |console| {
        console.contains("Booting from Hard Disk") && console.contains("not a bootable disk")
    });
    rack.approve("LAB-1", &[]);
    let node = rack.wait_for_state("LAB-1", "spare");
    assert_eq!(node["attempts"], 1, "{node}");
}
