//! Where this machine's BMC is: by SMBIOS, which names its Redfish service (type 42), else by IPMI.

use super::ipmi;
use crate::console::say;
use std::net::IpAddr;
use std::path::Path;
use understudy_core::base::causes::with_causes;
use understudy_core::base::fs;
use understudy_core::formats::host_interface::{RedfishService, redfish_service};
use understudy_core::formats::smbios::structures;
use understudy_core::protocol::inventory::Bmc;

/// The table as firmware left it (kernel: Documentation/ABI/testing/sysfs-firmware-dmi-tables).
const TABLE: &str = "/sys/firmware/dmi/tables/DMI";
/// IPMI Device Information (DSP0134, section 7.39).
const IPMI_DEVICE: u8 = 38;

/// The BMC, if firmware names one or the kernel speaks with one.
pub fn bmc() -> Option<Bmc> {
    let table = fs::read(Path::new(TABLE)).unwrap_or_default();
    let ours = read(&table);
    // /init has no driver for IPMI: that takes seconds to find a BMC; the agent asks again.
    let Some(asked) = ours.as_ref().and_then(|bmc| bmc.address).is_none().then(ipmi::lan_address).flatten()
    else {
        return ours;
    };
    let known = ours.unwrap_or(Bmc { address: None, redfish_port: None, service_uuid: None });
    Some(Bmc { address: Some(IpAddr::V4(asked)), ..known })
}

/// What the table alone says.
fn read(table: &[u8]) -> Option<Bmc> {
    let service = redfish_service(table).unwrap_or_else(|error| {
        say(&with_causes(&error));
        None
    });
    if let Some(RedfishService { uuid, address, port }) = service {
        return Some(Bmc { address, redfish_port: port, service_uuid: uuid });
    }
    let has_ipmi = structures(table).any(|found| found.is_ok_and(|structure| structure.kind == IPMI_DEVICE));
    has_ipmi.then_some(Bmc { address: None, redfish_port: None, service_uuid: None })
}

#[cfg(test)]
mod tests {
    use super::*;
    use understudy_core::formats::host_interface::structure;

    const IPMI: &[u8] = b"\x26\x12\x11\x00\x01\x20\x20\xff\xa3\x0c\x00\x00\x00\x00\x00\x00\x00\x00\0\0";

    #[test]
    fn a_redfish_service_says_more_than_a_bmc_that_is_only_there() {
        let uuid = "00112233-4455-8677-8899-aabbccddeeff".parse().unwrap();
        let redfish = structure(7, uuid, "10.77.0.201".parse().unwrap(), 8000);
        let found = read(&[IPMI, &redfish].concat()).unwrap();
        assert_eq!((found.address, found.redfish_port), (Some("10.77.0.201".parse().unwrap()), Some(8000)));
        assert_eq!(found.service_uuid, Some(uuid));
        let nothing_more = Bmc { address: None, redfish_port: None, service_uuid: None };
        assert_eq!(read(IPMI), Some(nothing_more));
        assert_eq!(read(&IPMI[1..]), None, "damaged");
        assert_eq!(read(&[]), None);
    }
}
