//! What identities are, of `site.toml` and the image together: the file says who there is, the image what a role is.
//!
//! What an image said of a role is kept in the ledger: when one comes that lacks it, or none is there after a start,
//! its identities stay what they are. Else the agent would take them from healthy nodes.

use super::RackPartError;
use crate::definition::Cluster;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::Arc;
use understudy_core::model::name::Name;
use understudy_core::model::role::{ClusterKind, Exclusivity, Role};
use understudy_ledger::{Ledger, PAGE_ENTRIES_MAX, Prefix, Txn};
use understudy_plan::config::{Declaration, Front, Needs, SpareSource};
use understudy_rack::view;

/// Identities and clusters as the agent takes them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Declared {
    pub identities: BTreeMap<Name, Declaration>,
    pub clusters: BTreeMap<Name, view::Cluster>,
}

/// What of a role matters here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Known {
    kind: ClusterKind,
    exclusivity: Exclusivity,
    #[serde(default)]
    volume: bool,
}

/// What images have said.
pub struct Roles {
    ledger: Arc<dyn Ledger>,
    known: BTreeMap<Name, Known>,
}

fn prefix() -> Prefix {
    "/v1/role/".parse().expect("a constant that follows the rules of prefixes")
}

/// Whether there is an identity that a node may hold, declared or not.
pub async fn was_anything_assigned(ledger: &dyn Ledger) -> Result<bool, RackPartError> {
    let identities: Prefix = "/v1/identity/".parse().expect("a constant that follows the rules of prefixes");
    let page = ledger.range(&identities, None, 1).await.map_err(RackPartError::Roles)?;
    Ok(!page.entries.is_empty())
}

impl Roles {
    /// Reads what was kept.
    pub async fn load(ledger: Arc<dyn Ledger>) -> Result<Self, RackPartError> {
        let page = ledger.range(&prefix(), None, PAGE_ENTRIES_MAX).await.map_err(RackPartError::Roles)?;
        let mut known: BTreeMap<Name, Known> = BTreeMap::new();
        for entry in page.entries {
            let refuse = || RackPartError::RoleEntry(entry.key.to_string());
            let name: Name = entry.key.last_part().parse().map_err(|_| refuse())?;
            known.insert(name, serde_json::from_value(entry.value).map_err(|_| refuse())?);
        }
        Ok(Self { ledger, known })
    }

    /// Takes what an image says of the roles that clusters use.
    pub async fn learn(
        &mut self,
        image: &BTreeMap<Name, Role>,
        clusters: &[Cluster],
    ) -> Result<(), RackPartError> {
        for name in clusters.iter().map(|cluster| &cluster.role) {
            let Some(role) = image.get(name) else { continue };
            let Role { cluster: kind, exclusivity, volume, .. } = *role;
            let known = Known { kind, exclusivity, volume };
            if self.known.get(name) == Some(&known) {
                continue;
            }
            let key = prefix().key(name.as_str()).expect("names are parts of keys");
            let value = serde_json::to_value(known).expect("our own struct has string keys");
            self.ledger.txn(Txn::new().put(key, value)).await.map_err(RackPartError::Roles)?;
            self.known.insert(name.clone(), known);
        }
        Ok(())
    }

    /// What is declared, and what is wrong with which cluster.
    pub fn declare(
        &self,
        clusters: &[Cluster],
        rack: &Name,
        image: Option<&BTreeMap<Name, Role>>,
    ) -> (Declared, Vec<(Name, String)>) {
        let (mut declared, mut problems) = (Declared::default(), Vec::new());
        for cluster in clusters {
            let Cluster { name, role, .. } = cluster;
            let is_missing = image.is_some_and(|image| !image.contains_key(role));
            let Some(known) = self.known.get(role) else {
                let text = format!("no image has the role {role}: its identities are given to nobody");
                problems.push((name.clone(), text));
                continue;
            };
            if is_missing {
                let text = format!("the newest image has no role {role}: nodes that run it cannot take over");
                problems.push((name.clone(), text));
            }
            declared.clusters.insert(name.clone(), view::Cluster { role: role.clone(), kind: known.kind });
            for identity in &cluster.identities {
                declared.identities.insert(identity.name.clone(), declaration(cluster, *known, rack));
            }
        }
        (declared, problems)
    }
}

fn declaration(cluster: &Cluster, known: Known, rack: &Name) -> Declaration {
    let is_strict =
        cluster.exclusivity == Some(Exclusivity::Strict) || known.exclusivity == Exclusivity::Strict;
    Declaration {
        cluster: cluster.name.clone(),
        rack: rack.clone(),
        exclusivity: if is_strict { Exclusivity::Strict } else { Exclusivity::Soft },
        kind: known.kind,
        front: Front::IdentityAddress,
        needs: Needs::default(),
        spares: SpareSource::OwnRack,
        has_volume: known.volume,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use understudy_core::protocol::bundle::AddressWithPrefix;
    use understudy_ledger::Sqlite;

    fn cluster(name: &str, role: &str, exclusivity: Option<Exclusivity>) -> Cluster {
        let identity = crate::definition::Identity {
            name: format!("{name}-1").parse().unwrap(),
            host_name: format!("{name}-1.demo").parse().unwrap(),
            address: AddressWithPrefix { address: "10.0.0.5".parse().unwrap(), prefix: 24 },
        };
        Cluster {
            name: name.parse().unwrap(),
            role: role.parse().unwrap(),
            exclusivity,
            settings: serde_json::Map::new(),
            identities: vec![identity],
        }
    }

    fn image(role: &str, exclusivity: Exclusivity) -> BTreeMap<Name, Role> {
        let cluster = ClusterKind::Balanced;
        let role_of = Role { services: Vec::new(), cluster, exclusivity, volume: false };
        [(role.parse().unwrap(), role_of)].into()
    }

    /// Catches a site that lets `site.toml` weaken what the image says.
    #[tokio::test]
    async fn the_stricter_of_file_and_image_holds() {
        use Exclusivity::{Soft, Strict};
        let folder = tempfile::tempdir().unwrap();
        let ledger = Arc::new(Sqlite::open(&folder.path().join("ledger.db")).unwrap());
        let rack = "r".parse().unwrap();
        for (file, of_image, expected) in [
            (None, Soft, Soft),
            (None, Strict, Strict),
            (Some(Soft), Strict, Strict),
            (Some(Strict), Soft, Strict),
        ] {
            let clusters = [cluster("dns", "dns", file)];
            let mut roles = Roles::load(Arc::clone(&ledger) as _).await.unwrap();
            let image = image("dns", of_image);
            roles.learn(&image, &clusters).await.unwrap();
            let (declared, problems) = roles.declare(&clusters, &rack, Some(&image));
            let found = declared.identities.values().next().unwrap().exclusivity;
            assert_eq!((found, problems), (expected, Vec::new()), "{file:?} {of_image:?}");
        }
    }

    /// What was kept before there were volumes is read as having none; an image that gives a role one is believed.
    #[tokio::test]
    async fn a_role_gets_a_volume_when_its_image_says_so() {
        let folder = tempfile::tempdir().unwrap();
        let ledger = Arc::new(Sqlite::open(&folder.path().join("ledger.db")).unwrap());
        let before = serde_json::json!({ "kind": "balanced", "exclusivity": "strict" });
        let key = prefix().key("store").unwrap();
        ledger.txn(Txn::new().put(key, before)).await.unwrap();
        let clusters = [cluster("store", "store", None)];
        let rack = "r".parse().unwrap();
        let mut image = image("store", Exclusivity::Strict);
        for has_volume in [false, true] {
            image.values_mut().for_each(|role| role.volume = has_volume);
            let mut roles = Roles::load(Arc::clone(&ledger) as _).await.unwrap();
            roles.learn(&image, &clusters).await.unwrap();
            let (declared, _) = roles.declare(&clusters, &rack, Some(&image));
            assert_eq!(declared.identities.values().next().unwrap().has_volume, has_volume);
        }
    }

    /// Catches a site that forgets an identity because its role is missing from a new image: the agent would take it
    /// from the node that serves.
    #[tokio::test]
    async fn an_image_without_a_role_takes_nothing_from_anybody_and_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let ledger = Arc::new(Sqlite::open(&folder.path().join("ledger.db")).unwrap());
        let clusters = [cluster("dns", "dns", None), cluster("web", "web", None)];
        let rack = "r".parse().unwrap();
        let mut roles = Roles::load(Arc::clone(&ledger) as _).await.unwrap();
        let first = image("dns", Exclusivity::Soft);
        roles.learn(&first, &clusters).await.unwrap();
        let (before, problems) = roles.declare(&clusters, &rack, Some(&first));
        assert_eq!(problems.len(), 1, "{problems:?}");
        assert!(problems[0].1.contains("no image has the role web"));
        let mut again = Roles::load(ledger).await.unwrap();
        let second = image("other", Exclusivity::Soft);
        again.learn(&second, &clusters).await.unwrap();
        let (after, problems) = again.declare(&clusters, &rack, Some(&second));
        assert_eq!(after, before);
        assert!(problems[0].1.contains("the newest image has no role dns"), "{problems:?}");
        assert_eq!(again.declare(&clusters, &rack, None).0, before);
    }
}
