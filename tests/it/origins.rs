//! Labs that begin where another one ended: `understudy lab down --keep`, then `understudy lab up --from`.

use crate::command::{run_understudy, text};
use serde_json::Value;
use std::os::unix::fs::FileExt;
use std::path::PathBuf;
use understudy_core::base::fs;

/// Somewhere in the middle of a disk.
const PLACE: u64 = 4 << 30;
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

#[test]
fn a_lab_begins_with_nothing_that_is_no_lab() {
    let (lab, folder) = (Lab::named("origin-3"), tempfile::tempdir().unwrap());
    lab.refused(&["--from", text(folder.path())], 2, &["is not the folder of a lab", "lab down --keep left"]);
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
