//! What outlives the site's process.

use crate::fixture::Folder;
use crate::node::Node;
use serde_json::json;
use understudy_site::{Config, Listen, SiteError, build};

#[tokio::test]
async fn a_site_that_starts_again_knows_everything_and_shows_the_same_ca() {
    let folder = Folder::with_image();
    let site = folder.start_with_shelf().await;
    let node = Node { serial: "LAB-1".into(), ..Node::new("a", 1) };
    node.enrol(&site, &node.hello("b1")).await;
    node.report(&site, "b1", json!({ "kind": "installed" })).await;
    let told = node.enrol(&site, &node.hello_from_disk("b2")).await;
    let (ca, before) = (site.ca.clone(), site.get("/v1/events").await);
    site.stop().await;

    let site = folder.start_with_shelf().await;
    assert_eq!(site.ca, ca);
    let wish = site.registry.wishes().of(node.mac.parse().unwrap());
    assert_eq!(wish, understudy_site::registry::Wish::Disk);
    let ready = json!({ "kind": "ready", "nonce": told["nonce"] });
    node.report(&site, "b2", ready).await;
    assert_eq!(site.get("/v1/nodes").await[0]["state"], "spare", "the nonce of before counts");
    let after = site.get("/v1/events").await;
    let (before, after) = (before.as_array().unwrap(), after.as_array().unwrap());
    assert_eq!(after[..before.len()], before[..]);
    assert_eq!(after[before.len()]["kind"], "site-stopped");
    for pair in after.windows(2) {
        let digest = understudy_core::base::sha256::Sha256::of(&serde_json::to_vec(&pair[0]).unwrap());
        assert_eq!(pair[1]["previous"], digest.to_string(), "each event holds the digest of the one before");
    }
    site.stop().await;
}

#[tokio::test]
async fn a_second_site_in_the_same_folder_is_refused() {
    let folder = Folder::new();
    let site = folder.start().await;
    let listen = Listen::Only("127.0.0.1:0".parse().unwrap());
    let second = build(Config { definition: folder.definition(), listen }).await;
    assert!(matches!(second, Err(SiteError::State(_))));
    assert_eq!(site.get("/v1/nodes").await, json!([]), "the first one goes on, socket and all");
    site.stop().await;
}

/// Catches a site that does not check the chain: whoever can write the ledger could rewrite history.
#[tokio::test]
async fn a_history_that_was_rewritten_is_noticed() {
    use understudy_ledger::{Ledger, Sqlite, Txn};
    let folder = Folder::new();
    let site = folder.start().await;
    site.until("/v1/events", |events| !events.as_array().unwrap().is_empty()).await;
    site.stop().await;
    let ledger = Sqlite::open(&folder.folder.path().join("state/ledger.db")).unwrap();
    let key = understudy_site::events::key(1).unwrap();
    let mut event = ledger.get(&key).await.unwrap().unwrap().value;
    event["text"] = json!("something else");
    ledger.txn(Txn::new().put(key, event)).await.unwrap();
    drop(ledger);
    let listen = Listen::Only("127.0.0.1:0".parse().unwrap());
    let error = build(Config { definition: folder.definition(), listen }).await.err().unwrap();
    assert!(error.to_string().contains("event 2"), "{error}");
}
