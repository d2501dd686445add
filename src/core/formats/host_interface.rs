//! How firmware tells where a machine's own BMC is: SMBIOS type 42, the Management Controller Host Interface
//! (DMTF DSP0134, section 7.43), with a record of Redfish over IP (DMTF DSP0270, section 8.6).
//!
//! Entry points: [`redfish_service`] reads a whole table; [`structure`] writes one structure, for machines of ours.

use super::smbios::{SmbiosError, structures};
use crate::model::uuid::Uuid;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

const TYPE: u8 = 42;
/// Interface type and length of what is special to it (DSP0134, table 136).
const INTERFACE_TYPE_AT: usize = 4;
const NETWORK_HOST_INTERFACE: u8 = 0x40;
/// Protocol type of a record (DSP0134, table 138).
const REDFISH_OVER_IP: u8 = 4;
/// Device type of a PCI card, with the four numbers that name it (DSP0270, section 8.3).
const PCI_DEVICE: u8 = 3;
/// Discovery types: only a static address, and one that the interface made for itself, are written in the record.
const STATIC: u8 = 1;
const AUTOCONFIGURED: u8 = 3;
const IPV4: u8 = 1;
const IPV6: u8 = 2;
/// Offsets in a record of Redfish over IP (DSP0270, table 4).
const DISCOVERY_AT: usize = 50;
const FORMAT_AT: usize = 51;
const ADDRESS_AT: usize = 52;
const PORT_AT: usize = 84;
const HOST_NAME_BYTES_AT: usize = 90;
const RECORD_BYTES_MIN: usize = 91;

/// Where a machine's Redfish service is, by its own firmware's word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RedfishService {
    /// The same as `UUID` in the service's root; `None` where firmware does not know it.
    pub uuid: Option<Uuid>,
    /// `None` where the host has to find it by DHCP or name.
    pub address: Option<IpAddr>,
    /// `None` together with the address.
    pub port: Option<u16>,
}

/// What the first record of Redfish over IP says; `None` where there is none that can be read.
pub fn redfish_service(table: &[u8]) -> Result<Option<RedfishService>, SmbiosError> {
    for structure in structures(table) {
        let structure = structure?;
        if structure.kind != TYPE {
            continue;
        }
        if let Some(service) = record(structure.formatted).and_then(service) {
            return Ok(Some(service));
        }
    }
    Ok(None)
}

/// The data of the structure's record of Redfish over IP.
fn record(formatted: &[u8]) -> Option<&[u8]> {
    let [kind, length, rest @ ..] = formatted.get(INTERFACE_TYPE_AT..)? else { return None };
    if *kind != NETWORK_HOST_INTERFACE {
        return None;
    }
    let (count, mut records) = rest.get(usize::from(*length)..)?.split_first()?;
    for _ in 0..*count {
        let [kind, length, rest @ ..] = records else { return None };
        let data = rest.get(..usize::from(*length))?;
        if *kind == REDFISH_OVER_IP {
            return Some(data);
        }
        records = &rest[data.len()..];
    }
    None
}

fn service(record: &[u8]) -> Option<RedfishService> {
    let name_bytes = usize::from(*record.get(HOST_NAME_BYTES_AT)?);
    if record.len() < RECORD_BYTES_MIN + name_bytes {
        return None;
    }
    let uuid = Uuid::from_smbios(record[..16].try_into().ok()?);
    let is_written = matches!(record[DISCOVERY_AT], STATIC | AUTOCONFIGURED);
    let address = address(record[FORMAT_AT], record[ADDRESS_AT..ADDRESS_AT + 16].try_into().ok()?);
    let address = address.filter(|address| is_written && !address.is_unspecified());
    let port = u16::from_le_bytes([record[PORT_AT], record[PORT_AT + 1]]);
    Some(RedfishService {
        uuid: Some(uuid).filter(|uuid| !uuid.names_nobody()),
        address: address.filter(|_| port != 0),
        port: address.and(Some(port)).filter(|port| *port != 0),
    })
}

fn address(format: u8, bytes: [u8; 16]) -> Option<IpAddr> {
    match format {
        IPV4 => Some(Ipv4Addr::new(bytes[0], bytes[1], bytes[2], bytes[3]).into()),
        IPV6 => Some(Ipv6Addr::from(bytes).into()),
        _ => None,
    }
}

/// A whole structure for a service with a static address; `handle` must be nobody else's in the table.
pub fn structure(handle: u16, uuid: Uuid, service: IpAddr, port: u16) -> Vec<u8> {
    let mut record = vec![0; RECORD_BYTES_MIN];
    record[..16].copy_from_slice(&uuid.to_smbios());
    record[DISCOVERY_AT] = STATIC;
    match service {
        IpAddr::V4(address) => {
            record[FORMAT_AT] = IPV4;
            record[ADDRESS_AT..ADDRESS_AT + 4].copy_from_slice(&address.octets());
        }
        IpAddr::V6(address) => {
            record[FORMAT_AT] = IPV6;
            record[ADDRESS_AT..ADDRESS_AT + 16].copy_from_slice(&address.octets());
        }
    }
    record[PORT_AT..PORT_AT + 2].copy_from_slice(&port.to_le_bytes());
    let [low, high] = handle.to_le_bytes();
    // Vendor, device and both subsystem numbers of the card: virtio's network card (virtio 1.1, section 5.1.1).
    let device = [PCI_DEVICE, 0xf4, 0x1a, 0x41, 0x10, 0xf4, 0x1a, 0x00, 0x11];
    let mut structure = vec![TYPE, 0, low, high, NETWORK_HOST_INTERFACE, device.len() as u8];
    structure.extend_from_slice(&device);
    structure.extend_from_slice(&[1, REDFISH_OVER_IP, record.len() as u8]);
    structure.extend_from_slice(&record);
    structure[1] = structure.len() as u8;
    // It has no strings.
    structure.extend_from_slice(&[0, 0]);
    structure
}

#[cfg(test)]
#[path = "host_interface_tests.rs"]
mod tests;
