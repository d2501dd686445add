//! Machines that are not who they say: twins by UUID or by card, and strangers in the network of the site.

use crate::blocks::Blocks;
use crate::command::{text, tool};
use crate::fixture::fixture;
use crate::rack::{Rack, attention};
use serde_json::Value;
use std::path::Path;
use tempfile::TempDir;

const UUID: &str = "12345678-1234-4234-8234-123456789abc";
const CARD: &str = "52:54:00:77:00:03";
const SITE: &str = "10.77.0.1";

/// Two machines with one UUID, two with one card, all at once, and a stranger in the same network. Catches the mutants
/// that know a machine by its UUID or its card, and that serve the operator's API where nodes are served.
#[test]
fn of_twins_only_the_one_that_was_meant_is_installed_and_a_stranger_gets_nothing() {
    let fixture = fixture();
    let twins = [&format!("LAB-1:uuid={UUID}"), &format!("LAB-2:uuid={UUID}"), &format!("LAB-4:mac={CARD}")];
    let twins = twins.map(|machine| ["--machine", machine.as_str()]).concat();
    let more = [&["--nodes", "4", "--firmware", "bios", "--approval", "ask"], twins.as_slice()].concat();
    let rack = Rack::up("twins", &fixture.image, &fixture.public_key, &more);
    strangers_get_nothing(&rack);

    for (serial, twin) in [("LAB-1", "LAB-2"), ("LAB-2", "LAB-1")] {
        let node = rack.wait_for(serial, "seen as a twin", |node| attention(node).contains("the same UUID"));
        let twin = rack.wait_for_state(twin, "discovered");
        let same = format!("node {} has the same UUID {UUID}", twin["id"].as_str().unwrap());
        assert!(attention(&node).contains(&same) && node["code"] != twin["code"], "{node} {twin}");
    }
    assert!(rack.events("same-machine").concat().contains(&format!("has the same UUID {UUID}")));
    rack.approve("LAB-1", &[]);
    rack.wait_for_console("LAB-1", "installed", |console| console.contains("is on the disk"));
    rack.lab(&["cut", "LAB-1"]).expect_success();
    assert_eq!(rack.node("LAB-2").unwrap()["state"], "discovered");
    rack.lab(&["cut", "LAB-2"]).expect_success();

    // Who of these two comes through is a matter of luck; that they are two is told in any case.
    let clash = format!("two machines ask with card {CARD}");
    assert!(rack.events("same-machine").concat().contains(&clash), "{:?}", rack.events("same-machine"));
    rack.lab(&["unplug", "LAB-4"]).expect_success();
    if rack.node("LAB-3").is_none() {
        rack.lab(&["power", "LAB-3", "reset"]).expect_success();
    }
    rack.approve("LAB-3", &[]);
    rack.wait_for_console("LAB-3", "installed", |console| console.contains("is on the disk"));
    for serial in ["LAB-2", "LAB-4"] {
        assert!(Blocks::of(&rack.disk(serial, 1)).is_empty(), "nobody said yes to {serial}");
    }
}

/// A key that nobody approved, at every door of the site.
fn strangers_get_nothing(rack: &Rack) {
    let folder = stranger();
    let file = |name: &str| folder.path().join(name);
    let (key, certificate) = (file("key.pem"), file("certificate.pem"));
    let curl = |arguments: &[&str]| {
        let base =
            ["curl", "--silent", "--insecure", "--max-time", "10", "-o", "/dev/null", "-w", "%{http_code}"];
        rack.inside(&[&base[..], arguments].concat())
    };
    let with_key = ["--cert", text(&certificate), "--key", text(&key)];
    let socket = rack.folder.join("state/operator.sock");
    let description = tool("curl", ["-s", "--unix-socket", text(&socket), "http://site/v1/openapi.json"]);
    let description: Value = serde_json::from_str(&description).unwrap();
    let routes = description["paths"].as_object().unwrap();
    assert!(routes.len() >= 7, "{description:#}");
    for (path, methods) in routes {
        let path = path.replace("{id}", "0123456789abcdef");
        for method in methods.as_object().unwrap().keys() {
            let method = ["-X", &method.to_ascii_uppercase()];
            let node_api = format!("https://{SITE}:8443{path}");
            let ended = curl(&[&with_key[..], &method, &[&node_api]].concat());
            assert_eq!(ended.stdout, "404", "{method:?} {node_api}");
            let http = format!("http://{SITE}{path}");
            let ended = curl(&[&method[..], &[&http]].concat());
            assert!(["404", "405"].contains(&ended.stdout.as_str()), "{method:?} {http}: {ended:?}");
        }
    }
    let enrol = format!("https://{SITE}:8443/v1/enrol");
    assert_eq!(curl(&["-d", "{}", &enrol]).stdout, "000", "without a key there is no conversation");
    let garbage = curl(&[&with_key[..], &["-d", "{}", &enrol]].concat());
    assert_eq!(garbage.stdout, "400", "the door is the right one");
    for name in
        ["/site.toml", "/state/ca.pem", "/images/../state/ca.pem", "/images/mail-0.1.0/../../site.toml"]
    {
        assert_eq!(curl(&["--path-as-is", &format!("http://{SITE}{name}")]).stdout, "404", "{name}");
    }
    files_by_tftp(rack, folder.path());
}

fn files_by_tftp(rack: &Rack, folder: &Path) {
    let got = folder.join("got");
    let fetch = |name: &str| rack.inside(&["busybox", "tftp", "-g", "-r", name, "-l", text(&got), SITE]);
    assert_eq!(fetch("undionly.kpxe").code, Some(0), "the door is the right one");
    for name in ["site.toml", "state/ca.pem", "../state/ca.pem", "/etc/passwd", "state/ledger.db"] {
        assert_ne!(fetch(name).code, Some(0), "{name}");
    }
}

fn stranger() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let (key, certificate) = (folder.path().join("key.pem"), folder.path().join("certificate.pem"));
    let make = ["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"];
    let what = ["-subj", "/CN=stranger", "-keyout", text(&key), "-out", text(&certificate)];
    tool("openssl", [&make[..], &what].concat());
    folder
}
