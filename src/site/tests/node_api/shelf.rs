//! Which images nodes get.

use crate::fixture::Folder;
use crate::node::Node;
use serde_json::{Value, json};
use understudy_core::base::fs;

fn wanted(images: &Value) -> Option<&str> {
    let mut all = images.as_array().unwrap().iter();
    all.find(|image| image["is_wanted"] == true).and_then(|image| image["image"].as_str())
}

#[tokio::test]
async fn the_newest_verified_version_is_what_nodes_get() {
    let folder = Folder::with_image();
    folder.image("mail", "0.2.0");
    folder.image("other", "9.0.0");
    let site = folder.start().await;
    let images = site.until("/v1/images", |images| wanted(images).is_some()).await;
    assert_eq!(wanted(&images), Some("mail 0.2.0"));
    folder.image("mail", "0.10.0");
    site.rescan.notify_one();
    site.until("/v1/images", |images| wanted(images) == Some("mail 0.10.0")).await;
    site.stop().await;
}

/// Catches a shelf that serves what it did not read to the last byte.
#[tokio::test]
async fn an_image_with_one_wrong_byte_is_refused_told_and_taken_once_it_is_right() {
    let folder = Folder::with_image();
    let newer = folder.image("mail", "0.2.0");
    let good = fs::read(&newer.join("root.squashfs")).unwrap();
    let mut bad = good.clone();
    bad[3] ^= 1;
    fs::write(&newer.join("root.squashfs"), &bad).unwrap();
    let site = folder.start().await;
    let images = site.until("/v1/images", |images| images.as_array().unwrap().len() == 2).await;
    assert_eq!(wanted(&images), Some("mail 0.1.0"));
    let refused = images.as_array().unwrap().iter().find_map(|image| image["refused"].as_str()).unwrap();
    assert!(refused.contains("root.squashfs has SHA-256"), "{refused}");
    assert!(site.kinds().await.contains(&"image-refused".to_owned()));
    fs::write(&newer.join("root.squashfs"), &good).unwrap();
    site.rescan.notify_one();
    site.until("/v1/images", |images| wanted(images) == Some("mail 0.2.0")).await;
    site.stop().await;
}

/// A version, what is done to its manifest, who signs it, and why it is refused.
type Case<'a> = (&'a str, &'a dyn Fn(Value) -> Value, &'a Folder, &'a str);

#[tokio::test]
async fn each_image_that_is_not_to_be_trusted_is_refused() {
    let folder = Folder::new();
    let stranger = Folder::new();
    let cases: [Case<'_>; 3] = [
        (
            "0.3.0",
            &|mut manifest| {
                manifest["expires"] = json!("2020-01-01T00:00:00Z");
                manifest
            },
            &folder,
            "expired",
        ),
        ("0.4.0", &|manifest| manifest, &stranger, "which is not trusted"),
        (
            "0.5.0",
            &|mut manifest| {
                manifest["artifacts"][0]["bytes"] = json!(1);
                manifest
            },
            &folder,
            "the manifest says 1",
        ),
    ];
    for (version, change, signer, _) in &cases {
        let image = folder.image("mail", version);
        let manifest = serde_json::from_slice(&fs::read(&image.join("manifest.json")).unwrap()).unwrap();
        signer.sign(&image, &change(manifest));
    }
    let unsigned = folder.image("mail", "0.6.0");
    fs::remove_file(&unsigned.join("manifest.json.minisig")).unwrap();
    let site = folder.start().await;
    let images = site.until("/v1/images", |images| images.as_array().unwrap().len() == 4).await;
    assert_eq!(wanted(&images), None);
    for (version, _, _, expected) in &cases {
        let image = images
            .as_array()
            .unwrap()
            .iter()
            .find(|image| image["folder"].as_str().unwrap().ends_with(version));
        let refused = image.unwrap()["refused"].as_str().unwrap();
        assert!(refused.contains(expected), "{version}: {refused}");
    }
    // An approved node waits for an image that may be used.
    let node = Node { serial: "LAB-1".into(), ..Node::new("a", 1) };
    assert_eq!(node.enrol(&site, &node.hello("b1")).await["action"]["kind"], "wait");
    folder.image("mail", "0.1.0");
    site.rescan.notify_one();
    site.until("/v1/images", |images| wanted(images).is_some()).await;
    let told = node.report(&site, "b1", json!({ "kind": "waiting" })).await;
    assert_eq!(told["action"]["kind"], "install");
    site.stop().await;
}
