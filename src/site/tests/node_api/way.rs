//! From the first hello to a spare, over the wire.

use crate::fixture::{Folder, root_hash};
use crate::node::Node;
use hyper::StatusCode;
use serde_json::json;
use understudy_core::trust::short_code;
use understudy_site::registry::Wish;

#[tokio::test]
async fn a_node_is_approved_installs_and_becomes_a_spare() {
    let folder = Folder::with_image();
    let site = folder.start_with_shelf().await;
    let node = Node::new("a", 1);
    let mac = node.mac.parse().unwrap();
    let wish = || site.registry.wishes().of(mac);

    let told = node.enrol(&site, &node.hello("b1")).await;
    assert_eq!(told["action"]["kind"], "wait");
    let nodes = site.get("/v1/nodes").await;
    let shown = &nodes[0];
    let public_key = rustls::server::ParsedCertificate::try_from(&node.certificate).unwrap();
    let code = short_code(&site.ca, &public_key.subject_public_key_info());
    assert_eq!((shown["id"].as_str().unwrap(), &shown["state"]), (node.id().as_str(), &json!("discovered")));
    assert_eq!(shown["code"], code, "the node makes the same code from the CA and its key");
    assert_eq!(wish(), Wish::Network);

    let (status, approved) =
        site.post(&format!("/v1/nodes/{}/approve", node.id()), json!({ "wipe": false })).await;
    assert_eq!((status, &approved["state"]), (StatusCode::OK, &json!("approved")));
    let told = node.report(&site, "b1", json!({ "kind": "waiting" })).await;
    let install = &told["action"];
    assert_eq!(install["kind"], "install");
    assert_eq!(install["url"], "http://127.0.0.1/images/mail-0.1.0");
    assert_eq!(install["disk"], json!({ "kind": "serial", "value": "D-a" }));

    let status = json!({ "kind": "installing", "bytes": 5, "total_bytes": 10 });
    node.report(&site, "b1", status).await;
    let shown = site.get(&format!("/v1/nodes/{}", node.id())).await;
    assert_eq!((&shown["state"], &shown["progress"]["bytes"]), (&json!("installing"), &json!(5)));
    let told = node.report(&site, "b1", json!({ "kind": "installed" })).await;
    assert_eq!((&told["action"]["kind"], wish()), (&json!("boot-disk"), Wish::Disk));

    let told = node.enrol(&site, &node.hello_from_disk("b2")).await;
    assert_eq!(told["action"]["kind"], "stay");
    let status = json!({ "kind": "ready", "nonce": told["nonce"] });
    assert_eq!(node.report(&site, "b2", status).await["action"]["kind"], "stay");
    let shown = site.get(&format!("/v1/nodes/{}", node.id())).await;
    assert_eq!((&shown["state"], &shown["image"]), (&json!("spare"), &json!("mail 0.1.0")));
    assert_eq!(shown["is_boot_unverified"], true);

    let kinds = site.kinds().await;
    let expected =
        ["site-started", "image-verified", "discovered", "approved", "install-begun", "installed", "spare"];
    assert_eq!(kinds, expected);
    let metrics = site.text("/metrics").await;
    assert!(metrics.contains("understudy_nodes{state=\"spare\"} 1\n"), "{metrics}");
    assert!(metrics.contains("understudy_node_hellos_total 2\n"), "{metrics}");
    let description = site.get("/v1/openapi.json").await;
    assert!(description["paths"]["/v1/nodes/{id}/approve"]["post"].is_object());

    let (status, _) = site.post(&format!("/v1/nodes/{}/retire", node.id()), json!({})).await;
    assert_eq!((status, wish()), (StatusCode::OK, Wish::Nothing));
    let told = node.report(&site, "b2", json!({ "kind": "waiting" })).await;
    assert_eq!(told["action"]["kind"], "refuse");
    let (status, _) = site.post(&format!("/v1/nodes/{}/approve", node.id()), json!({})).await;
    assert_eq!(status, StatusCode::CONFLICT);
    site.stop().await;
}

#[tokio::test]
async fn an_expected_serial_needs_no_operator() {
    let folder = Folder::with_image();
    let site = folder.start_with_shelf().await;
    let node = Node { serial: "LAB-1".into(), ..Node::new("a", 1) };
    let told = node.enrol(&site, &node.hello("b1")).await;
    assert_eq!(told["action"]["kind"], "install");
    // A disk that holds the image is not written again.
    let held = Node { content: json!({ "kind": "image", "root_hashes": [root_hash("0.1.0")] }), ..node };
    let told = held.enrol(&site, &held.hello("b2")).await;
    assert_eq!(told["action"]["kind"], "boot-disk");
    site.stop().await;
}

/// Catches a site that gives a node anything before it is approved.
#[tokio::test]
async fn whatever_an_unapproved_node_says_it_is_told_to_wait() {
    let folder = Folder::with_image();
    let site = folder.start_with_shelf().await;
    let node = Node::new("a", 1);
    let waiting = json!({ "kind": "waiting" });
    assert_eq!(
        node.report(&site, "b1", waiting.clone()).await["action"]["kind"],
        "greet",
        "never said hello"
    );
    for hello in [node.hello("b1"), node.hello_from_disk("b2")] {
        let told = node.enrol(&site, &hello).await;
        assert_eq!(told["action"]["kind"], "wait");
        let boot = hello["boot_id"].as_str().unwrap();
        for status in [
            waiting.clone(),
            json!({ "kind": "installing", "bytes": 1, "total_bytes": 2 }),
            json!({ "kind": "installed" }),
            json!({ "kind": "install-failed", "reason": "x", "disk_touched": true }),
            json!({ "kind": "ready", "nonce": told["nonce"] }),
            json!({ "kind": "degraded", "nonce": told["nonce"], "units": ["a"] }),
        ] {
            let told = node.report(&site, boot, status.clone()).await;
            assert_eq!(told["action"]["kind"], "wait", "{status}");
        }
    }
    assert_eq!(site.get("/v1/nodes").await[0]["state"], "discovered");
    site.stop().await;
}
