//! Which images `understudy image verify` lets through, and that Debian's minisign agrees.

use crate::command::{run_understudy, text, tool};
use crate::fixture::{Fixture, fixture};
use serde_json::{Value, json};
use std::os::unix::fs::{FileExt, symlink};
use std::path::Path;
use tempfile::TempDir;
use understudy_core::base::fs;
use understudy_image::signing::SigningKey;

/// An image folder with the shared image's files and a manifest of its own.
struct Forged {
    folder: TempDir,
    fixture: Fixture,
}

impl Forged {
    fn new() -> Self {
        let fixture = fixture();
        let folder = tempfile::tempdir().unwrap();
        for path in fs::list(&fixture.image).unwrap() {
            symlink(&path, folder.path().join(path.file_name().unwrap())).unwrap();
        }
        Self { folder, fixture }
    }

    fn replace(&self, name: &str, content: &[u8]) {
        let path = self.folder.path().join(name);
        fs::remove_file(&path).unwrap();
        fs::write(&path, content).unwrap();
    }

    fn manifest(&self) -> Value {
        serde_json::from_slice(&fs::read(&self.fixture.image.join("manifest.json")).unwrap()).unwrap()
    }

    /// Signs a changed manifest with the shared key.
    fn sign(&self, manifest: &Value) {
        let key = SigningKey::read(&self.fixture.key, None).unwrap();
        let content = serde_json::to_vec(manifest).unwrap();
        let signature = key.sign(&content, "forged").unwrap();
        self.replace("manifest.json", &content);
        self.replace("manifest.json.minisig", signature.as_bytes());
    }

    fn verify(&self, more: &[&str]) -> crate::command::Ended {
        verify(self.folder.path(), &self.fixture.public_key, more)
    }
}

fn verify(folder: &Path, key: &Path, more: &[&str]) -> crate::command::Ended {
    run_understudy([&["image", "verify", text(folder), "--key", text(key)], more].concat())
}

#[test]
fn a_good_image_is_verified() {
    let fixture = fixture();
    let ended = verify(&fixture.image, &fixture.public_key, &["--json"]).expect_success();
    let found: Value = serde_json::from_str(&ended.stdout).unwrap();
    assert_eq!((&found["name"], &found["version"]), (&json!("mail"), &json!("0.1.0")));
    verify(&fixture.image, &fixture.public_key, &["--not-older-than", "0.1.0"]).expect_success();
}

#[test]
fn debians_minisign_accepts_the_manifest() {
    let fixture = fixture();
    let manifest = fixture.image.join("manifest.json");
    let said = tool("minisign", ["-V", "-p", text(&fixture.public_key), "-m", text(&manifest)]);
    assert!(said.contains("Trusted comment: mail 0.1.0"), "{said}");
}

#[test]
fn a_manifest_signed_with_another_key_is_refused() {
    let fixture = fixture();
    let folder = tempfile::tempdir().unwrap();
    let other = folder.path().join("other.key");
    run_understudy(["key", "new", text(&other)]).expect_success();
    let ended = verify(&fixture.image, &folder.path().join("other.key.pub"), &[]);
    ended.expect_failure(1, &["is signed with key", "which is not trusted", "hint: "]);
}

#[test]
fn a_manifest_that_was_changed_after_signing_is_refused() {
    let forged = Forged::new();
    let manifest = fs::read_text(&forged.fixture.image.join("manifest.json")).unwrap();
    forged.replace("manifest.json", manifest.replace("0.1.0", "9.9.9").as_bytes());
    forged.verify(&[]).expect_failure(1, &["does not match its signature", "changed after signing"]);
}

#[test]
fn an_expired_manifest_is_refused() {
    let forged = Forged::new();
    let mut manifest = forged.manifest();
    manifest["expires"] = json!("2026-01-01T00:00:00Z");
    forged.sign(&manifest);
    forged.verify(&[]).expect_failure(1, &["mail 0.1.0 expired at 2026-01-01T00:00:00Z", "hint: "]);
}

#[test]
fn a_manifest_older_than_the_one_trusted_is_refused() {
    let fixture = fixture();
    let ended = verify(&fixture.image, &fixture.public_key, &["--not-older-than", "0.2.0"]);
    ended.expect_failure(1, &["mail 0.1.0 is older than 0.2.0, which was trusted before"]);
}

#[test]
fn a_manifest_that_names_another_key_or_a_foreign_file_is_refused() {
    let forged = Forged::new();
    let mut manifest = forged.manifest();
    manifest["key_id"] = json!("0000000000000000");
    forged.sign(&manifest);
    forged.verify(&[]).expect_failure(1, &["names key 0000000000000000 but is signed with key"]);
    let mut manifest = forged.manifest();
    manifest["artifacts"][0]["file"] = json!("../../etc/passwd");
    forged.sign(&manifest);
    forged.verify(&[]).expect_failure(1, &["signed but not readable"]);
}

#[test]
fn one_changed_byte_in_any_file_is_refused() {
    let forged = Forged::new();
    for name in ["root.verity", "initrd.zst", "image.efi"] {
        let content = fs::read(&forged.fixture.image.join(name)).unwrap();
        forged.replace(name, &content);
        let file = fs::open_update(&forged.folder.path().join(name)).unwrap();
        let middle = content.len() as u64 / 2;
        file.write_at(&[content[content.len() / 2] ^ 1], middle).unwrap();
        forged.verify(&[]).expect_failure(1, &[name, "SHA-256", "do not install"]);
        forged.replace(name, &content);
    }
    forged.verify(&[]).expect_success();
    forged.replace("root.verity", b"short");
    forged.verify(&[]).expect_failure(1, &["root.verity has 5 bytes, the manifest says"]);
}

#[test]
fn what_is_no_image_or_no_key_is_a_clear_error() {
    let fixture = fixture();
    let empty = tempfile::tempdir().unwrap();
    verify(empty.path(), &fixture.public_key, &[]).expect_failure(1, &["is not an image folder", "hint: "]);
    verify(&fixture.image, &fixture.lock, &[]).expect_failure(2, &["not a minisign public key"]);
    run_understudy(["key", "new", text(&fixture.key)]).expect_failure(2, &["hint: name another file"]);
}
