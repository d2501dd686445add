//! Operators over TLS: every route with every token, wrong tokens at any rate, what is written down.

use crate::fixture::{Folder, Running};
use crate::node::{Node, ask_over_tls};
use hyper::StatusCode;
use serde_json::{Value, json};
use std::net::Ipv4Addr;
use std::time::Duration;
use understudy_site::access::{Actor, Role};
use understudy_site::registry::NewToken;

const BY: Actor = Actor::Socket { uid: 0 };

async fn token(site: &Running, name: &str, role: Role, valid: Option<Duration>) -> String {
    let wanted = NewToken { name: name.parse().unwrap(), role, valid };
    site.registry.new_token(wanted, BY).await.unwrap().1.as_str().to_owned()
}

/// Every method of every path of the description, and the role that it asks for.
fn routes(description: &Value) -> Vec<(String, String, Role)> {
    let mut routes = Vec::new();
    for (path, methods) in description["paths"].as_object().unwrap() {
        for (method, operation) in methods.as_object().unwrap() {
            let role = operation["security"][0]["token"][0].as_str().and_then(|role| role.parse().ok());
            let role = role.unwrap_or_else(|| {
                panic!("{method} {path} names no role: add `security((\"token\" = [\"read\"]))` to its `utoipa::path`")
            });
            routes.push((method.to_uppercase(), path.clone(), role));
        }
    }
    routes
}

/// Catches: a route without a rule, a rule that is not obeyed, roles in the wrong order, an expiry or a
/// revocation that nobody looks at, words that tell a wrong token from an old one.
#[tokio::test]
async fn every_route_wants_a_good_token_of_its_role() {
    let folder = Folder::new();
    let site = folder.start().await;
    let routes = routes(&site.get("/v1/openapi.json").await);
    assert!(routes.len() >= 11, "{routes:?}");
    let expired = token(&site, "expired", Role::Admin, Some(Duration::ZERO)).await;
    let revoked = token(&site, "revoked", Role::Admin, None).await;
    site.registry.revoke_token("revoked".parse().unwrap(), BY).await.unwrap();
    let mut good = Vec::new();
    for role in Role::ALL {
        good.push((role, token(&site, &format!("good-{role}"), role, None).await));
    }
    let (beginning, last) = good[2].1.split_at(good[2].1.len() - 1);
    let wrong = format!("{beginning}{}", if last == "0" { "1" } else { "0" });
    let bad = [None, Some(wrong.as_str()), Some(&expired), Some(&revoked)];
    for (number, (method, path, needed)) in (1u8..).zip(&routes) {
        let path = path.replace("{id}", "0123456789abcdef").replace("{name}", "nobody");
        // Wrong tokens are counted by address.
        let from = Ipv4Addr::new(127, 0, 1, number);
        for shown in bad {
            let (status, answer) = ask_over_tls(&site, from, method, &path, shown, "{}").await;
            let expected =
                (StatusCode::UNAUTHORIZED, "{\"error\":\"a token is needed, and one that is good\"}");
            assert_eq!((status, answer.as_str()), expected, "{method} {path} with {shown:?}");
        }
        for (role, secret) in &good {
            let (status, answer) = ask_over_tls(&site, from, method, &path, Some(secret), "{}").await;
            let is_let_in = status != StatusCode::FORBIDDEN;
            assert_eq!(is_let_in, role >= needed, "{method} {path} as {role}: {status} {answer}");
            assert!(
                ![401, 405, 429, 500].contains(&status.as_u16()),
                "{method} {path} as {role}: {status} {answer}"
            );
            assert!(
                !answer.contains("there is nothing here"),
                "{method} {path} is described, and is not there"
            );
        }
    }
    site.stop().await;
}

#[tokio::test]
async fn what_no_description_names_is_nobodys() {
    let folder = Folder::new();
    let site = folder.start().await;
    let admin = token(&site, "lead", Role::Admin, None).await;
    let from = Ipv4Addr::LOCALHOST;
    for (method, path, expected) in [
        ("PUT", "/v1/nodes", 405),
        ("DELETE", "/v1/nodes/0123456789abcdef", 405),
        ("GET", "/v1/secrets", 404),
        ("POST", "/v1/enrol", 404),
        ("HEAD", "/v1/nodes", 200),
    ] {
        let (status, _) = ask_over_tls(&site, from, method, path, Some(&admin), "{}").await;
        assert_eq!(status, expected, "{method} {path}");
        let (status, _) = ask_over_tls(&site, from, method, path, None, "{}").await;
        assert_eq!(status, 401, "{method} {path}");
    }
    let large = " ".repeat(70_000);
    let (status, answer) = ask_over_tls(&site, from, "POST", "/v1/tokens", Some(&admin), &large).await;
    assert_eq!(status, StatusCode::PAYLOAD_TOO_LARGE);
    assert!(answer.starts_with("{\"error\":"), "{answer}");
    site.stop().await;
}

/// Catches a site that looks at as many tokens as somebody can send, or that shuts everybody out for one.
#[tokio::test]
async fn an_address_that_shows_wrong_tokens_is_not_listened_to_for_a_while() {
    let folder = Folder::new();
    let site = folder.start().await;
    let good = token(&site, "monitor", Role::Read, None).await;
    let (stranger, operator) = (Ipv4Addr::new(127, 0, 0, 66), Ipv4Addr::new(127, 0, 0, 2));
    for number in 0..10 {
        let shown = format!("understudy-token-{number}");
        let (status, _) = ask_over_tls(&site, stranger, "GET", "/v1/nodes", Some(&shown), "").await;
        assert_eq!(status, StatusCode::UNAUTHORIZED);
    }
    for shown in ["understudy-token-10", &good] {
        let (status, _) = ask_over_tls(&site, stranger, "GET", "/v1/nodes", Some(shown), "").await;
        assert_eq!(status, StatusCode::TOO_MANY_REQUESTS);
    }
    let (status, _) = ask_over_tls(&site, operator, "GET", "/v1/nodes", Some(&good), "").await;
    assert_eq!(status, StatusCode::OK);
    let told = site.kinds().await.iter().filter(|kind| *kind == "access-refused").count();
    assert_eq!(told, 1, "told, and not once for each try");
    let metrics = site.text("/metrics").await;
    assert!(metrics.contains("understudy_operator_tokens_refused_total 12\n"), "{metrics}");
    site.stop().await;
}

#[tokio::test]
async fn events_tell_who_did_it_and_tokens_outlive_the_site() {
    let folder = Folder::with_image();
    let site = folder.start_with_shelf().await;
    let operate = token(&site, "night-shift", Role::Operate, None).await;
    let (first, second) = (Node::new("a", 1), Node::new("b", 2));
    for node in [&first, &second] {
        node.enrol(&site, &node.hello("b1")).await;
    }
    site.stop().await;

    let site = folder.start_with_shelf().await;
    let path = format!("/v1/nodes/{}/approve", first.id());
    let (status, answer) =
        ask_over_tls(&site, Ipv4Addr::LOCALHOST, "POST", &path, Some(&operate), "{}").await;
    assert_eq!(status, StatusCode::OK, "{answer}");
    site.post(&format!("/v1/nodes/{}/approve", second.id()), json!({})).await;
    let events = site.get("/v1/events?limit=1000").await;
    let by: Vec<&Value> = events
        .as_array()
        .unwrap()
        .iter()
        .filter(|event| event["kind"] == "approved")
        .map(|event| &event["by"])
        .collect();
    let own = std::fs::metadata(&site.socket).map(|file| std::os::unix::fs::MetadataExt::uid(&file)).unwrap();
    assert_eq!(by, [&json!("token night-shift"), &json!(format!("socket uid {own}"))]);
    let (status, answer) = site.post("/v1/tokens", json!({ "name": "night-shift", "role": "read" })).await;
    assert_eq!(status, StatusCode::CONFLICT, "{answer}");
    site.stop().await;
}
