//! Packages that are not what the lock pins.

use crate::command::{run_understudy, text};
use crate::fixture::{checkout, edit, fixture, tree};
use std::os::unix::fs::FileExt;
use std::path::PathBuf;
use understudy_core::base::fs;

fn with(mut arguments: Vec<PathBuf>, more: &[&str]) -> Vec<PathBuf> {
    arguments.extend(more.iter().map(PathBuf::from));
    arguments
}

#[test]
fn a_package_whose_hash_is_wrong_is_named_and_not_kept() {
    let fixture = fixture();
    let packages = fixture.packages();
    let victim =
        fs::list(packages.path()).unwrap().into_iter().find(|path| text(path).contains("/chrony_")).unwrap();
    let content = fs::read(&victim).unwrap();
    fs::remove_file(&victim).unwrap();
    fs::write(&victim, &content).unwrap();
    fs::open_update(&victim).unwrap().write_at(b"!", content.len() as u64 / 2).unwrap();

    let cache = tempfile::tempdir().unwrap();
    let output = cache.path().join("out");
    let arguments = fixture.build_arguments(tree(), &output, cache.path());
    let ended = run_understudy(with(arguments.clone(), &["--packages-from", text(packages.path())]));
    ended.expect_failure(1, &["package chrony", "has SHA-256", "but the lock pins", "hint: "]);
    assert!(!output.exists());

    fs::write(&victim, &content).unwrap();
    let shared = fixture.copy_of_cache(&["layers"]);
    let again = fixture.build_arguments(tree(), &output, shared.path());
    run_understudy(with(again, &["--packages-from", text(packages.path())])).expect_success();
}

#[test]
fn a_package_changed_in_the_cache_is_noticed_before_it_is_installed() {
    let fixture = fixture();
    let cache = fixture.copy_of_cache(&["packages"]);
    let (_, shared) =
        fixture.package_files().into_iter().find(|(name, _)| name.starts_with("chrony_")).unwrap();
    let victim = cache.path().join("packages").join(shared.file_name().unwrap());
    let mut content = fs::read(&shared).unwrap();
    let middle = content.len() / 2;
    content[middle] ^= 1;
    fs::remove_file(&victim).unwrap();
    fs::write(&victim, &content).unwrap();
    let output = cache.path().join("out");
    let ended = run_understudy(fixture.build_arguments(tree(), &output, cache.path()));
    ended.expect_failure(1, &["package chrony", "but the lock pins"]);
    assert!(!victim.exists(), "the changed package is gone, so that a repeated build fetches it");
}

#[test]
fn a_folder_without_a_package_is_named_with_the_file() {
    let fixture = fixture();
    let (cache, empty) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let arguments = fixture.build_arguments(tree(), &cache.path().join("out"), cache.path());
    let ended = run_understudy(with(arguments, &["--packages-from", text(empty.path())]));
    ended.expect_failure(1, &["has no file", ".deb"]);
}

#[test]
fn a_lock_for_other_packages_is_refused_with_the_command_to_renew_it() {
    let fixture = fixture();
    let checkout = checkout();
    edit(checkout.path(), "images/mail/image.toml", "  \"less\",\n", "");
    let ended = fixture.build(checkout.path(), &checkout.path().join("out"));
    ended.expect_failure(2, &["was made for other packages", "hint: understudy image lock"]);
}

#[test]
fn a_pin_that_the_archive_dropped_is_named_with_the_command_to_renew_it() {
    let fixture = fixture();
    let cache = tempfile::tempdir().unwrap();
    let lock = fs::read_text(&fixture.lock).unwrap();
    let line = lock.lines().find(|line| line.contains("name = \"chrony\"")).unwrap();
    let version = line.split("version = \"").nth(1).unwrap().split('"').next().unwrap();
    let digest = line.split("sha256 = \"").nth(1).unwrap().split('"').next().unwrap();
    let dropped = line.replace(version, "0.0.1-1").replace(digest, &"0".repeat(64));
    let path = cache.path().join("image.lock");
    fs::write(&path, lock.replace(line, &dropped).as_bytes()).unwrap();
    let shared = fixture.copy_of_cache(&["packages"]);
    let mut arguments = fixture.build_arguments(tree(), &cache.path().join("out"), shared.path());
    let at = arguments.iter().position(|argument| argument.as_os_str() == "--lock").unwrap();
    arguments[at + 1] = path;
    let ended = run_understudy(arguments);
    ended.expect_failure(1, &["chrony 0.0.1-1", "no longer in the archive", "hint: understudy image lock"]);
}
