//! Servers from Debian that tests need: unpacked beside the build, never installed, so that none starts by itself.

use std::path::{Path, PathBuf};
use understudy_core::base::fs;
use understudy_core::base::process::Process;

/// The folder with a package of `tests/peers.txt` in it; fetched once, so outside of a test's namespaces.
pub fn unpacked(package: &str) -> PathBuf {
    // Compiled into the tests of several packages, each in a folder of its own below the checkout.
    let is_checkout = |folder: &&Path| folder.join("tests/peers.txt").is_file();
    let tree = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().find(is_checkout).unwrap();
    let listed = fs::read_text(&tree.join("tests/peers.txt")).unwrap();
    assert!(listed.lines().any(|line| line == package), "tests/peers.txt does not list {package}");
    let peers = tree.join("target/peers");
    let folder = peers.join(package);
    if folder.is_dir() {
        return folder;
    }
    fs::create_dir_all(&peers).unwrap();
    let staged = tempfile::tempdir_in(&peers).unwrap();
    Process::new("apt-get").args(["download", package]).current_dir(staged.path()).run().unwrap();
    let deb = fs::list(staged.path()).unwrap().into_iter().find(|path| path.extension().is_some()).unwrap();
    Process::new("dpkg").arg("-x").arg(deb).arg(staged.path().join("root")).run().unwrap();
    // Another test may have been faster; its copy is as good.
    let _ = std::fs::rename(staged.path().join("root"), &folder);
    folder
}
