//! An identity with data, on real machines: its volume is made, found again after a power cut, and never left behind.

use crate::command::{text, tool};
use crate::dns_rack::DnsRack;
use crate::fixture::{checkout, edit, fixture, tree};
use crate::rack::attention;
use tempfile::TempDir;

const VOLUME: &str = "/var/lib/understudy/volume";
/// Behind the seven of an image.
const VOLUME_PARTITION: &str = "8";
const UNIT: &str = "services/unbound/unbound.service";
const CONFIGURED: &str = "ConditionPathExists=/run/understudy/unbound/unbound.conf";
const WRITABLE: &str = "ReadWritePaths=/var/lib/unbound /run";

const STORE: &str = r#"
[rack]
allowance = 20
[[clusters]]
name = "store"
role = "dns"
[clusters.settings]
networks = ["10.77.0.0/24"]
local_data = ['hello.demo. 5 IN TXT "there is a spare"']
[[clusters.identities]]
name = "store-1"
address = "10.77.0.21"
"#;

/// The shared image, but its role keeps data: its service starts only where its volume is, and writes to it from within
/// `ProtectSystem=strict`.
fn image_with_volume() -> TempDir {
    let checkout = checkout();
    let edit = |file, from: &str, to: &str| edit(checkout.path(), file, from, to);
    edit("images/mail/image.toml", "exclusivity = \"soft\"", "exclusivity = \"strict\"\nvolume = true");
    edit(UNIT, CONFIGURED, &format!("{CONFIGURED}\nAssertPathIsMountPoint={VOLUME}"));
    edit(UNIT, WRITABLE, &format!("{WRITABLE} {VOLUME}\nExecStartPre=/usr/bin/touch {VOLUME}/started"));
    let head = "# Rendered by understudy-node";
    edit("templates/unbound/unbound.conf.tera", head, &format!("# Data: {{{{ volume }}}}\n{head}"));
    let folder = tempfile::tempdir_in(tree().join("target/test")).unwrap();
    fixture().build(checkout.path(), &folder.path().join("image")).expect_success();
    folder
}

/// Its holder loses its power: the spares have nothing of its data and do not get it, whatever an operator says, and nobody is
/// fenced. When the power is back, the same machine serves it from the same data, at the next epoch, without a person. Catches
/// the mutants that take any spare, and that make a new volume where one is.
#[test]
fn an_identity_with_data_waits_for_its_machine_and_finds_its_data_again() {
    let (folder, key) = (image_with_volume(), fixture().public_key);
    let image = folder.path().join("image");
    let rack = DnsRack::with_image("volumes", &image, &key, STORE, &["--nodes", "3", "--firmware", "bios"]);
    let holder = rack.wait_for_holder("store-1", 0);
    let born = format!("born-{}", holder.epoch);
    assert_is_mounted(&rack, &holder.serial, &born);
    let write = format!("echo precious >{VOLUME}/mail; sync {VOLUME}/mail");
    rack.ssh(&holder.serial, &[&write]).expect_success();
    let rendered =
        rack.ssh(&holder.serial, &["cat", "/run/understudy/unbound/unbound.conf"]).expect_success();
    assert!(rendered.stdout.contains(&format!("# Data: {VOLUME}\n")), "{}", rendered.stdout);

    rack.lab(&["cut", &holder.serial]).expect_success();
    let waiting = rack.wait_for_identity("store-1", "waiting for its machine", |identity| {
        attention(identity).contains("its volume is on node")
    });
    assert_eq!(
        (waiting["serial"].as_str(), waiting["epoch"].as_u64()),
        (Some(&*holder.serial), Some(holder.epoch))
    );
    for force in [&[][..], &["--force"]] {
        let replace = [&["replace", "store-1", "--reason", "it is silent"], force].concat();
        rack.site(&replace).expect_failure(1, &["its volume is on node"]);
    }
    rack.site(&["retire", &holder.serial])
        .expect_failure(1, &["the only copy of the volume of identity store-1"]);
    for kind in ["takeover-begun", "fenced"] {
        assert!(!rack.kinds_of("store-1").iter().any(|each| each == kind), "{kind}");
    }
    for spare in rack.serials().iter().filter(|serial| **serial != holder.serial) {
        let partitions = rack.ssh(spare, &["cat", "/proc/partitions"]).expect_success().stdout;
        assert!(!partitions.contains(&format!("vda{VOLUME_PARTITION}")), "{spare}: {partitions}");
    }

    rack.lab(&["power", &holder.serial, "on"]).expect_success();
    let again = rack.wait_for_holder("store-1", holder.epoch);
    assert_eq!((&again.serial, again.epoch), (&holder.serial, holder.epoch + 1));
    assert_is_mounted(&rack, &holder.serial, &born);
    let found = rack.ssh(&holder.serial, &["cat", &format!("{VOLUME}/mail")]).expect_success().stdout;
    assert_eq!(found, "precious\n");
    rack.assert_proven_before_it_moved("store-1", &["it has started again"]);

    data_that_is_gone_is_an_error_and_nothing_is_made(&rack, &holder.serial, again.epoch);
}

/// The partition is taken from the table while the machine is off, as a hand that errs would. Catches the mutant that makes an
/// empty volume in the place of a lost one.
fn data_that_is_gone_is_an_error_and_nothing_is_made(rack: &DnsRack, serial: &str, epoch: u64) {
    rack.lab(&["cut", serial]).expect_success();
    tool("sfdisk", ["--quiet", "--delete", text(&rack.disk(serial, 1)), VOLUME_PARTITION]);
    rack.lab(&["power", serial, "on"]).expect_success();
    // So soon after the last time a person has to look first.
    rack.wait_for_identity("store-1", "waiting for a word", |identity| {
        attention(identity).contains("understudy acknowledge store-1")
    });
    rack.site(&["acknowledge", "store-1"]).expect_success();
    rack.wait_for_console(serial, "without its data", |console| {
        console.contains("an empty one is not made in its place")
    });
    let identity = rack.wait_for_identity("store-1", "given to it once more", |identity| {
        identity["epoch"].as_u64() == Some(epoch + 1)
    });
    assert_ne!(identity["state"], "held", "{identity}");
    let mounts = rack.ssh(serial, &["cat", "/proc/mounts"]).expect_success().stdout;
    assert!(!mounts.contains(VOLUME), "{mounts}");
}

fn assert_is_mounted(rack: &DnsRack, serial: &str, label: &str) {
    let look = ["findmnt", "--noheadings", "--raw", "--output", "FSTYPE,OPTIONS", VOLUME];
    let found = rack.ssh(serial, &look).expect_success().stdout;
    for word in ["ext4", "nosuid", "nodev", "noexec"] {
        assert!(found.contains(word), "{word}: {found}");
    }
    let device = format!("/dev/vda{VOLUME_PARTITION}");
    assert_eq!(rack.ssh(serial, &["e2label", &device]).expect_success().stdout.trim(), label);
    rack.ssh(serial, &["test", "-e", &format!("{VOLUME}/started")]).expect_success();
}
