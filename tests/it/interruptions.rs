//! Full disks and killed builds: a clear error or none, nothing half done, and the same command ends well later.

use crate::command::{Ended, run, run_understudy, text, understudy};
use crate::fixture::{Fixture, fixture, tree};
use std::path::{Path, PathBuf};
use std::time::Duration;
use understudy_core::base::fs;
use understudy_core::base::process::Process;
use understudy_core::base::sha256::Sha256;
use understudy_core::formats::manifest::ArtifactFile;

/// Mounts a small file system, builds there, makes room, and builds again.
const ON_A_FULL_DISK: &str = r#"
place=$1; size=$2; shift 2
mount -t tmpfs -o "size=$size" tmpfs "$place"
"$@" && { echo "the disk was not full" >&2; exit 3; }
[ $? = 1 ] || exit 4
[ ! -e "$place/out" ] || { echo "something is left at the output" >&2; exit 5; }
mount -o remount,size=4G "$place"
exec "$@"
"#;

fn on_a_full_disk(place: &Path, size: &str, build: &[PathBuf]) -> Ended {
    let user: &[&str] = if nix::unistd::geteuid().is_root() { &[] } else { &["--user", "--map-root-user"] };
    let unshare = Process::new("unshare").args(user).args(["--mount", "--propagation", "private"]);
    let script = unshare.args(["bash", "-c", ON_A_FULL_DISK, "bash", text(place), size]);
    run(script.arg(env!("CARGO_BIN_EXE_understudy")).args(build))
}

fn tells_about_room(ended: Ended) {
    let ended = ended.expect_success();
    let told = ended.stderr.contains("No space left on device") && ended.stderr.contains("hint: make room");
    assert!(told, "{ended:#?}");
}

#[test]
fn a_disk_too_full_for_the_packages_is_told_and_a_repeated_build_ends_well() {
    let fixture = fixture();
    let (place, packages) = (tempfile::tempdir().unwrap(), fixture.packages());
    let mut build = fixture.build_arguments(tree(), &place.path().join("out"), &place.path().join("cache"));
    build.extend(["--packages-from".into(), packages.path().to_path_buf()]);
    tells_about_room(on_a_full_disk(place.path(), "60M", &build));
}

#[test]
fn a_disk_too_full_for_the_layers_is_told_and_a_repeated_build_ends_well() {
    let fixture = fixture();
    let (place, packages) = (tempfile::tempdir().unwrap(), fixture.packages());
    let mut build = fixture.build_arguments(tree(), &place.path().join("out"), &place.path().join("cache"));
    build.extend(["--packages-from".into(), packages.path().to_path_buf()]);
    tells_about_room(on_a_full_disk(place.path(), "190M", &build));
}

#[test]
fn a_disk_too_full_for_the_image_is_told_and_a_repeated_build_ends_well() {
    let fixture = fixture();
    for size in ["100M", "250M"] {
        let place = tempfile::tempdir().unwrap();
        let build = fixture.build_arguments(tree(), &place.path().join("out"), &fixture.cache);
        tells_about_room(on_a_full_disk(place.path(), size, &build));
    }
}

/// Catches the mutants that write layers or image folders under their final names.
#[test]
fn a_build_killed_at_any_moment_leaves_nothing_half_done() {
    let fixture = fixture();
    let cache = fixture.copy_of_cache(&["packages"]);
    let place = tempfile::tempdir().unwrap();
    let out = place.path().join("out");
    let build = fixture.build_arguments(tree(), &out, cache.path());
    // Different from run to run, so that over time every moment is tried.
    let seed = Sha256::of(format!("{:?}", std::time::SystemTime::now()).as_bytes());
    for byte in seed.as_bytes().iter().take(8) {
        let after = Duration::from_millis(u64::from(*byte) * 60);
        kill_after(&build, after);
        assert!(!out.exists() || is_whole(&fixture, &out), "killed after {after:?}");
    }
    run_understudy(&build).expect_success();
    for file in ArtifactFile::ALL {
        let digest = |folder: &Path| Sha256::of_file(&folder.join(file.file_name())).unwrap();
        assert_eq!(digest(&out), digest(&fixture.image), "{}", file.file_name());
    }
    let leftovers = fs::list(place.path()).unwrap();
    assert_eq!(leftovers, [out], "what killed builds left beside the output is swept");
    assert!(fs::list(&cache.path().join("work")).unwrap().is_empty(), "their scratch folders too");
}

fn is_whole(fixture: &Fixture, image: &Path) -> bool {
    let arguments = ["image", "verify", text(image), "--key", text(&fixture.public_key)];
    run_understudy(arguments).code == Some(0)
}

fn kill_after(build: &[PathBuf], after: Duration) {
    let silent = |command: &mut std::process::Command| {
        command.stdout(std::process::Stdio::null()).stderr(std::process::Stdio::null());
    };
    let running = understudy().args(build).with(silent).spawn().unwrap();
    std::thread::sleep(after);
    // Dropping kills with SIGKILL.
    drop(running);
}
