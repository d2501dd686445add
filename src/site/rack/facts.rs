//! What the agent goes by, of what the registry knows.

use crate::definition::Bmc;
use crate::registry::{Place, Standing};
use std::collections::BTreeMap;
use understudy_core::model::id::NodeId;
use understudy_plan::config::Needs;
use understudy_rack::facts::{BmcAddress, Facts, NodeFacts};
use understudy_rack::redfish::BmcUrl;

/// The facts of all approved and retired nodes.
pub fn of(standings: &BTreeMap<NodeId, Standing>, bmc: Option<&Bmc>) -> Facts {
    let one = |(id, standing): (&NodeId, &Standing)| (id.clone(), fact(standing, bmc));
    standings.iter().map(one).collect()
}

fn fact(standing: &Standing, bmc: Option<&Bmc>) -> NodeFacts {
    NodeFacts {
        serial: standing.serial.clone(),
        uuid: standing.uuid.clone(),
        address: standing.address,
        bmc: bmc.and_then(|bmc| bmc_address(standing, bmc)),
        is_ready_spare: standing.place == Place::Ready,
        boot_id: standing.boot_id.clone(),
        is_retired: standing.place == Place::Retired,
        has: Needs {
            processors: standing.processors,
            memory_bytes: standing.memory_bytes,
            disk_bytes: standing.disk_bytes,
        },
    }
}

/// What `site.toml` says of the machine's serial, or else what the machine's own firmware says.
fn bmc_address(standing: &Standing, bmc: &Bmc) -> Option<BmcAddress> {
    if let Some(named) = bmc.nodes.get(&standing.serial).filter(|_| !standing.serial.is_empty()) {
        return Some(BmcAddress {
            url: named.url.clone(),
            certificate: named.certificate.or(bmc.certificates),
        });
    }
    let url: BmcUrl = format!("https://{}", standing.bmc?).parse().ok()?;
    Some(BmcAddress { url, certificate: bmc.certificates })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::definition::BmcNode;

    fn standing(serial: &str, place: Place) -> Standing {
        Standing {
            boot_id: "b".into(),
            place,
            serial: serial.into(),
            uuid: Some("u".into()),
            address: None,
            bmc: Some("10.0.0.9:443".parse().unwrap()),
            processors: 2,
            memory_bytes: 3,
            disk_bytes: 4,
        }
    }

    /// Catches a node that counts as a spare while it is on its way, degraded or retired.
    #[test]
    fn only_a_healthy_node_that_runs_from_its_disk_is_a_spare() {
        for (place, is_spare, is_retired) in [
            (Place::Ready, true, false),
            (Place::Degraded, false, false),
            (Place::OnItsWay, false, false),
            (Place::Retired, false, true),
        ] {
            let fact = fact(&standing("S", place), None);
            assert_eq!((fact.is_ready_spare, fact.is_retired), (is_spare, is_retired), "{place:?}");
            assert!(fact.bmc.is_none(), "without a login no BMC is used");
        }
    }

    /// Catches a serial that is not there and matches: an empty one would be every board's.
    #[test]
    fn the_site_file_goes_before_the_inventory() {
        let node = BmcNode { url: "http://10.0.0.1:8000".parse().unwrap(), certificate: None };
        let bmc = Bmc {
            user: "u".parse().unwrap(),
            password_file: "p".into(),
            certificates: None,
            nodes: [("S".to_owned(), node.clone()), (String::new(), node)].into(),
        };
        let url = |serial| fact(&standing(serial, Place::Ready), Some(&bmc)).bmc.unwrap().url.to_string();
        assert_eq!(url("S"), "http://10.0.0.1:8000");
        assert_eq!((url("T"), url("")), ("https://10.0.0.9:443".into(), "https://10.0.0.9:443".to_owned()));
    }
}
