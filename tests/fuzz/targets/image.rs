//! What makes an image trusted: a public key, a signature and a manifest, as texts that anybody may have written,
//! and the boot script that is made of a manifest. Nothing but the very bytes that were signed is ever verified.

#![no_main]

#[path = "../parts.rs"]
mod parts;

use libfuzzer_sys::fuzz_target;
use understudy_core::formats::command_line::BootSettings;
use understudy_core::formats::manifest::Manifest;
use understudy_core::trust::{PublicKey, TrustPolicy};
use understudy_netboot::decision::{BootAnswer, BootImage, BootKind, BootRequest, BootWish, decide};

/// A key that signed one manifest and was then thrown away.
const KEY: &str = include_str!("../data/key.pub");
const MANIFEST: &[u8] = include_bytes!("../data/manifest.json");

fuzz_target!(|input: &[u8]| {
    let mut parts = parts::of(input);
    let (manifest, signature) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
    let signature = String::from_utf8_lossy(signature);
    let key = String::from_utf8_lossy(parts.next().unwrap_or_default());
    // Whoever may choose a trusted key may sign anything: that one is only read.
    if let Ok(other) = PublicKey::parse(&key) {
        assert_eq!(other.id().to_string().len(), 16);
    }
    let keys = vec![PublicKey::parse(KEY).expect("a key")];
    let policy = TrustPolicy { keys, now: jiff::Timestamp::UNIX_EPOCH, oldest_version: None };
    if let Ok(verified) = policy.verify_manifest(manifest, &signature) {
        assert_eq!(manifest, MANIFEST, "a manifest that nobody signed");
        read(&verified);
    }
    if let Ok(manifest) = serde_json::from_slice::<Manifest>(manifest) {
        read(&manifest);
    }
});

fn read(manifest: &Manifest) {
    let written = serde_json::to_vec(manifest).expect("our own struct has string keys");
    assert_eq!(serde_json::from_slice::<Manifest>(&written).expect("our own words"), *manifest);
    if let Ok(settings) = BootSettings::parse(&manifest.command_line) {
        assert_eq!(BootSettings::parse(&settings.to_words()).expect("our own words"), settings);
        assert!(settings.tries > 0);
    }
    let (name, version) = (manifest.name.clone(), manifest.version.clone());
    let Ok(image) = BootImage::new(name, version, &manifest.command_line) else { return };
    let folder = image.folder();
    assert!(!folder.contains(['/', '\\', '\0']) && !folder.starts_with('.'));
    boots(image);
}

/// Nothing in a manifest adds a line to a script, or an expansion.
fn boots(image: BootImage) {
    let request = BootRequest {
        mac: "525400000001".parse().expect("an address"),
        kind: BootKind::Ipxe,
        server: "10.77.0.1:80".parse().expect("an address"),
    };
    let BootAnswer::Script(script) = decide(&request, &BootWish::Network(image)) else { panic!("no script") };
    assert!(script.bytes().all(|byte| byte == b'\n' || (b' '..=b'~').contains(&byte)), "{script}");
    assert_eq!(
        (script.lines().count(), script.matches(['$', ';', '`', '"', '\'', '#']).count()),
        (13, 2),
        "{script}"
    );
}
