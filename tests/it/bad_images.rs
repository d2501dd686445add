//! Images that are not what a node may run: damaged on their way, expired, older than what it had. The disk stays as it
//! was; and a spare whose key was copied, or lost.

use crate::blocks::{Blocks, partition};
use crate::command::{text, tool};
use crate::fixture::{OLDER, VERSION, fixture};
use crate::rack::{Rack, attention};
use std::os::unix::fs::FileExt;
use understudy_core::base::fs;

/// Far more than an installation has frames.
const ALL_FRAMES: &str = "1000000000";

/// TCP's checksum is right in each of the damaged frames. Catches the mutants of the node that take a manifest before its
/// signature was checked, or compare its expiry with nothing.
#[test]
fn what_is_damaged_on_its_way_or_expired_never_reaches_a_disk() {
    let fixture = fixture();
    // The site's clock is right, this machine's is not.
    let more =
        ["--nodes", "2", "--firmware", "bios", "--approval", "ask", "--machine", "LAB-2:clock=2040-01-01"];
    let rack = Rack::up("damaged", &fixture.image, &fixture.public_key, &more);
    for serial in ["LAB-1", "LAB-2"] {
        rack.wait_for_state(serial, "discovered");
    }
    rack.lab(&["line", "LAB-1", "--flip", ALL_FRAMES]).expect_success();
    for (serial, reason) in [("LAB-1", "it was changed after signing"), ("LAB-2", "expired at ")] {
        rack.approve(serial, &[]);
        let node = rack.wait_for_state(serial, "failed");
        assert!(attention(&node).contains(reason), "{node}");
        assert!(rack.events("failed").concat().contains(reason));
        let console = rack.console(serial);
        assert!(console.contains("the installation failed: the image is refused"), "{console}");
        assert!(Blocks::of(&rack.disk(serial, 1)).is_empty(), "the disk of {serial} is as empty as it was");
    }
    rack.lab(&["cut", "LAB-2"]).expect_success();

    rack.lab(&["line", "LAB-1"]).expect_success();
    rack.approve("LAB-1", &[]);
    rack.wait_for_console("LAB-1", "in the middle", |console| console.contains("installing: "));
    rack.lab(&["line", "LAB-1", "--flip", "1"]).expect_success();
    rack.wait_for_console("LAB-1", "fetching a chunk again", |console| {
        console.contains("arrives with SHA-256") && console.contains("trying again")
    });
    // Every block of it is read and compared before this is said.
    rack.wait_for_console("LAB-1", "installed", |console| console.contains("is on the disk"));
    let node = rack.wait_for("LAB-1", "installed", |node| node["progress"].is_null());
    assert_eq!(node["attempts"], 1, "within one attempt: {node}");
}

/// One machine, installed once. Catches the mutants that take a copied key for its owner, forget which version was
/// trusted, and let a machine with an expected serial in under a new key.
#[test]
fn a_spare_keeps_its_name_from_a_copy_its_version_from_a_rollback_and_its_past_under_a_new_key() {
    let (fixture, more) = (fixture(), ["--nodes", "2", "--firmware", "bios"]);
    let older = fixture.older();
    let more = [&more[..], &["--site-image", text(&older)]].concat();
    let mut rack = Rack::up("spare", &fixture.image, &fixture.public_key, &more);
    rack.lab(&["cut", "LAB-2"]).expect_success();
    let spare = rack.wait_for_state("LAB-1", "spare");
    a_copied_disk_is_refused(&rack);
    an_older_image_needs_a_word(&mut rack);
    a_lost_state_is_a_new_node(&rack, spare["id"].as_str().unwrap());
}

/// The disk of LAB-1 as it is, in another machine.
fn a_copied_disk_is_refused(rack: &Rack) {
    let copy = rack.disk("LAB-2", 1);
    rack.lab(&["freeze", "LAB-1"]).expect_success();
    tool("cp", ["--sparse=always", "--reflink=auto", text(&rack.disk("LAB-1", 1)), text(&copy)]);
    rack.lab(&["thaw", "LAB-1"]).expect_success();
    // Looking for a key may bring the journal of state up to date.
    let but_state = || Blocks::without(&copy, partition(&copy, "state"));
    let before = but_state();
    rack.lab(&["power", "LAB-2", "on"]).expect_success();
    let refusal = "the site refuses this node: this key belongs to another machine";
    rack.wait_for_console("LAB-2", "refused", |console| console.contains(refusal));
    assert!(rack.events("key-misused").concat().contains("by a machine with other serials and disks"));
    assert!(rack.node("LAB-2").is_none(), "a copied key makes no node");
    let node = rack.wait_for("LAB-1", "shown as copied", |node| {
        attention(node).contains("another machine came with its key")
    });
    assert_eq!(node["state"], "spare", "the real one is not harmed: {node}");
    rack.lab(&["cut", "LAB-2"]).expect_success();
    assert_eq!(but_state(), before);
}

fn an_older_image_needs_a_word(rack: &mut Rack) {
    rack.change_site("image = \"mail\"", &format!("image = \"mail-{OLDER}\""));
    rack.approve("LAB-1", &["--again"]);
    rack.wait_for("LAB-1", "told what to do", |node| attention(node).contains("start it from the network"));
    rack.lab(&["cut", "LAB-1"]).expect_success();
    let disk = rack.disk("LAB-1", 1);
    let but_state = || Blocks::without(&disk, partition(&disk, "state"));
    let before = but_state();
    rack.lab(&["power", "LAB-1", "on"]).expect_success();
    let node = rack.wait_for_state("LAB-1", "failed");
    let reason = format!("mail {OLDER} is older than {VERSION}, which was trusted before");
    assert!(attention(&node).contains(&reason), "{node}");
    assert!(rack.console("LAB-1").contains(&reason) && rack.events("failed").concat().contains(&reason));
    assert_eq!(but_state(), before, "refused before the disk was touched");
    rack.approve("LAB-1", &["--allow-older"]);
    let node = rack.wait_for_state("LAB-1", "spare");
    assert_eq!(node["image"], format!("mail {OLDER}"), "{node}");
}

/// The same hardware, whose key is gone.
fn a_lost_state_is_a_new_node(rack: &Rack, old: &str) {
    rack.lab(&["cut", "LAB-1"]).expect_success();
    let disk = rack.disk("LAB-1", 1);
    let state = partition(&disk, "state");
    fs::open_update(&disk).unwrap().write_all_at(&vec![0; 64 << 20], state.start).unwrap();
    rack.approve("LAB-1", &["--again"]);
    rack.lab(&["power", "LAB-1", "on"]).expect_success();
    let new = rack.wait_for("LAB-1", "seen under a new key", |node| node["id"] != old);
    assert_eq!(new["state"], "discovered", "its serial is expected, and somebody else has it: {new}");
    let (new_id, code) = (new["id"].as_str().unwrap(), new["code"].as_str().unwrap());
    for (one, other) in [(new_id, old), (old, new_id)] {
        let node = rack.nodes().into_iter().find(|node| node["id"] == one).unwrap();
        assert!(attention(&node).contains(&format!("node {other} has the same serial LAB-1")), "{node}");
    }
    assert!(rack.events("same-machine").concat().contains(&format!("node {old} has the same serial")));
    let waiting = format!("waiting for approval, code {code}");
    rack.wait_for_console("LAB-1", "waiting", |console| console.contains(&waiting));
    rack.approve("LAB-1", &[]);
    let node = rack.wait_for_state("LAB-1", "spare");
    assert_eq!(node["id"], new_id, "the image was on its disk already, and now its new key is too: {node}");
}
