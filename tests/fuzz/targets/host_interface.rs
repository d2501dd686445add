//! What firmware says of a BMC: a whole SMBIOS table.

#![no_main]

use libfuzzer_sys::fuzz_target;
use understudy_core::formats::host_interface::redfish_service;
use understudy_core::formats::smbios::structures;

fuzz_target!(|table: &[u8]| {
    assert!(structures(table).count() <= table.len() / 6 + 1);
    if let Ok(Some(service)) = redfish_service(table) {
        assert_eq!(service.address.is_some(), service.port.is_some());
    }
});
