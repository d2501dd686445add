//! What the registry knows of nodes, and what it means to the plan that something of it changed.

use crate::redfish::{BmcUrl, CertificateTrust};
use std::collections::BTreeMap;
use std::net::IpAddr;
use understudy_core::model::id::NodeId;
use understudy_core::model::name::Name;
use understudy_plan::config::{Bmc, Needs, NodeFacts as PlanFacts};
use understudy_plan::event::Event;

/// The approved nodes of the rack.
pub type Facts = BTreeMap<NodeId, NodeFacts>;

/// One node, as the registry has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NodeFacts {
    pub serial: String,
    /// SMBIOS UUID at approval.
    pub uuid: Option<String>,
    /// Where it was last seen, a lease of an earlier run of the site included: without it peers cannot look for a node
    /// that has not spoken since this process started.
    pub address: Option<IpAddr>,
    pub bmc: Option<BmcAddress>,
    /// It has proven, with a fresh nonce, that it runs healthily from its disk in the boot `boot_id`.
    pub is_ready_spare: bool,
    /// Its newest boot; empty while none is known.
    pub boot_id: String,
    pub is_retired: bool,
    pub has: Needs,
}

/// How a node's BMC is reached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BmcAddress {
    pub url: BmcUrl,
    /// Needed for HTTPS.
    pub certificate: Option<CertificateTrust>,
}

/// The nodes for the plan; those that are gone for good are not in it.
pub(crate) fn for_plan(facts: &Facts, rack: &Name) -> BTreeMap<NodeId, PlanFacts> {
    let known = facts.iter().filter(|(_, node)| !node.is_retired);
    let plan = |node: &NodeFacts| PlanFacts {
        rack: rack.clone(),
        uuid: node.uuid.clone(),
        bmc: if node.bmc.is_some() { Bmc::Known } else { Bmc::None },
        has: node.has,
    };
    known.map(|(id, node)| (id.clone(), plan(node))).collect()
}

/// What happened between two states of the registry.
pub(crate) fn changes(before: &Facts, after: &Facts) -> Vec<Event> {
    let mut events = Vec::new();
    for (id, _) in before.iter().filter(|(_, was)| was.is_up()) {
        if !after.get(id).is_some_and(NodeFacts::is_up) {
            events.push(Event::NotReady { node: id.clone() });
        }
    }
    for (id, is) in after {
        let was = before.get(id);
        let is_new_boot = was.is_none_or(|was| was.boot_id != is.boot_id) && !is.boot_id.is_empty();
        let (node, boot) = (id.clone(), is.boot_id.clone());
        if is.is_up() && (is_new_boot || !was.is_some_and(NodeFacts::is_up)) {
            events.push(Event::Ready { node, boot });
        } else if is_new_boot && !is.is_retired {
            events.push(Event::Booted { node, boot });
        }
    }
    events
}

impl NodeFacts {
    fn is_up(&self) -> bool {
        self.is_ready_spare && !self.is_retired && !self.boot_id.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn facts(boot: &str, is_ready_spare: bool, is_retired: bool) -> NodeFacts {
        NodeFacts {
            serial: "S".to_owned(),
            uuid: None,
            address: None,
            bmc: None,
            is_ready_spare,
            boot_id: boot.to_owned(),
            is_retired,
            has: Needs::default(),
        }
    }

    #[test]
    fn each_boot_is_told_once_and_what_is_gone_is_not_ready() {
        let node = NodeId::of_public_key(b"n");
        let one = |facts: NodeFacts| Facts::from([(node.clone(), facts)]);
        let ready = |boot: &str| Event::Ready { node: node.clone(), boot: boot.to_owned() };
        let booted = |boot: &str| Event::Booted { node: node.clone(), boot: boot.to_owned() };
        let lost = || Event::NotReady { node: node.clone() };
        let (none, a) = (Facts::new(), one(facts("a", true, false)));
        assert_eq!(changes(&none, &a), [ready("a")]);
        assert_eq!(changes(&a, &a), []);
        assert_eq!(changes(&a, &one(facts("b", false, false))), [lost(), booted("b")]);
        assert_eq!(changes(&a, &one(facts("b", true, false))), [ready("b")]);
        assert_eq!(changes(&a, &one(facts("a", true, true))), [lost()]);
        assert_eq!(changes(&a, &none), [lost()]);
        assert_eq!(changes(&none, &one(facts("", true, false))), []);
        assert!(for_plan(&one(facts("a", true, true)), &"r".parse().unwrap()).is_empty());
    }
}
