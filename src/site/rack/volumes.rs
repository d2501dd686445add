//! Nodes that must not be given up, as they have the last copy of somebody's data. Read from the ledger itself, so that it
//! counts as well while no rack agent runs.

use understudy_core::model::id::NodeId;
use understudy_ledger::{Ledger, LedgerError, PAGE_ENTRIES_MAX, Prefix};
use understudy_plan::durable::Volume;

/// Where volumes are is not known.
#[derive(Debug, thiserror::Error)]
pub enum VolumesError {
    #[error("cannot read the volumes in the ledger")]
    Ledger(#[from] LedgerError),
    #[error("the volume {key} in the ledger cannot be understood")]
    Entry {
        key: String,
        #[source]
        source: serde_json::Error,
    },
}

/// Why a node cannot be given up, whether its identity is still declared or not: an operator who wants it gone may still want
/// the data.
pub async fn why_it_stays(ledger: &dyn Ledger, node: &NodeId) -> Result<Option<String>, VolumesError> {
    let volumes: Prefix = "/v1/volume/".parse().expect("a constant that follows the rules of prefixes");
    let mut after = None;
    loop {
        let page = ledger.range(&volumes, after.as_ref(), PAGE_ENTRIES_MAX).await?;
        for entry in &page.entries {
            let fail = |source| VolumesError::Entry { key: entry.key.to_string(), source };
            let volume: Volume = serde_json::from_value(entry.value.clone()).map_err(fail)?;
            if volume.is_last_copy(node) {
                let identity = entry.key.last_part();
                let text = format!(
                    "node {node} has the only copy of the volume of identity {identity}, which would be lost with it"
                );
                return Ok(Some(text));
            }
        }
        after = page.entries.last().map(|entry| entry.key.clone());
        if !page.more {
            return Ok(None);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;
    use understudy_ledger::{Sqlite, Txn};

    /// Catches a site that gives up the last copy of data, or one that keeps a node for a volume in which nothing ever was.
    #[tokio::test]
    async fn a_node_with_the_last_copy_stays_and_any_other_may_go() {
        let folder = tempfile::tempdir().unwrap();
        let ledger = Sqlite::open(&folder.path().join("ledger.db")).unwrap();
        let node = |key: &str| NodeId::of_public_key(key.as_bytes());
        let put = async |identity: &str, copies: &[&str], served: bool| {
            let copies: Vec<NodeId> = copies.iter().map(|key| node(key)).collect();
            let key = format!("/v1/volume/{identity}").parse().unwrap();
            let value = json!({ "born": 1, "copies": copies, "served": served });
            ledger.txn(Txn::new().put(key, value)).await.unwrap();
        };
        put("store-1", &["a"], true).await;
        put("store-2", &["b"], false).await;
        put("store-3", &["c", "d"], true).await;
        let why = why_it_stays(&ledger, &node("a")).await.unwrap().unwrap();
        assert!(why.contains("the only copy of the volume of identity store-1"), "{why}");
        for key in ["b", "c", "d", "e"] {
            assert_eq!(why_it_stays(&ledger, &node(key)).await.unwrap(), None, "{key}");
        }
        let key = "/v1/volume/store-4".parse().unwrap();
        ledger.txn(Txn::new().put(key, json!("damaged"))).await.unwrap();
        assert!(why_it_stays(&ledger, &node("e")).await.is_err());
    }
}
