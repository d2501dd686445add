//! Which disk a rule means, and what is wrong with one that cannot be used.

use super::sample::disk;
use super::*;
use understudy_core::base::sha256::Sha256;
use understudy_core::protocol::inventory::Inventory;

/// A rule, what is wrong with the disks, and what the operator reads.
type Case = (DiskRule, fn(&mut Inventory), &'static str);

#[test]
fn each_disk_that_cannot_be_used_is_told_why() {
    let cases: [Case; 6] = [
        (DiskRule::Only, |inventory| inventory.disks.clear(), "no disk"),
        (
            DiskRule::Only,
            |inventory| inventory.disks.push(disk("D2", 1 << 40)),
            "(serial D1, 1024.0 GiB), vda (serial D2",
        ),
        (DiskRule::Serial("X".into()), |_| {}, "no disk with serial X"),
        (DiskRule::Only, |inventory| inventory.disks[0].bytes = 2 << 30, "the image needs"),
        (
            DiskRule::Smallest,
            |inventory| {
                inventory.disks[0].serial.clear();
                inventory.disks.push(disk("D2", 1 << 41))
            },
            "neither",
        ),
        (
            DiskRule::Only,
            |inventory| inventory.disks[0].content = DiskContent::Unreadable { reason: "EIO".into() },
            "EIO",
        ),
    ];
    for (rule, change, expected) in cases {
        let mut story = Story::approved();
        story.moment.disk = rule;
        change(&mut story.node.inventory);
        story.then(report("b1", Status::Waiting)).is("approved");
        let attention = story.node.attention.clone().unwrap();
        assert!(attention.contains(expected), "{expected}: {attention}");
    }
}

#[test]
fn the_rule_chooses_the_disk() {
    for (rule, expected) in
        [(DiskRule::Smallest, "D1"), (DiskRule::Largest, "D3"), (DiskRule::Serial("D2".into()), "D2")]
    {
        let mut story = Story::approved();
        story.moment.disk = rule;
        story.node.inventory.disks.extend([disk("D2", 1 << 41), disk("D3", 1 << 42)]);
        story.then(report("b1", Status::Waiting));
        assert_eq!(story.installs().disk, DiskSelector::Serial(expected.into()));
    }
}

/// Neither another image nor any yes of an operator goes over a volume. Catches a site that reads "an image of ours" alone.
#[test]
fn a_disk_with_a_volume_keeps_its_image_and_never_gets_another() {
    let with_volume = |root: &[u8]| DiskContent::Image {
        root_hashes: vec![Sha256::of(root)],
        volumes: vec!["volume-store-1".into()],
    };
    for wipe in [false, true] {
        let mut story = Story::new();
        story.then(hello("b1")).then(Event::Approve(Consent { wipe, ..Consent::default() }));
        story.node.inventory.disks[0].content = with_volume(b"old");
        story.then(report("b1", Status::Waiting)).is("approved");
        let attention = story.node.attention.clone().unwrap();
        assert!(
            attention.contains("disk vda holds volume-store-1, and no volume is ever written over"),
            "{attention}"
        );
        story.node.inventory.disks[0].content = with_volume(b"root");
        story.then(report("b1", Status::Waiting)).is("installed");
    }
}
