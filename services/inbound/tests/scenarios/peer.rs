//! Programs of others from Debian packages in `tests/peers.txt`: unpacked beside the build, never installed.

use crate::process::command;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

/// Of unbound and of Postfix.
const LIBRARIES: [&str; 4] = ["libevent-2.1-7", "libnghttp2-14", "libprotobuf-c1", "libpython3.11"];

/// A program of a package.
pub fn program(package: &str, path: &str) -> PathBuf {
    unpacked(package).join(path)
}

/// For LD_LIBRARY_PATH.
pub fn libraries() -> OsString {
    let folders = LIBRARIES.map(|package| unpacked(package).join("usr/lib/x86_64-linux-gnu"));
    let postfix = unpacked("postfix").join("usr/lib/postfix");
    std::env::join_paths(folders.into_iter().chain([postfix])).unwrap()
}

/// The folder with a package in it. `tests/peers.rs` of the platform keeps them in the same place.
fn unpacked(package: &str) -> PathBuf {
    let is_checkout = |folder: &&Path| folder.join("tests/peers.txt").is_file();
    let tree = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().find(is_checkout).unwrap();
    let listed = fs_err::read_to_string(tree.join("tests/peers.txt")).unwrap();
    assert!(listed.lines().any(|line| line == package), "tests/peers.txt does not list {package}");
    let folder = tree.join("target/peers").join(package);
    if folder.is_dir() {
        return folder;
    }
    fs_err::create_dir_all(folder.parent().unwrap()).unwrap();
    let staged = tempfile::tempdir_in(folder.parent().unwrap()).unwrap();
    let script = "apt-get download \"$1\" && dpkg -x ./*.deb root";
    let output = command("sh").args(["-c", script, "sh", package]).current_dir(&staged).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    // Another test may have been faster; its copy is as good.
    let _ = fs_err::rename(staged.path().join("root"), &folder);
    folder
}
