use super::*;
use crate::base::fs;
use crate::base::process::Process;
use proptest::prelude::*;

const UUID: &str = "00112233-4455-8677-8899-aabbccddeeff";

fn table() -> Vec<u8> {
    let service = Ipv4Addr::new(10, 77, 0, 201).into();
    let system = b"\x01\x06\x01\x00\x00\x00\0\0".as_slice();
    [system, &structure(0x2a00, UUID.parse().unwrap(), service, 8000), b"\x7f\x04\xfe\xff\0\0"].concat()
}

/// Where the record's data begins in [`table`]: behind the first structure, the header, the device and the counts.
const RECORD_AT: usize = 8 + 6 + 9 + 3;

#[test]
fn what_was_written_is_read() {
    let found = redfish_service(&table()).unwrap().unwrap();
    assert_eq!(found.uuid.unwrap().to_string(), UUID);
    assert_eq!((found.address, found.port), (Some("10.77.0.201".parse().unwrap()), Some(8000)));
}

/// The table as Debian's dmidecode reads it: offsets and the order of a UUID's bytes are not our own invention.
#[test]
fn dmidecode_reads_the_same() {
    let table = table();
    // An entry point of SMBIOS 3 (DSP0134, section 5.2.2) in the form of `dmidecode --dump-bin`: the table follows it.
    let mut dump = b"_SM3_\0\x18\x03\x02\x00\x01\x00".to_vec();
    dump.extend_from_slice(&(table.len() as u32).to_le_bytes());
    dump.extend_from_slice(&32_u64.to_le_bytes());
    dump[5] = dump.iter().fold(0_u8, |sum, byte| sum.wrapping_add(*byte)).wrapping_neg();
    dump.resize(32, 0);
    dump.extend_from_slice(&table);
    let file = tempfile::NamedTempFile::new().unwrap();
    fs::write(file.path(), &dump).unwrap();
    let output =
        Process::new("dmidecode").args(["--type", "42", "--from-dump"]).arg(file.path()).run().unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    for line in [
        "Host Interface Type: Network",
        "Protocol ID: 04 (Redfish over IP)",
        &format!("Service UUID: {UUID}"),
        "Redfish Service IP Discovery Type: Static",
        "IPv4 Redfish Service Address: 10.77.0.201",
        "Redfish Service Port: 8000",
    ] {
        assert!(said.contains(line), "{line}: {said}");
    }
}

#[test]
fn a_service_that_the_host_has_to_find_has_no_address() {
    let mut other = table();
    other[RECORD_AT + DISCOVERY_AT] = 2;
    let found = redfish_service(&other).unwrap().unwrap();
    assert_eq!((found.address, found.port), (None, None));
    assert_eq!(found.uuid.unwrap().to_string(), UUID);

    other[RECORD_AT..RECORD_AT + 16].fill(0);
    assert_eq!(redfish_service(&other).unwrap().unwrap().uuid, None);
}

#[test]
fn only_a_whole_record_of_redfish_over_ip_counts() {
    for (what, at, value) in [
        ("another structure", 8, 43),
        ("another interface", 8 + 4, 2),
        ("a device that is longer than the structure", 8 + 5, 0xff),
        ("no records", RECORD_AT - 3, 0),
        ("another protocol", RECORD_AT - 2, 2),
        ("a record that is longer than the structure", RECORD_AT - 1, 0xff),
        ("a record that is too short", RECORD_AT - 1, 90),
        ("a host name that is not there", RECORD_AT + HOST_NAME_BYTES_AT, 7),
    ] {
        let mut other = table();
        other[at] = value;
        assert_eq!(redfish_service(&other), Ok(None), "{what}");
    }
    let cut = &table()[..60];
    assert_eq!(redfish_service(cut), Err(SmbiosError::Short { at: 8 }));
}

proptest! {
    #[test]
    fn every_service_comes_back(handle: u16, uuid: [u8; 16], address: IpAddr, port: u16) {
        let uuid = Uuid::new(uuid);
        let found = redfish_service(&structure(handle, uuid, address, port)).unwrap().unwrap();
        let is_usable = !address.is_unspecified() && port != 0;
        prop_assert_eq!(found.address, is_usable.then_some(address));
        prop_assert_eq!(found.port, is_usable.then_some(port));
        prop_assert_eq!(found.uuid, Some(uuid).filter(|uuid| !uuid.names_nobody()));
    }

    #[test]
    fn hostile_tables_never_panic(mut table in Just(table()), flips in prop::collection::vec((0..128_usize, any::<u8>()), 0..12), end in 0..200_usize) {
        let length = table.len();
        for (at, value) in flips {
            table[at % length] = value;
        }
        table.truncate(end);
        let _ = redfish_service(&table);
    }
}
