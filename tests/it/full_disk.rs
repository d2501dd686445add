//! A site whose disk is full: nothing is half done, what was promised is kept, and with room everything ends well.

use crate::command::{run, text};
use crate::inside::inside;
use crate::network::{Given, cable, udhcpc};
use crate::site::Site;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::json;
use std::io::Write;
use understudy_core::base::fs;
use understudy_core::base::process::{Process, Running};

const NETWORKS: &str = "[[networks]]\ninterface = \"rack0\"\naddress = \"10.77.0.1/24\"\ndhcp = \"own\"\n\
                        pool = \"10.77.0.100-10.77.0.109\"\n";

/// A site with a rack of two machines, and a small disk for its state.
fn site() -> Site {
    cable("old", "52:54:00:00:00:11", "port-old", None);
    cable("new", "52:54:00:00:00:12", "port-new", None);
    crate::network::ip("link add rack0 type bridge forward_delay 0");
    crate::network::ip("address add 10.77.0.1/24 dev rack0");
    for port in ["port-old", "port-new", "rack0"] {
        crate::network::ip(&format!("link set {port} up"));
    }
    for port in ["port-old", "port-new"] {
        crate::network::ip(&format!("link set {port} master rack0"));
    }
    let site = Site::with_networks("10.77.0.1", NETWORKS);
    let state = site.path("state");
    fs::create_dir_all(&state).unwrap();
    run(Process::new("mount").args(["-t", "tmpfs", "-o", "size=4M", "tmpfs", text(&state)])).expect_success();
    site
}

/// Leaves no byte on the state's disk.
fn fill(site: &Site) {
    let mut file = std::fs::File::create(site.path("state/filler")).unwrap();
    while file.write_all(&[0; 4096]).is_ok() {}
}

fn make_room(site: &Site) {
    fs::remove_file(&site.path("state/filler")).unwrap();
}

fn end(running: &mut Running) {
    let pid = Pid::from_raw(running.child.id().try_into().unwrap());
    kill(pid, Signal::SIGTERM).unwrap();
    assert_eq!(running.child.wait().unwrap().code(), Some(0));
}

/// Catches: a lease that is granted without being saved, a grant of a known one that is not given any more, a
/// change that is answered with yes and not stored, a site that ends or does not start.
#[test]
fn a_full_disk_stops_changes_and_nothing_else() {
    inside("full_disk::a_full_disk_stops_changes_and_nothing_else", || {
        let (site, place) = (site(), tempfile::tempdir().unwrap());
        let mut running = site.serve();
        let address = |host: &str| udhcpc(host, place.path());
        let first = Given::new("10.77.0.100", 3600, "10.77.0.1");
        assert_eq!(address("old").as_ref(), Some(&first));
        site.hello("b1", json!({ "kind": "network" }));
        let id = site.node()["id"].as_str().unwrap().to_owned();

        fill(&site);
        full(&site, &id, &address);
        assert!(running.child.try_wait().unwrap().is_none(), "the site goes on");
        // It starts with a full disk as well, and ended in order on one.
        end(&mut running);
        let mut running = site.serve();
        full(&site, &id, &address);
        assert!(running.child.try_wait().unwrap().is_none(), "the site goes on");

        make_room(&site);
        site.verb("approve", &[&id]).expect_success();
        assert_eq!(site.report("b1", json!({ "kind": "waiting" }))["action"]["kind"], "install");
        assert_eq!(address("new").unwrap().address, "10.77.0.101");
        assert_eq!(address("old"), Some(first));
        end(&mut running);
        let _running = site.serve();
        let events = site.verb("events", &[]).expect_success().stdout;
        assert_eq!(events.matches("approved by an operator").count(), 1, "{events}");
    });
}

/// What holds while the disk is full.
fn full(site: &Site, id: &str, address: &dyn Fn(&str) -> Option<Given>) {
    let told = "the disk of the site's state folder is full, so nothing was changed; make room there";
    site.verb("approve", &[id]).expect_failure(1, &[told, "hint: "]);
    site.verb("retire", &[id]).expect_failure(1, &[told]);
    assert_eq!(site.node()["state"], "discovered", "nothing half done");
    let refused = site.hello("b2", json!({ "kind": "network" }));
    assert_eq!(refused["error"], "the site cannot store anything now");
    assert_eq!(
        site.report("b1", json!({ "kind": "waiting" }))["action"]["kind"],
        "wait",
        "what it knows, it says"
    );
    assert_eq!(address("new"), None, "an address that could not be kept in mind");
    let known = address("old").expect("a known lease is granted");
    assert_eq!(known.address, "10.77.0.100");
    assert!((60..3600).contains(&known.lease_s), "{known:?}: until its end, and no longer");
}

#[test]
fn a_first_start_on_a_full_disk_says_what_to_do() {
    inside("full_disk::a_first_start_on_a_full_disk_says_what_to_do", || {
        let site = site();
        fill(&site);
        let refused = site.verb("serve", &[]);
        refused.expect_failure(1, &["hint: make room on the disk of the `state` folder"]);
        make_room(&site);
        let _running = site.serve();
        site.verb("nodes", &["--json"]).expect_success();
    });
}
