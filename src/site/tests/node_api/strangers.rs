//! Nodes that are not what they say, or say the same.

use crate::fixture::Folder;
use crate::node::Node;
use serde_json::{Value, json};

fn attention(node: &Value) -> String {
    node["attention"].to_string()
}

/// Catches a site that approves whoever writes an expected serial into its own inventory.
#[tokio::test]
async fn a_second_key_with_an_expected_serial_is_not_approved_and_both_are_shown() {
    let folder = Folder::with_image();
    let site = folder.start_with_shelf().await;
    let first = Node { serial: "LAB-1".into(), ..Node::new("a", 1) };
    assert_eq!(first.enrol(&site, &first.hello("b1")).await["action"]["kind"], "install");
    let second = Node { serial: "LAB-1".into(), ..Node::new("b", 2) };
    assert_eq!(second.enrol(&site, &second.hello("b1")).await["action"]["kind"], "wait");
    let nodes = site.get("/v1/nodes").await;
    assert!(attention(&nodes[0]).contains(&format!("node {} has the same serial LAB-1", second.id())));
    assert!(attention(&nodes[1]).contains(&format!("node {} has the same serial LAB-1", first.id())));
    assert!(site.kinds().await.contains(&"same-machine".to_owned()));
    site.stop().await;
}

#[tokio::test]
async fn the_same_uuid_or_card_under_two_keys_is_shown_on_both() {
    let folder = Folder::with_image();
    let site = folder.start_with_shelf().await;
    let first = Node::new("a", 1);
    first.enrol(&site, &first.hello("b1")).await;
    let twin = Node { uuid: first.uuid.clone(), serial: "LAB-1".into(), ..Node::new("b", 2) };
    let neighbour = Node { serial: "LAB-1".into(), ..Node::new("c", 1) };
    for (other, expected) in
        [(&twin, "the same UUID uuid-a"), (&neighbour, "the same card 52:54:00:00:00:01")]
    {
        assert_eq!(other.enrol(&site, &other.hello("b1")).await["action"]["kind"], "wait");
        let nodes = site.get("/v1/nodes").await;
        let of_first =
            nodes.as_array().unwrap().iter().find(|node| node["id"] == first.id().as_str()).unwrap();
        let of_other =
            nodes.as_array().unwrap().iter().find(|node| node["id"] == other.id().as_str()).unwrap();
        assert!(
            attention(of_first).contains(expected) && attention(of_other).contains(expected),
            "{nodes:#}"
        );
    }
    site.stop().await;
}

/// Catches a site that lets a stranger turn an installed machine's boot around by naming its card.
#[tokio::test]
async fn a_stranger_that_names_the_card_of_a_node_does_not_change_its_boot() {
    let folder = Folder::with_image();
    let site = folder.start_with_shelf().await;
    let node = Node { serial: "LAB-1".into(), ..Node::new("a", 1) };
    node.enrol(&site, &node.hello("b1")).await;
    node.report(&site, "b1", json!({ "kind": "installed" })).await;
    let stranger = Node::new("b", 1);
    stranger.enrol(&site, &stranger.hello("b1")).await;
    let wish = site.registry.wishes().of(node.mac.parse().unwrap());
    assert_eq!(wish, understudy_site::registry::Wish::Disk);
    site.stop().await;
}

#[tokio::test]
async fn a_copied_key_in_another_machine_is_refused_and_told() {
    let folder = Folder::with_image();
    let site = folder.start_with_shelf().await;
    let node = Node { serial: "LAB-1".into(), ..Node::new("a", 1) };
    let order = node.enrol(&site, &node.hello("b1")).await;
    let mut hello = node.hello("thief");
    hello["inventory"] = Node::new("other", 9).inventory();
    for _ in 0..3 {
        assert_eq!(node.enrol(&site, &hello).await["action"]["kind"], "refuse");
    }
    let told = node.report(&site, "thief", json!({ "kind": "ready", "nonce": order["nonce"] })).await;
    assert_eq!(told["action"]["kind"], "greet", "only a hello says which machine it is");
    let misused = site.kinds().await.iter().filter(|kind| *kind == "key-misused").count();
    assert_eq!(misused, 1, "told, and not once for each try");
    let nodes = site.get("/v1/nodes").await;
    assert!(attention(&nodes[0]).contains("another machine came with its key"));
    assert_eq!(nodes[0]["serial"], "LAB-1", "what is known of the real one stays");
    let told = node.report(&site, "b1", json!({ "kind": "waiting" })).await;
    assert_eq!(told["action"]["kind"], "install", "the real one goes on");
    site.stop().await;
}

#[tokio::test]
async fn a_node_with_foreign_data_waits_for_a_yes_to_that() {
    let folder = Folder::with_image();
    let site = folder.start_with_shelf().await;
    let content = json!({ "kind": "foreign", "description": "GPT with 3 partitions" });
    let node = Node { serial: "LAB-1".into(), content, ..Node::new("a", 1) };
    let told = node.enrol(&site, &node.hello("b1")).await;
    assert_eq!(told["action"]["kind"], "wait");
    assert!(attention(&site.get("/v1/nodes").await[0]).contains("GPT with 3 partitions"));
    site.post(&format!("/v1/nodes/{}/approve", node.id()), json!({ "wipe": true })).await;
    let told = node.report(&site, "b1", json!({ "kind": "waiting" })).await;
    assert_eq!((&told["action"]["kind"], &told["action"]["wipe"]), (&json!("install"), &json!(true)));
    site.stop().await;
}

#[tokio::test]
async fn strangers_cannot_fill_the_ledger() {
    let folder = Folder::new();
    let site = folder.start().await;
    for n in 0..256 {
        // Codes are made on purpose slowly; the registry itself is what is tried here.
        let node = understudy_core::model::id::NodeId::of_public_key(format!("{n}").as_bytes());
        let hello = serde_json::from_value(Node::new("x", 1).hello("b1")).unwrap();
        let request = understudy_site::registry::HelloRequest {
            id: node,
            code: Some("C".into()),
            address: "127.0.0.1".parse().unwrap(),
            hello,
            images_url: String::new(),
        };
        site.registry.hello(request).await.unwrap();
    }
    let node = Node::new("one-more", 1);
    let body = node.hello("b1").to_string().into();
    let (status, answer) = node.request(&site, "POST", "/v1/enrol", body).await;
    assert_eq!(status, hyper::StatusCode::SERVICE_UNAVAILABLE, "{answer}");
    site.stop().await;
}
