//! `packaging/understudy.service`, and what `serve` does about the limit of open files.

use crate::command::{run, text};
use crate::fixture::tree;
use crate::site::Site;
use understudy_core::base::fs;
use understudy_core::base::process::Process;

fn unit() -> String {
    fs::read_text(&tree().join("packaging/understudy.service")).unwrap()
}

#[test]
fn systemd_takes_the_unit_without_a_word() {
    if Process::new("systemd-analyze").args(["--version"]).output().is_err() {
        return eprintln!("NOT CHECKED: systemd-analyze is not installed");
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("understudy.service");
    // The program does not stand in /usr/bin here.
    let here = unit().replace("/usr/bin/understudy", env!("CARGO_BIN_EXE_understudy"));
    fs::write(&path, here.as_bytes()).unwrap();
    let verify =
        Process::new("systemd-analyze").args(["verify", "--recursive-errors=no", "--man=no", text(&path)]);
    let ended = run(verify).expect_success();
    assert_eq!(ended.stderr, "");
}

/// Catches a unit that lets the site have more than it needs to serve machines.
#[test]
fn the_unit_gives_two_capabilities_and_no_more() {
    for key in ["AmbientCapabilities", "CapabilityBoundingSet"] {
        let line = format!("\n{key}=CAP_NET_BIND_SERVICE CAP_NET_RAW\n");
        assert_eq!(unit().matches(&format!("\n{key}=")).count(), 1);
        assert!(unit().contains(&line), "{key}");
    }
}

#[test]
fn serve_raises_its_limit_of_open_files_and_says_when_that_is_not_enough() {
    let site = Site::new();
    let serve = |limit: &str| {
        let program = env!("CARGO_BIN_EXE_understudy");
        let script = format!("ulimit -{limit}; exec timeout -s TERM 3 {program} serve --site \"$1\"");
        run(Process::new("bash").args(["-c", &script, "bash", text(&site.path("site.toml"))]))
    };
    // timeout(1) says 124 when it had to end the program.
    let low = serve("n 256");
    assert_eq!(low.code, Some(124), "{low:#?}");
    let low = low.stderr;
    assert!(low.contains("warning: 256 open files are allowed, and this site can use "), "{low}");
    let raised = serve("Sn 256");
    assert_eq!(raised.code, Some(124), "{raised:#?}");
    let raised = raised.stderr;
    assert!(!raised.contains("open files"), "{raised}");
}
