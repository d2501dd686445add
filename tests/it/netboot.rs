//! From an empty disk to a spare, with real firmware; and the bad days on that way.

use crate::fixture::{Fixture, fixture, tree};
use crate::rack::{Rack, attention, wait_for_end};
use nix::sys::signal::{Signal, kill};
use serde_json::{Value, json};
use std::os::unix::fs::FileExt;
use std::path::PathBuf;
use std::time::Duration;
use tempfile::TempDir;
use understudy_core::base::fs;
use understudy_image::signing::SigningKey;

const SPARE: &str = "the site counts this node as a spare";

fn rack(name: &str, more: &[&str]) -> Rack {
    let fixture = fixture();
    Rack::up(name, &fixture.image, &fixture.public_key, more)
}

/// One machine of each kind at once: BIOS PXE, UEFI PXE, UEFI HTTP boot. Afterwards each boots its own disk with
/// nobody there to ask.
#[test]
fn machines_of_every_firmware_go_from_an_empty_disk_to_a_spare() {
    let rack = rack("kinds", &["--nodes", "3", "--firmware", "mixed"]);
    let serials = ["LAB-1", "LAB-2", "LAB-3"];
    for serial in serials {
        let node = rack.wait_for_state(serial, "spare");
        assert_eq!(node["image"], "mail 0.1.0", "{node}");
        assert_eq!(node["approved_by"], "serial list", "{node}");
        assert_eq!(node["is_boot_unverified"], true, "{node}");
        let console = rack.console(serial);
        assert!(console.contains(SPARE), "{console}");
        let code = node["code"].as_str().unwrap();
        assert!(console.contains(&format!("code {code}")), "console and site show one code: {console}");
    }
    let status = rack.status();
    let loaders: Vec<_> = status["nodes"].as_array().unwrap().iter().map(|node| &node["firmware"]).collect();
    assert_eq!(loaders, ["bios", "uefi", "http"]);

    kill(rack.site_pid(), Signal::SIGTERM).unwrap();
    for serial in serials {
        rack.lab(&["power", serial, "reset"]).expect_success();
    }
    for serial in serials {
        // Once after the installation, once more now.
        rack.wait_for_console(serial, "with its site away", |console| {
            console.matches("up as node ").count() == 2
        });
    }
}

/// Catches the mutants that install before an approval, and that write over data that nobody gave up.
#[test]
fn a_node_waits_for_its_approval_and_data_of_others_for_an_operators_word() {
    let rack = rack("asks", &["--firmware", "bios", "--approval", "ask"]);
    let disk = fs::open_update(&rack.folder.join("LAB-1/disk.raw")).unwrap();
    // An ext4 file system's magic number (kernel: filesystems/ext4/globals), and something worth keeping.
    let (magic, precious) = ([0x53, 0xef], b"somebody's mail".repeat(50));
    disk.write_all_at(&magic, 0x438).unwrap();
    disk.write_all_at(&precious, 1 << 30).unwrap();
    let kept = || {
        let mut found = vec![0; precious.len()];
        disk.read_exact_at(&mut found, 1 << 30).unwrap();
        found == precious
    };
    let node = rack.wait_for_state("LAB-1", "discovered");
    assert_eq!(node["disks"][0]["content"], "an ext4 file system", "{node}");
    rack.wait_for_console("LAB-1", "waiting", |console| console.contains("approv"));
    let code = node["code"].as_str().unwrap();

    rack.site(&["approve", code]).expect_success();
    let node = rack.wait_for("LAB-1", "blocked by the data", |node| !attention(node).is_empty());
    assert!(
        attention(&node).contains("holds an ext4 file system; to overwrite it: understudy approve"),
        "{node}"
    );
    assert_eq!(node["state"], "approved", "{node}");
    assert!(kept(), "an approval alone touches nothing");

    rack.site(&["approve", code, "--wipe"]).expect_success();
    rack.wait_for_state("LAB-1", "spare");
    assert!(!kept(), "the image's place was cleared");
}

/// A network that is lost and a site that is killed, both in the middle of an installation.
#[test]
fn n26_an_installation_outlives_a_lost_network_and_a_killed_site() {
    let rack = rack("cut", &["--firmware", "bios"]);
    // Slow enough that there is a middle.
    rack.lab(&["line", "LAB-1", "--delay", "60"]).expect_success();
    let percent = |node: &Value| {
        let progress = &node["progress"];
        progress["bytes"].as_u64().unwrap_or(0) * 100 / progress["total_bytes"].as_u64().unwrap_or(1)
    };
    let before = rack.wait_for("LAB-1", "at 10 %", |node| percent(node) >= 10);
    rack.lab(&["unplug", "LAB-1"]).expect_success();
    std::thread::sleep(Duration::from_secs(8));
    rack.lab(&["plug", "LAB-1"]).expect_success();
    rack.wait_for("LAB-1", "further", |node| percent(node) >= percent(&before) + 15);
    let pid = rack.site_pid();
    kill(pid, Signal::SIGKILL).unwrap();
    wait_for_end(pid);
    let _again = rack.serve_again();
    rack.wait_for_console("LAB-1", "installed", |console| console.contains("is on the disk"));
    rack.lab(&["line", "LAB-1"]).expect_success();
    let node = rack.wait_for_state("LAB-1", "spare");
    assert_eq!(node["attempts"], 1, "both were survived within one attempt: {node}");
}

/// The site's shelf takes the image, but this node trusts another key: it refuses before its disk is touched.
#[test]
fn an_image_signed_with_a_key_that_the_node_does_not_trust_never_reaches_its_disk() {
    let fixture = fixture();
    let (image, key, _folder) = signed_by_somebody_else(&fixture);
    let rack = Rack::up("forged", &image, &key, &["--firmware", "bios"]);
    let node = rack.wait_for_state("LAB-1", "failed");
    assert!(attention(&node).contains("which is not trusted"), "{node}");
    let console = rack.console("LAB-1");
    assert!(console.contains("the installation failed: the image is refused"), "{console}");
    let disk = fs::open(&rack.folder.join("LAB-1/disk.raw")).unwrap();
    let mut beginning = vec![0; 4 << 20];
    disk.read_exact_at(&mut beginning, 0).unwrap();
    assert!(beginning.iter().all(|byte| *byte == 0), "the disk is as empty as it was");
}

/// The shared image's files with a manifest that another key signed.
fn signed_by_somebody_else(fixture: &Fixture) -> (PathBuf, PathBuf, TempDir) {
    let folder = tempfile::tempdir_in(tree().join("target/test")).unwrap();
    let key_path = folder.path().join("other.key");
    let key = SigningKey::create(&key_path, None).unwrap();
    let image = folder.path().join("image");
    fs::create_dir_all(&image).unwrap();
    for path in fs::list(&fixture.image).unwrap() {
        std::fs::hard_link(&path, image.join(path.file_name().unwrap())).unwrap();
    }
    let manifest = image.join("manifest.json");
    let mut content: Value = serde_json::from_slice(&fs::read(&manifest).unwrap()).unwrap();
    content["key_id"] = json!(key.id().to_string());
    let content = serde_json::to_vec(&content).unwrap();
    // The names are replaced, not the files behind them, which the shared image still has.
    for (name, content) in [
        ("manifest.json", &content[..]),
        ("manifest.json.minisig", key.sign(&content, "other").unwrap().as_bytes()),
    ] {
        fs::write_atomic(&image.join(name), content).unwrap();
    }
    (image, folder.path().join("other.key.pub"), folder)
}
