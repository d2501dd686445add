//! A rack of machines: its cables, buttons and BMCs do what they say, and it leaves nothing behind.

mod own;
mod traces;

use crate::command::{run, text, tool, understudy};
use crate::peers::unpacked;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use own::{Lab, pid, wait_for};
use serde_json::{Value, json};
use std::path::Path;
use std::process::Stdio;
use traces::{is_alive, state};
use understudy_core::base::fs;
use understudy_core::base::process::Process;

#[test]
fn a_lab_that_is_brought_down_leaves_nothing() {
    let lab = Lab::up("3", "mixed");
    let (traces, folder) = (lab.traces(), lab.folder());
    traces.all_are_there();
    lab.run("down", &[]).expect_success();
    traces.none_is_left();
    assert!(!folder.exists());
    lab.run("status", &[])
        .expect_failure(1, &["not up", &format!("hint: understudy lab up --name {}", lab.name)]);
    lab.run("down", &[]).expect_failure(1, &["not up"]);
}

/// Catches the mutants that make the supervisor anything but process 1, or bind its sockets outside.
#[test]
fn a_lab_whose_supervisor_is_killed_leaves_nothing() {
    let lab = Lab::up("2", "bios");
    let beside = lab.beside(&lab.folder().join("beside.log"), &["sleep", "1000"]);
    // The supervisor, two machines, and now the command.
    let is_inside = || lab.traces().users_of_namespaces().len() > 3;
    wait_for("command inside", is_inside, String::new);
    let traces = lab.traces();
    traces.all_are_there();
    kill(Pid::from_raw(lab.supervisor()), Signal::SIGKILL).unwrap();
    // What runs inside by `lab exec` ends as well, and so does the command that waits for it.
    drop(beside);
    wait_for("end", || !traces.processes.iter().any(|pid| is_alive(*pid)), String::new);
    traces.none_is_left();
    lab.run("status", &[]).expect_failure(1, &["not up"]);
    let again = ["--firmware", "bios", "--memory", "256MiB", "--no-site"];
    lab.run("up", &again).expect_success();
    assert_eq!(lab.status()["nodes"].as_array().unwrap().len(), 1, "nothing of the dead one is in the way");
}

#[test]
fn a_lab_in_the_foreground_ends_with_its_command() {
    let lab = Lab { name: Lab::name() };
    for signal in [Signal::SIGINT, Signal::SIGKILL] {
        let up = understudy().args(["lab", "up", "--name", &lab.name, "--firmware", "bios", "--no-site"]);
        let up = up.args(["--memory", "256MiB", "--foreground"]).with(|command| {
            command.stderr(Stdio::null());
        });
        let running = up.spawn().unwrap();
        wait_for("lab", || lab.run("status", &[]).code == Some(0), String::new);
        let traces = lab.traces();
        kill(Pid::from_raw(running.child.id().cast_signed()), signal).unwrap();
        let ended = running.finish(b"");
        assert_eq!(ended.is_ok(), signal == Signal::SIGINT, "{ended:?}");
        wait_for("end", || !traces.processes.iter().any(|pid| is_alive(*pid)), String::new);
        traces.none_is_left();
    }
}

#[test]
fn two_labs_at_once_do_not_meet() {
    let (first, second) = (Lab::up("1", "bios"), Lab::up("1", "bios"));
    let (one, other) = (first.node(0), second.node(0));
    assert_eq!(one["mac"], other["mac"], "the same machine in two racks");
    assert_ne!(one["uuid"], other["uuid"]);
    for (lab, node) in [(&first, &one), (&second, &other)] {
        assert_eq!(lab.redfish(node, "Systems/1", &[]).1["UUID"], node["uuid"], "each has its own BMC");
    }
    first.run("up", &["--no-site"]).expect_failure(2, &["up already", "hint: understudy lab down"]);
    first.run("down", &[]).expect_success();
    assert_eq!(second.node(0)["power"], "on");
    assert_eq!(second.power_state(&other), "On");
}

#[test]
fn power_that_a_bmc_takes_is_gone_and_reads_back_as_off() {
    let lab = Lab::up("2", "bios");
    let node = lab.node(0);
    assert_eq!(lab.power_state(&node), "On");
    let qemu = pid(&node);
    assert_eq!(state(qemu).map(|_| ()), Some(()));
    assert_eq!(lab.reset(&node, "ForceOff"), "204");
    assert!(!is_alive(qemu), "off is off when it is answered");
    assert_eq!((lab.power_state(&node).as_str(), &lab.node(0)["power"]), ("Off", &"off".into()));
    assert_eq!(lab.reset(&node, "ForceRestart"), "409", "what is off stays off");
    assert_eq!(lab.reset(&node, "On"), "204");
    assert_eq!(lab.power_state(&node), "On");
    assert!(is_alive(pid(&lab.node(0))) && pid(&lab.node(0)) != qemu);
    assert_eq!(lab.reset(&node, "Melt"), "400");
    assert_eq!(lab.redfish(&node, "Systems/2", &[]).0, "404");
    assert_eq!(lab.redfish(&node, "Systems/1", &["-u", "understudy:wrong"]).0, "401");
    assert_eq!(lab.node(1)["power"], "on", "the other machine was left alone");
}

#[test]
fn a_machine_whose_power_is_cut_is_off_for_its_bmc_too() {
    let lab = Lab::up("1", "bios");
    let node = lab.node(0);
    lab.run("cut", &["LAB-1"]).expect_success();
    assert!(!is_alive(pid(&node)));
    assert_eq!(lab.power_state(&node), "Off");
    lab.run("power", &["LAB-1", "reset"]).expect_failure(1, &["LAB-1 is off"]);
    lab.run("power", &["lab-1", "on"]).expect_success();
    assert_eq!(lab.power_state(&node), "On");
    // A qemu that dies by itself is a machine without power as well.
    kill(Pid::from_raw(pid(&lab.node(0))), Signal::SIGKILL).unwrap();
    wait_for("machine that is off", || lab.node(0)["power"] == "off", String::new);
}

#[test]
fn a_bmc_fails_in_the_way_it_was_told_to() {
    let lab = Lab::up("1", "bios");
    let node = lab.node(0);
    let qemu = pid(&node);
    for (mode, state, answer) in
        [("accepts-but-stays-on", "On", "204"), ("says-off", "Off", "204"), ("foreign-uuid", "Off", "204")]
    {
        lab.run("bmc", &["1", mode]).expect_success();
        assert_eq!(lab.reset(&node, "ForceOff"), answer, "{mode}");
        assert_eq!(lab.power_state(&node), state, "{mode}");
        assert!(is_alive(qemu), "{mode}");
    }
    assert_ne!(lab.redfish(&node, "Systems/1", &[]).1["UUID"], node["uuid"]);
    for mode in ["hangs", "dead"] {
        lab.run("bmc", &["1", mode]).expect_success();
        assert_eq!(lab.redfish(&node, "", &["-m", "1"]).0, "000", "{mode}");
    }
    lab.run("bmc", &["1", "honest"]).expect_success();
    assert_eq!(lab.power_state(&node), "On");
    lab.run("bmc", &["1", "sulks"]).expect_failure(2, &["`sulks` is not a behaviour"]);
}

#[test]
fn one_machine_can_be_unlike_the_others_and_its_disk_can_fail() {
    let lab = Lab { name: Lab::name() };
    let up = ["--nodes", "2", "--firmware", "bios", "--memory", "256MiB", "--no-site", "--machine"];
    let with = |special| lab.run("up", &[&up[..], &[special]].concat());
    with("LAB-2:wings=2").expect_failure(2, &["a machine has no `wings`"]);
    with("LAB-9:disks=1GiB").expect_failure(2, &["there is no LAB-9 in this lab", "hint: more machines"]);
    with("LAB-2:disks=1GiB+2GiB,mac=52:54:00:77:00:01,clock=2040-01-01").expect_success();
    let (one, other) = (lab.node(0), lab.node(1));
    assert_eq!((&one["mac"], one["disks"].as_array().unwrap().len()), (&other["mac"], 1));
    let disk = |serial: &str, gibibytes: u64, fails: Value| json!({ "serial": serial, "bytes": gibibytes << 30, "fails_writes_at": fails });
    let (first, second) = (disk("LAB-DISK-2", 1, Value::Null), disk("LAB-DISK-2-2", 2, Value::Null));
    assert_eq!(other["disks"], json!([first, second]));

    let fail = |arguments: &[&str]| lab.run("disk", &[&["2", "--fail-writes-at"], arguments].concat());
    fail(&["1GiB"]).expect_failure(1, &["disk 1 of LAB-2 ends at 1.0 GiB"]);
    fail(&["1MiB", "--disk", "3"]).expect_failure(1, &["LAB-2 has no disk 3; it has 2"]);
    fail(&["1MiB", "--disk", "2"]).expect_success();
    assert_eq!(lab.node(1)["disks"], json!([first, disk("LAB-DISK-2-2", 2, json!(1 << 20))]));
    lab.run("power", &["2", "reset"]).expect_success();
    lab.run("disk", &["2"]).expect_success();
    assert_eq!(lab.node(1)["disks"], json!([first, second]));
    lab.run("line", &["2", "--flip", "3"]).expect_success();
    assert_eq!(lab.node(1)["line"]["to_node"]["flips"], 3);
}

#[test]
fn a_wish_for_the_disk_holds_once() {
    let lab = Lab::up("1", "bios");
    let node = lab.node(0);
    let disk = r#"{"Boot": {"BootSourceOverrideEnabled": "Once", "BootSourceOverrideTarget": "Hdd"}}"#;
    assert_eq!(lab.redfish(&node, "Systems/1", &["-X", "PATCH", "-d", disk]).0, "204");
    let boot = |key: &str| lab.redfish(&node, "Systems/1", &[]).1["Boot"][key].as_str().unwrap().to_owned();
    assert_eq!(boot("BootSourceOverrideTarget"), "Hdd");
    assert_eq!(lab.reset(&node, "ForceRestart"), "204");
    assert_eq!(boot("BootSourceOverrideEnabled"), "Disabled", "it has been used");
    lab.wait_for_console("1", "Booting from Hard Disk");
    let before = lab.console("1").len();
    assert_eq!(lab.reset(&node, "ForceRestart"), "204");
    wait_for(
        "network boot",
        || lab.console("1")[before..].contains("iPXE initialising"),
        || lab.console("1"),
    );
    assert!(!lab.console("1")[before..].contains("Hard Disk"), "{}", lab.console("1"));
}

#[test]
fn a_frozen_machine_stands_still_and_can_lose_its_power() {
    let lab = Lab::up("1", "bios");
    let qemu = pid(&lab.node(0));
    lab.run("freeze", &["1"]).expect_success();
    assert_eq!((state(qemu), &lab.node(0)["frozen"]), (Some('T'), &true.into()));
    assert_eq!(lab.node(0)["power"], "on");
    lab.run("power", &["1", "off"]).expect_failure(1, &["LAB-1 is frozen"]);
    lab.run("unplug", &["1"]).expect_success();
    lab.run("thaw", &["1"]).expect_success();
    assert_ne!(state(qemu), Some('T'));
    lab.run("freeze", &["1"]).expect_success();
    lab.run("cut", &["1"]).expect_success();
    assert!(!is_alive(qemu));
    lab.run("thaw", &["1"]).expect_failure(1, &["LAB-1 is off"]);
}

/// Real firmware, a real server, and our switch between them.
#[test]
fn firmware_gets_its_address_and_its_boot_file_through_the_switch_until_it_is_unplugged() {
    let dnsmasq = unpacked("dnsmasq-base").join("usr/sbin/dnsmasq");
    let lab = Lab::up("1", "bios");
    let files = tempfile::tempdir().unwrap();
    tool("chmod", ["755", text(files.path())]);
    fs::write(&files.path().join("hello.ipxe"), b"#!ipxe\necho hello from the rack\nsleep 1000\n").unwrap();
    let log = files.path().join("log");
    let root = format!("--tftp-root={}", files.path().display());
    let server = ["--no-daemon", "--conf-file=/dev/null", "--user=root", "--port=0", "--interface=rack0"];
    let leases = ["--bind-interfaces", "--dhcp-range=10.77.0.100,10.77.0.199", "--dhcp-broadcast"];
    let boot = ["--dhcp-boot=hello.ipxe", "--enable-tftp", &root, "--leasefile-ro"];
    let _server = lab.beside(&log, &[&[text(&dnsmasq)], server.as_slice(), &leases, &boot].concat());
    lab.wait_for_console("1", "hello from the rack");
    let console = lab.console("1");
    assert!(console.contains("net0: 10.77.0.") && console.contains("gw 10.77.0.1"), "{console}");

    lab.run("unplug", &["1"]).expect_success();
    let frames = |key: &str| lab.node(0)["frames"][key].as_u64().unwrap();
    let before = (frames("from_node"), frames("to_node"));
    lab.run("power", &["1", "reset"]).expect_success();
    lab.wait_for_console("1", "No configuration methods");
    // The broadcast would reach every machine that is plugged in.
    let ping = ["--", "ping", "-b", "-c", "2", "-i", "0.2", "10.77.0.255"];
    lab.run("exec", &ping);
    assert_eq!((frames("from_node"), frames("to_node")), before, "nothing passes a cable that is out");
    lab.run("plug", &["1"]).expect_success();
    lab.run("power", &["1", "reset"]).expect_success();
    wait_for("frame", || frames("from_node") > before.0, || lab.console("1"));
}

#[test]
fn a_site_that_ends_at_once_is_told_with_its_words() {
    let folder = tempfile::tempdir().unwrap();
    let manifest = serde_json::json!({
        "format": 1, "name": "mail", "version": "0.1.0", "architecture": "x86_64",
        "expires": "2100-01-01T00:00:00Z", "key_id": "0", "root_hash": "0".repeat(64),
        "command_line": "", "roles": {}, "artifacts": [],
    });
    fs::write(&folder.path().join("manifest.json"), manifest.to_string().as_bytes()).unwrap();
    let key = folder.path().join("key.pub");
    fs::write(&key, b"this is no key").unwrap();
    let lab = Lab { name: Lab::name() };
    let options = ["--site-image", text(folder.path()), "--key", text(&key)];
    let ended = lab.run("up", &options);
    ended.expect_failure(1, &["the site ended before it served", "serve.log is:", "error: ", "hint: mend"]);
    lab.run("status", &[]).expect_failure(1, &["not up"]);
    assert!(!fs::read_text(Path::new("/proc/self/mountinfo")).unwrap().contains(&lab.name));
}

/// Root can do without a user namespace; everybody else must be able to do with one.
#[test]
fn a_user_without_privileges_has_a_lab_too() {
    if !nix::unistd::geteuid().is_root() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let program = folder.path().join("understudy");
    fs::copy(Path::new(env!("CARGO_BIN_EXE_understudy")), &program).unwrap();
    tool("chmod", ["755", text(folder.path()), text(&program)]);
    let name = Lab::name();
    let lab = |verb: &str, arguments: &[&str]| {
        let user = ["--reuid=65533", "--regid=65533", "--clear-groups", text(&program), "lab", verb];
        run(Process::new("setpriv").args(user).args(["--name", &name]).args(arguments))
    };
    lab("up", &["--no-site", "--memory", "256MiB", "--firmware", "uefi"]).expect_success();
    let status: Value = serde_json::from_str(&lab("status", &["--json"]).expect_success().stdout).unwrap();
    let qemu = pid(&status["nodes"][0]);
    assert!(is_alive(qemu));
    let address = lab("exec", &["--", "ip", "-o", "-4", "address", "show", "rack0"]).expect_success();
    assert!(address.stdout.contains("10.77.0.1/24"), "{address:?}");
    lab("down", &[]).expect_success();
    assert!(!is_alive(qemu));
}
