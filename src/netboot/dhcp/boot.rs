//! What to boot, by firmware only: never by who the machine is. Pure.

use super::firmware::Firmware;
use std::net::Ipv4Addr;
use understudy_core::model::mac::MacAddress;
use understudy_core::protocol::{SITE_SUBOPTION, VENDOR_CLASS};

const BIOS_LOADER: &str = "undionly.kpxe";
const UEFI_LOADER: &str = "snponly.efi";
/// PXE 2.1, table 2-1: discovery control (6) with bit 3, "boot the file, discover nothing", and the end mark.
/// Without it EDK2 takes us for BINL and asks on port 4011, and BIOS ROMs look for boot servers.
const NO_DISCOVERY: &[u8] = &[6, 1, 0b1000, 255];
/// iPXE's `no-pxedhcp`: do not wait for a proxyDHCP offer as well.
const IPXE_NO_PROXY: &[u8] = &[0xb0, 1, 1];
const HTTP_PORT: u16 = 80;

/// Where things are, as one client reaches them.
#[derive(Clone, Copy, Debug)]
pub struct Place {
    pub server: Ipv4Addr,
    pub http_port: u16,
    pub node_api_port: u16,
}

/// What an answer says about booting.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Boot {
    /// Option 60, echoed: firmware ignores answers of another class.
    pub class: Option<&'static str>,
    /// Option 43.
    pub vendor_information: Vec<u8>,
    /// Option 67 and the header's `file`; an HTTP URL has an address in it, as firmware has no DNS.
    pub file: Option<String>,
    /// Option 175.
    pub ipxe: &'static [u8],
}

impl Boot {
    /// The answer for a firmware. Without an Ethernet address there is no URL.
    pub fn answer(firmware: &Firmware, mac: Option<MacAddress>, place: Place) -> Self {
        let url = |file| mac.map(|mac| place.boot_url(mac, file));
        let pxe = |file| Self {
            class: Some("PXEClient"),
            vendor_information: NO_DISCOVERY.to_vec(),
            file: Some(String::from(file)),
            ipxe: &[],
        };
        match firmware {
            Firmware::BiosPxe => pxe(BIOS_LOADER),
            Firmware::UefiPxe => pxe(UEFI_LOADER),
            Firmware::UefiHttp => Self { class: Some("HTTPClient"), file: url("x64.efi"), ..Self::default() },
            Firmware::Ipxe => Self { file: url("ipxe"), ipxe: IPXE_NO_PROXY, ..pxe("") },
            Firmware::Node => Self {
                class: Some(VENDOR_CLASS),
                vendor_information: place.site_suboption(),
                ..Self::default()
            },
            Firmware::Unserved(_) | Firmware::None => Self::default(),
        }
    }
}

impl Place {
    fn boot_url(self, mac: MacAddress, file: &str) -> String {
        let Self { server, http_port, .. } = self;
        let mac = mac.digits();
        match http_port {
            HTTP_PORT => format!("http://{server}/boot/{mac}/{file}"),
            port => format!("http://{server}:{port}/boot/{mac}/{file}"),
        }
    }

    fn site_suboption(self) -> Vec<u8> {
        let url = format!("https://{}:{}", self.server, self.node_api_port);
        let length = u8::try_from(url.len()).expect("an address and a port have at most 30 letters");
        [&[SITE_SUBOPTION, length], url.as_bytes()].concat()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLACE: Place = Place { server: Ipv4Addr::new(10, 77, 0, 1), http_port: 80, node_api_port: 8443 };
    const MAC: MacAddress = MacAddress::new([0x52, 0x54, 0, 0, 0, 0xab]);

    #[test]
    fn each_firmware_gets_its_loader() {
        for (firmware, class, file) in [
            (Firmware::BiosPxe, Some("PXEClient"), Some("undionly.kpxe")),
            (Firmware::UefiPxe, Some("PXEClient"), Some("snponly.efi")),
            (Firmware::Ipxe, Some("PXEClient"), Some("http://10.77.0.1/boot/5254000000ab/ipxe")),
            (Firmware::UefiHttp, Some("HTTPClient"), Some("http://10.77.0.1/boot/5254000000ab/x64.efi")),
            (Firmware::Node, Some("understudy-node"), None),
            (Firmware::Unserved(vec![11]), None, None),
            (Firmware::None, None, None),
        ] {
            let boot = Boot::answer(&firmware, Some(MAC), PLACE);
            assert_eq!((boot.class, boot.file.as_deref()), (class, file), "{firmware:?}");
        }
    }

    #[test]
    fn n03_pxe_clients_are_told_to_discover_nothing() {
        for firmware in [Firmware::BiosPxe, Firmware::UefiPxe, Firmware::Ipxe] {
            let boot = Boot::answer(&firmware, Some(MAC), PLACE);
            assert_eq!(boot.vendor_information[..3], [6, 1, 8], "{firmware:?}");
        }
        assert!(Boot::answer(&Firmware::UefiHttp, Some(MAC), PLACE).vendor_information.is_empty());
    }

    #[test]
    fn n06_http_clients_get_a_url_with_an_address_or_nothing() {
        let place = Place { http_port: 8080, ..PLACE };
        let boot = Boot::answer(&Firmware::UefiHttp, Some(MAC), place);
        assert_eq!(boot.file.as_deref(), Some("http://10.77.0.1:8080/boot/5254000000ab/x64.efi"));
        assert_eq!(Boot::answer(&Firmware::UefiHttp, None, place).file, None);
    }

    #[test]
    fn n07_every_boot_file_name_fits_the_header() {
        let place =
            Place { server: Ipv4Addr::new(255, 255, 255, 255), http_port: 65535, node_api_port: 65535 };
        for firmware in [Firmware::BiosPxe, Firmware::UefiPxe, Firmware::UefiHttp, Firmware::Ipxe] {
            let file = Boot::answer(&firmware, Some(MAC), place).file.unwrap();
            assert!(file.len() <= 64, "{file}");
        }
    }

    #[test]
    fn our_init_is_told_where_its_site_is() {
        let boot = Boot::answer(&Firmware::Node, Some(MAC), PLACE);
        assert_eq!(boot.vendor_information, b"\x01\x16https://10.77.0.1:8443");
    }
}
