//! What nodes said last, between those who answer them and the loop. The newest word of a node takes the place of the one
//! before, so that nobody ever waits and nothing grows.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};
use tokio::sync::Notify;
use tokio::time::Instant;
use understudy_core::model::id::NodeId;
use understudy_core::protocol::heartbeat::Heartbeat;

/// See the module.
#[derive(Debug, Default)]
pub struct Heartbeats {
    kept: Mutex<BTreeMap<NodeId, Kept>>,
    arrived: Notify,
}

#[derive(Debug)]
struct Kept {
    /// Not taken by the loop yet.
    waiting: Option<Heartbeat>,
    remote: IpAddr,
    at: Instant,
}

impl Heartbeats {
    /// Keeps it for the loop. An older one that the loop has not taken is dropped; what it saw of peers is kept unless it
    /// was seen again.
    pub fn put(&self, node: &NodeId, mut beat: Heartbeat, remote: IpAddr) {
        let mut kept = self.kept();
        let older = kept.get_mut(node).and_then(|kept| kept.waiting.take());
        for seen in
            older.filter(|older| older.boot_id == beat.boot_id).into_iter().flat_map(|older| older.seen)
        {
            if beat.seen.iter().all(|newer| newer.node != seen.node) {
                beat.seen.push(seen);
            }
        }
        kept.insert(node.clone(), Kept { waiting: Some(beat), remote, at: Instant::now() });
        drop(kept);
        self.arrived.notify_one();
    }

    /// Returns when something waits, or has waited since the last call.
    pub async fn arrived(&self) {
        self.arrived.notified().await;
    }

    /// What waits, one of each node.
    pub fn take(&self) -> Vec<(NodeId, Heartbeat)> {
        let mut kept = self.kept();
        let waiting = kept.iter_mut().filter_map(|(node, kept)| Some((node.clone(), kept.waiting.take()?)));
        waiting.collect()
    }

    /// Where a node was when it last spoke.
    pub fn remote(&self, node: &NodeId) -> Option<IpAddr> {
        self.kept().get(node).map(|kept| kept.remote)
    }

    /// When each node last spoke.
    pub fn last(&self) -> BTreeMap<NodeId, Instant> {
        self.kept().iter().map(|(node, kept)| (node.clone(), kept.at)).collect()
    }

    /// Forgets whoever is not known any more.
    pub fn retain(&self, is_known: impl Fn(&NodeId) -> bool) {
        self.kept().retain(|node, _| is_known(node));
    }

    fn kept(&self) -> MutexGuard<'_, BTreeMap<NodeId, Kept>> {
        // Every change is one insertion or removal: a panic leaves nothing half done.
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use understudy_core::protocol::heartbeat::Seen;

    fn beat(uptime_ms: u64, seen: &[(&NodeId, bool)]) -> Heartbeat {
        let seen = seen.iter().map(|(node, is_reachable)| Seen {
            node: (*node).clone(),
            is_reachable: *is_reachable,
            age_ms: 0,
        });
        Heartbeat { boot_id: "b".to_owned(), uptime_ms, held: None, seen: seen.collect() }
    }

    #[tokio::test]
    async fn the_newest_word_of_each_node_waits_with_all_that_was_seen() {
        let heartbeats = Heartbeats::default();
        let [a, b, c] = [b"a", b"b", b"c"].map(|key| NodeId::of_public_key(key));
        let remote = IpAddr::from([127, 0, 0, 1]);
        heartbeats.put(&a, beat(1, &[(&b, false), (&c, true)]), remote);
        heartbeats.put(&b, beat(7, &[]), remote);
        heartbeats.put(&a, beat(2, &[(&c, false)]), remote);
        heartbeats.arrived().await;
        let mut taken = heartbeats.take();
        taken.sort_by_key(|(_, beat)| beat.uptime_ms);
        assert_eq!(taken, [(a.clone(), beat(2, &[(&c, false), (&b, false)])), (b, beat(7, &[]))]);
        assert_eq!((heartbeats.take().len(), heartbeats.remote(&a)), (0, Some(remote)));
        heartbeats.retain(|_| false);
        assert_eq!(heartbeats.remote(&a), None);
    }
}
