//! Identities: who may say that it lives, who gets which bundle, and what operators see and say.

use crate::fixture::{Folder, Running};
use crate::holder::{Rack, bundle, opened};
use crate::node::Node;
use hyper::StatusCode;
use serde_json::{Value, json};
use understudy_core::base::fs;

fn dns_1(identities: &Value) -> &Value {
    identities.as_array().unwrap().iter().find(|identity| identity["name"] == "dns-1").unwrap()
}

fn is(state: &'static str, epoch: u64) -> impl Fn(&Value) -> bool {
    move |identities| dns_1(identities)["state"] == state && dns_1(identities)["epoch"] == epoch
}

async fn heartbeat(node: &Node, site: &Running, boot: &str) -> (StatusCode, Value) {
    let body = json!({ "boot_id": boot, "uptime_ms": 1, "held": null, "seen": [] });
    node.request(site, "POST", "/v1/heartbeat", body.to_string().into()).await
}

/// Catches a heartbeat that is taken from whoever has a key, from a boot that the site has not heard of, or from a
/// machine that runs from the network.
#[tokio::test]
async fn only_an_approved_node_that_runs_from_its_disk_in_this_boot_may_say_that_it_lives() {
    let folder = Folder::with_image();
    let site = folder.start_with_shelf().await;
    let node = Node::new("a", 1);
    assert_eq!(heartbeat(&node, &site, "b1").await.0, StatusCode::FORBIDDEN, "a stranger");
    node.enrol(&site, &node.hello("install")).await;
    assert_eq!(heartbeat(&node, &site, "install").await.0, StatusCode::FORBIDDEN, "not approved");
    site.order(&format!("/v1/nodes/{}/approve", node.id()), json!({})).await;
    node.report(&site, "install", json!({ "kind": "waiting" })).await;
    assert_eq!(heartbeat(&node, &site, "install").await.0, StatusCode::FORBIDDEN, "runs from the network");
    node.report(&site, "install", json!({ "kind": "installed" })).await;
    let told = node.enrol(&site, &node.hello_from_disk("b2")).await;
    assert_eq!(heartbeat(&node, &site, "b2").await.0, StatusCode::FORBIDDEN, "not proven");
    node.report(&site, "b2", json!({ "kind": "ready", "nonce": told["nonce"] })).await;
    let (status, beat) = heartbeat(&node, &site, "b2").await;
    assert_eq!((status, &beat["order"]["kind"]), (StatusCode::OK, &json!("keep")));
    assert_eq!(heartbeat(&node, &site, "b1").await.0, StatusCode::CONFLICT, "another boot");
    let large = vec![b' '; 40 << 10];
    let (status, _) = node.request_raw(&site, "POST", "/v1/heartbeat", large.into()).await;
    assert_eq!(status, StatusCode::PAYLOAD_TOO_LARGE);
    assert_eq!(node.request(&site, "POST", "/v1/bundle", "{}".into()).await.0, StatusCode::BAD_REQUEST);
    let before = site.kinds().await;
    for _ in 0..20 {
        assert_eq!(heartbeat(&node, &site, "b2").await.0, StatusCode::OK);
    }
    assert_eq!(site.kinds().await, before, "no heartbeat is an event");
    let metrics = site.text("/metrics").await;
    assert!(metrics.contains("understudy_node_heartbeats_refused_total 5\n"), "{metrics}");
    site.order(&format!("/v1/nodes/{}/retire", node.id()), json!({})).await;
    assert_eq!(heartbeat(&node, &site, "b2").await.0, StatusCode::FORBIDDEN, "retired");
    site.stop().await;
}

/// Catches: a bundle for a node that holds nothing, for another node than the holder, for an epoch that is over or
/// not there yet, for an unapproved node; a secret that stays the same over epochs, or that is shown anywhere.
#[tokio::test]
async fn a_bundle_goes_to_the_holder_at_its_epoch_alone() {
    let folder = Folder::with_identities();
    let site = folder.start_with_shelf().await;
    let (a, b, stranger) = (Node::new("a", 1), Node::new("b", 2), Node::new("c", 3));
    stranger.enrol(&site, &stranger.hello("b1")).await;
    for node in [&a, &b] {
        node.become_spare(&site, "b1").await;
        assert_eq!(bundle(node, &site, "dns-1", 1).await.0, StatusCode::FORBIDDEN, "nobody holds it yet");
    }
    let mut rack = Rack::of(&[&a, &b], "b1");
    let identities = rack.live_until(&site, is("held", 1)).await;
    let holder = rack.holder().node;
    let other = if holder.id() == a.id() { &b } else { &a };
    assert_eq!(dns_1(&identities)["node"], holder.id().as_str());
    assert_eq!(dns_1(&identities)["serial"], holder.serial);

    let (status, first) = bundle(holder, &site, "dns-1", 1).await;
    assert_eq!(status, StatusCode::OK, "{first}");
    assert_eq!((&first["role"], &first["host_name"]), (&json!("dns"), &json!("dns-1.demo")));
    assert_eq!(first["address"], json!({ "address": "127.0.0.21", "prefix": 8 }));
    assert_eq!(first["settings"], json!({ "networks": ["127.0.0.0/8"] }));
    let secret = opened(holder, &first);
    assert_eq!(opened(holder, &bundle(holder, &site, "dns-1", 1).await.1), secret);
    for (node, identity, epoch) in [
        (other, "dns-1", 1),
        (&stranger, "dns-1", 1),
        (holder, "dns-1", 0),
        (holder, "dns-1", 2),
        (holder, "web-1", 1),
        (holder, "nothing", 1),
    ] {
        let (status, answer) = bundle(node, &site, identity, epoch).await;
        assert_eq!(status, StatusCode::FORBIDDEN, "{identity} {epoch}: {answer}");
    }
    let nodes = site.get("/v1/nodes").await;
    let shown = nodes.as_array().unwrap().iter().find(|node| node["id"] == holder.id().as_str()).unwrap();
    assert_eq!((&shown["state"], &shown["identity"]), (&json!("assigned"), &json!("dns-1")));

    site.order(&format!("/v1/nodes/{}/drain", holder.id()), json!({})).await;
    rack.live_until(&site, is("held", 2)).await;
    assert_eq!(bundle(holder, &site, "dns-1", 1).await.0, StatusCode::FORBIDDEN, "its epoch is over");
    assert_eq!(bundle(holder, &site, "dns-1", 2).await.0, StatusCode::FORBIDDEN);
    let (status, next) = bundle(other, &site, "dns-1", 2).await;
    assert_eq!(status, StatusCode::OK, "{next}");
    assert_ne!(opened(other, &next), secret, "each epoch has a secret of its own");

    let hidden = hex::encode(&secret);
    for path in
        ["/v1/events?limit=1000", "/v1/identities", "/v1/rack", "/v1/takeovers", "/v1/nodes", "/metrics"]
    {
        assert!(!site.text(path).await.contains(&hidden), "{path}");
    }
    site.stop().await;
    for name in ["ledger.db", "ledger.db-wal"] {
        let content = fs::read(&folder.folder.path().join("state").join(name)).unwrap_or_default();
        let is_there = |part: &[u8]| content.windows(part.len()).any(|window| window == part);
        assert!(!is_there(&secret) && !is_there(hidden.as_bytes()), "{name}");
    }
}

/// Catches a bundle that does not say that there is data, and a site that lets the only copy of it go.
#[tokio::test]
async fn a_node_with_the_only_copy_of_a_volume_is_told_of_it_and_stays() {
    let folder = Folder::with_store();
    let site = folder.start_with_shelf().await;
    let (a, b) = (Node::new("a", 1), Node::new("b", 2));
    for node in [&a, &b] {
        node.become_spare(&site, "b1").await;
    }
    let mut rack = Rack::of(&[&a, &b], "b1");
    let identities = rack.live_until(&site, |identities| identities[0]["volume"]["served"] == true).await;
    let holder = rack.holder().node;
    let other = if holder.id() == a.id() { &b } else { &a };
    let id = holder.id().to_string();
    assert_eq!(identities[0]["volume"], json!({ "born": 1, "copies": [id], "served": true }));
    let (status, bundle) = bundle(holder, &site, "store-1", 1).await;
    assert_eq!((status, &bundle["volume"]), (StatusCode::OK, &json!({ "born": 1 })));
    for (path, body) in [
        (format!("/v1/nodes/{id}/retire"), json!({})),
        (format!("/v1/nodes/{id}/drain"), json!({})),
        ("/v1/identities/store-1/replace".to_owned(), json!({ "reason": "x", "force": true })),
    ] {
        let (status, answer) = site.post(&path, body).await;
        let why = answer["error"].as_str().unwrap_or_default();
        assert!(status == StatusCode::CONFLICT && why.contains("volume"), "{path}: {status} {answer}");
    }
    assert_eq!(site.get(&format!("/v1/nodes/{id}")).await["identity"], "store-1");
    site.order(&format!("/v1/nodes/{}/retire", other.id()), json!({})).await;
    site.stop().await;
}

#[tokio::test]
async fn a_takeover_is_told_from_its_beginning_to_its_end() {
    let folder = Folder::with_identities();
    let site = folder.start_with_shelf().await;
    let (a, b) = (Node::new("a", 1), Node::new("b", 2));
    for node in [&a, &b] {
        node.become_spare(&site, "b1").await;
    }
    let mut rack = Rack::of(&[&a, &b], "b1");
    rack.live_until(&site, is("held", 1)).await;
    let holder = rack.holder().node;
    let path = "/v1/identities/dns-1/replace";
    let rehearsed = site.order(path, json!({ "reason": "disk is old", "dry_run": true })).await;
    assert!(rehearsed["lines"][0].as_str().unwrap().contains("leaves node"), "{rehearsed}");
    assert_eq!(site.get("/v1/takeovers").await, json!([]), "a rehearsal changes nothing");
    let done = site.order(path, json!({ "reason": "disk is old" })).await;
    assert_eq!(done["dry_run"], false);
    rack.live_until(&site, is("held", 2)).await;
    let takeovers = site.get("/v1/takeovers").await;
    let takeover = &takeovers[0];
    assert_eq!((&takeover["identity"], &takeover["outcome"]), (&json!("dns-1"), &json!("serving")));
    assert_eq!(takeover["from"], holder.id().as_str());
    for step in ["fenced_s", "assigned_s", "serving_s"] {
        assert!(takeover[step].is_f64(), "{takeover:#}");
    }
    let told = site
        .until("/v1/events?limit=1000", |events| {
            let of =
                |kind: &str| events.as_array().unwrap().iter().filter(|event| event["kind"] == kind).count();
            of("serving") == 2
        })
        .await;
    let of_it = |event: &&Value| event["identity"] == "dns-1";
    let kinds: Vec<&str> =
        told.as_array().unwrap().iter().filter(of_it).map(|event| event["kind"].as_str().unwrap()).collect();
    for kind in ["assigned", "serving", "takeover-begun", "fenced"] {
        assert!(kinds.contains(&kind), "{kinds:?}");
    }
    let commanded = told.as_array().unwrap().iter().find(|event| event["kind"] == "commanded").unwrap();
    assert!(commanded["text"].as_str().unwrap().contains("disk is old"), "{commanded}");
    assert!(commanded["by"].as_str().unwrap().starts_with("socket uid"), "{commanded}");
    site.stop().await;
}

#[tokio::test]
async fn what_cannot_be_done_is_refused_with_the_reason() {
    let folder = Folder::with_identities();
    let site = folder.start_with_shelf().await;
    let is_up = |rack: &Value| rack["halted"] == json!([]) && rack["identities"][0]["name"] == "dns-1";
    site.until("/v1/rack", is_up).await;
    let node = Node::new("a", 1);
    let id = node.id();
    let cases = [
        (
            "/v1/identities/nothing/assign",
            json!({ "node": id }),
            StatusCode::NOT_FOUND,
            "has no identity nothing",
        ),
        (
            "/v1/identities/dns-1/assign",
            json!({ "node": id }),
            StatusCode::CONFLICT,
            "no node of it is known",
        ),
        ("/v1/identities/dns-1/replace", json!({ "reason": "x" }), StatusCode::CONFLICT, "has no holder"),
        (
            "/v1/identities/dns-1/replace",
            json!({ "reason": " " }),
            StatusCode::UNPROCESSABLE_ENTITY,
            "a reason",
        ),
        (
            "/v1/identities/dns-1/replace",
            json!({ "reason": "a\nb" }),
            StatusCode::UNPROCESSABLE_ENTITY,
            "one line",
        ),
        ("/v1/identities/dns-1/acknowledge", json!({}), StatusCode::CONFLICT, "never assigned"),
        (
            "/v1/pause",
            json!({ "scope": { "identity": "x" }, "reason": "x" }),
            StatusCode::NOT_FOUND,
            "no identity x",
        ),
        ("/v1/resume", json!({ "scope": "site" }), StatusCode::CONFLICT, "is not paused"),
    ];
    for (path, body, expected, text) in cases {
        let (status, answer) = site.post(path, body.clone()).await;
        let message = answer["error"].as_str().unwrap_or_default();
        assert!(status == expected && message.contains(text), "{path} {body}: {status} {answer}");
    }
    let rehearsed = site.order("/v1/pause", json!({ "scope": "rack", "reason": "x", "dry_run": true })).await;
    assert_eq!(rehearsed["dry_run"], true);
    assert_eq!(site.get("/v1/rack").await["pauses"], json!([]));
    site.order("/v1/pause", json!({ "scope": "rack", "reason": "new switch" })).await;
    site.until("/v1/rack", |rack| rack["pauses"][0]["reason"] == "new switch").await;
    site.order("/v1/resume", json!({ "scope": "rack" })).await;
    site.until("/v1/rack", |rack| rack["pauses"] == json!([])).await;
    site.stop().await;
}

/// Catches a site that ends, or forgets, because of a role that its image does not have.
#[tokio::test]
async fn a_role_that_the_image_lacks_is_an_event_and_shown() {
    let folder = Folder::with_identities();
    let site = folder.start_with_shelf().await;
    let clusters = site.until("/v1/clusters", |clusters| clusters[0]["kind"] == "balanced").await;
    assert_eq!((&clusters[0]["attention"], &clusters[1]["kind"]), (&json!([]), &Value::Null));
    assert!(clusters[1]["attention"][0].as_str().unwrap().contains("no image has the role webmail"));
    let identities = site.get("/v1/identities").await;
    assert_eq!((&identities[0]["state"], &identities[1]["state"]), (&json!("free"), &json!("unknown")));
    let missing = |kinds: &[String]| kinds.iter().filter(|kind| *kind == "role-missing").count();
    assert_eq!(missing(&site.kinds().await), 1);
    site.rescan.notify_one();
    folder.image("mail", "0.2.0");
    site.rescan.notify_one();
    site.until("/v1/images", |images| images[0]["image"] == "mail 0.2.0").await;
    assert_eq!(missing(&site.kinds().await), 1, "told once");
    site.stop().await;
}

#[tokio::test]
async fn without_an_agent_everything_is_as_it_was_and_says_so() {
    let folder = Folder::with_identities();
    let path = folder.folder.path().join("site.toml");
    fs::write(&path, (fs::read_text(&path).unwrap() + "\n[rack]\nagent = \"off\"\n").as_bytes()).unwrap();
    let site = folder.start_with_shelf().await;
    let node = Node::new("a", 1);
    node.become_spare(&site, "b1").await;
    let (status, beat) = heartbeat(&node, &site, "b1").await;
    assert_eq!((status, &beat["order"]["kind"]), (StatusCode::OK, &json!("keep")));
    assert_eq!(bundle(&node, &site, "dns-1", 1).await.0, StatusCode::FORBIDDEN);
    let (status, answer) = site.post("/v1/identities/dns-1/assign", json!({ "node": node.id() })).await;
    assert!(status == StatusCode::CONFLICT && answer.to_string().contains("agent = \\\"off\\\""), "{answer}");
    assert_eq!(site.get("/v1/identities").await[0]["state"], "unknown");
    site.stop().await;
}
