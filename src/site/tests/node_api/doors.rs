//! Who gets in, and what stands behind which door.

use crate::fixture::Folder;
use crate::node::{Node, connect_anonymously, connect_with_old_tls};
use hyper::StatusCode;
use hyper::body::Bytes;
use serde_json::json;
use std::os::unix::fs::PermissionsExt;
use understudy_core::protocol::BODY_BYTES_MAX;

/// Catches a node listener that also has the operator's routes.
#[tokio::test]
async fn no_operator_route_stands_behind_the_nodes_door() {
    let folder = Folder::with_image();
    let site = folder.start().await;
    let node = Node::new("a", 1);
    node.enrol(&site, &node.hello("b1")).await;
    let description = site.get("/v1/openapi.json").await;
    let mut tried = 0;
    let paths = description["paths"].as_object().unwrap().iter();
    let routes = paths.flat_map(|(path, methods)| {
        let methods = methods.as_object().unwrap().keys();
        methods.map(move |method| (method.to_uppercase(), path.replace("{id}", node_id_placeholder())))
    });
    for (method, path) in routes.chain([("GET".to_owned(), "/v1/openapi.json".to_owned())]) {
        let path = path.replace(node_id_placeholder(), node.id().as_str());
        let (status, answer) = node.request(&site, &method, &path, Bytes::from("{}")).await;
        assert_eq!(status, StatusCode::NOT_FOUND, "{method} {path}: {answer}");
        assert!(answer["error"].is_string());
        tried += 1;
    }
    assert!(tried >= 8, "{tried}");
    assert_eq!(site.get("/v1/nodes").await[0]["state"], "discovered");
    site.stop().await;
}

fn node_id_placeholder() -> &'static str {
    "NODE"
}

#[tokio::test]
async fn a_client_without_a_certificate_is_not_let_in() {
    let folder = Folder::new();
    let site = folder.start().await;
    connect_anonymously(&site).await.unwrap_err();
    site.stop().await;
}

/// Catches a verifier that looks at the certificate and not at the signature of the handshake.
#[tokio::test]
async fn a_certificate_without_its_key_is_not_let_in() {
    let folder = Folder::new();
    let site = folder.start().await;
    let (node, thief) = (Node::new("a", 1), Node::new("b", 2));
    node.connect_as(&node, &site).await.unwrap();
    thief.connect_as(&node, &site).await.unwrap_err();
    site.stop().await;
}

#[tokio::test]
async fn nothing_older_than_tls_1_3_is_spoken() {
    let folder = Folder::new();
    let site = folder.start().await;
    connect_with_old_tls(&Node::new("a", 1), &site).await.unwrap_err();
    site.stop().await;
}

#[tokio::test]
async fn what_is_no_hello_is_refused_with_a_short_message() {
    let folder = Folder::new();
    let site = folder.start().await;
    let node = Node::new("a", 1);
    for body in ["", "{", "[]", "{\"boot_id\":\"secret-text\"}"] {
        let (status, answer) = node.request(&site, "POST", "/v1/enrol", body.into()).await;
        assert_eq!(status, StatusCode::BAD_REQUEST);
        let message = answer["error"].as_str().unwrap();
        assert!(
            message.starts_with("the body is not understood") && !message.contains("secret"),
            "{message}"
        );
    }
    let large = Bytes::from(vec![b' '; BODY_BYTES_MAX + 1]);
    let stream = node.request(&site, "GET", "/v1/enrol", Bytes::new()).await;
    assert_eq!(stream.0, StatusCode::METHOD_NOT_ALLOWED);
    let (status, _) = node.request_raw(&site, "POST", "/v1/enrol", large).await;
    assert_eq!(status, StatusCode::PAYLOAD_TOO_LARGE);
    assert_eq!(site.get("/v1/nodes").await, json!([]));
    site.stop().await;
}

#[tokio::test]
async fn the_operators_door_is_its_owners_only() {
    let folder = Folder::new();
    let site = folder.start().await;
    let mode = |path: &std::path::Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode(&site.socket), mode(&folder.folder.path().join("state"))), (0o600, 0o700));
    assert_eq!(mode(&folder.folder.path().join("state/ca.pem")), 0o600);
    site.stop().await;
}
