//! Labs that begin where another one ended: `understudy lab down --keep`, then `understudy lab up --from`.

use crate::command::{run_understudy, text};
use crate::rack::LIMIT;
use serde_json::Value;
use std::os::unix::fs::FileExt;
use std::path::PathBuf;
use std::time::{Duration, Instant};
use understudy_core::base::fs;

/// Somewhere in the middle of a disk.
const PLACE: u64 = 4 << 30;
const LOOK: Duration = Duration::from_millis(200);
const MARK: &[u8] = b"what the first one left";

/// Catches the mutants that give the second lab empty disks or other machines, and that write to the first one's.
#[test]
fn a_lab_begins_with_what_another_one_left_and_changes_nothing_of_it() {
    let (first, second) = (Lab::named("origin-1"), Lab::named("origin-2"));
    let up = first.up(&["--no-site", "--nodes", "2", "--firmware", "mixed"]);
    let folder: PathBuf = up["folder"].as_str().unwrap().into();
    second.refused(&["--from", text(&folder)], 2, &["is up", "hint: understudy lab down --keep"]);
    first.verb("down", &["--keep"]);
    let disk = fs::open_update(&folder.join("LAB-2/disk.raw")).unwrap();
    disk.write_all_at(MARK, PLACE).unwrap();

    let again = second.up(&["--from", text(&folder)]);
    for property in ["uuid", "mac", "firmware"] {
        for machine in 0..2 {
            assert_eq!(again["nodes"][machine][property], up["nodes"][machine][property], "{property}");
        }
    }
    let copy = PathBuf::from(again["folder"].as_str().unwrap()).join("LAB-2/disk.raw");
    let mut found = vec![0; MARK.len()];
    let copied = fs::open_update(&copy).unwrap();
    copied.read_exact_at(&mut found, PLACE).unwrap();
    assert_eq!(found, MARK);
    copied.write_all_at(b"and what the second one did", PLACE).unwrap();
    disk.read_exact_at(&mut found, PLACE).unwrap();
    assert_eq!(found, MARK);
    second.verb("down", &[]);
}

/// One machine is in the middle of its firmware, the other one is off. Catches the mutants that start a machine again
/// which was suspended, and that give power to one which had none.
#[test]
fn a_suspended_lab_goes_on_where_it_was() {
    let (first, second) = (Lab::named("suspended-1"), Lab::named("suspended-2"));
    let up = first.up(&["--no-site", "--nodes", "2", "--firmware", "bios"]);
    first.shows(&up, "LAB-1", "iPXE initialising devices");
    run_understudy(["lab", "cut", "LAB-2", "--name", &first.0]).expect_success();
    run_understudy(["lab", "freeze", "LAB-1", "--name", &first.0]).expect_success();
    run_understudy(["lab", "suspend", "--name", &first.0]).expect_failure(1, &["LAB-1 is frozen"]);
    run_understudy(["lab", "thaw", "LAB-1", "--name", &first.0]).expect_success();
    first.verb("suspend", &[]);

    let again = second.up(&["--from", up["folder"].as_str().unwrap()]);
    assert_eq!((&again["nodes"][0]["power"], &again["nodes"][1]["power"]), (&"on".into(), &"off".into()));
    let console = second.shows(&again, "LAB-1", "No bootable device");
    assert!(!console.contains("SeaBIOS"), "{console}");
    run_understudy(["lab", "power", "LAB-1", "reset", "--name", &second.0]).expect_success();
    second.shows(&again, "LAB-1", "SeaBIOS");
    second.verb("down", &[]);
}

#[test]
fn a_lab_begins_with_nothing_that_is_no_lab() {
    let (lab, folder) = (Lab::named("origin-3"), tempfile::tempdir().unwrap());
    lab.refused(&["--from", text(folder.path())], 2, &["is not the folder of a lab", "lab suspend left"]);
    lab.refused(&["--from", "/nonexistent"], 2, &["cannot find /nonexistent"]);
    lab.refused(&["--from", text(folder.path()), "--nodes", "2"], 2, &["cannot be used with"]);
    fs::write(&folder.path().join("state.json"), b"{}").unwrap();
    lab.refused(&["--from", text(folder.path())], 2, &["cannot be read", "missing field"]);
}

struct Lab(String);

impl Lab {
    fn named(name: &str) -> Self {
        Self(format!("{name}-{}", std::process::id()))
    }

    #[track_caller]
    fn up(&self, more: &[&str]) -> Value {
        let words = [&["lab", "up", "--json", "--name", &self.0], more].concat();
        serde_json::from_str(&run_understudy(words).expect_success().stdout).unwrap()
    }

    /// What the machine's console shows, once this is among it.
    #[track_caller]
    fn shows(&self, up: &Value, machine: &str, text: &str) -> String {
        let console = PathBuf::from(up["folder"].as_str().unwrap()).join(machine).join("console");
        let began = Instant::now();
        loop {
            let shown = String::from_utf8_lossy(&fs::read(&console).unwrap()).into_owned();
            if shown.contains(text) {
                return shown;
            }
            assert!(began.elapsed() < LIMIT, "{machine} of {} does not show {text}: {shown}", self.0);
            std::thread::sleep(LOOK);
        }
    }

    #[track_caller]
    fn refused(&self, more: &[&str], code: i32, texts: &[&str]) {
        run_understudy([&["lab", "up", "--name", &self.0], more].concat()).expect_failure(code, texts);
    }

    #[track_caller]
    fn verb(&self, verb: &str, more: &[&str]) {
        run_understudy([&["lab", verb, "--name", &self.0], more].concat()).expect_success();
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        // What is down and gone already is as good.
        drop(run_understudy(["lab", "down", "--name", &self.0]));
    }
}
