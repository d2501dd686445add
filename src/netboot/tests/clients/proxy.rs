//! ProxyDHCP beside dnsmasq.

use crate::peers::unpacked;
use crate::rack::{Host, Server, client_script, config, eventually, inside, told};
use crate::wire::{ask, request};
use std::net::Ipv4Addr;
use understudy_core::base::process::Running;
use understudy_netboot::dhcp::Mode;

const MAC: &str = "52:54:00:00:00:02";
const MAC_BYTES: [u8; 6] = [0x52, 0x54, 0, 0, 0, 2];
const UEFI: [(u8, &[u8]); 2] = [(60, b"PXEClient:Arch:00007:UNDI:003016"), (93, &[0, 7])];

/// Another DHCP server in the rack, which knows nothing of booting.
fn dnsmasq() -> (Host, Running) {
    let host = Host::new("dnsmasq", "52:54:00:00:00:aa");
    host.address("10.77.0.2/16");
    let program = unpacked("dnsmasq-base").join("usr/sbin/dnsmasq");
    let arguments = "--keep-in-foreground --conf-file=/dev/null --port=0 --interface=eth0 --bind-interfaces \
        --dhcp-range=10.77.2.0,10.77.2.9,255.255.0.0,600 --dhcp-leasefile=/run/leases --user=root --no-ping";
    let running = host.start(program, &arguments.split_ascii_whitespace().collect::<Vec<_>>());
    eventually("dnsmasq", || host.run("ss", &["-lun"]).contains(":67"));
    (host, running)
}

#[test]
fn n04_a_client_hears_addresses_from_dnsmasq_and_boot_files_from_us() {
    if std::env::var_os("UNDERSTUDY_TEST_INSIDE").is_none() {
        unpacked("dnsmasq-base");
    }
    inside("proxy::n04_a_client_hears_addresses_from_dnsmasq_and_boot_files_from_us", || {
        let _server = Server::start(config(Mode::Proxy));
        let (_other, _running) = dnsmasq();
        let host = Host::new("client", MAC);
        let discover = request(MAC_BYTES, Ipv4Addr::UNSPECIFIED, &[&[(53, &[1][..])], &UEFI[..]].concat());
        let offers = ask(&host, (Ipv4Addr::BROADCAST, 67), &discover);
        assert_eq!(offers.len(), 2, "{offers:?}");
        let (ours, theirs): (Vec<_>, Vec<_>) =
            offers.iter().partition(|offer| offer.your_address().is_unspecified());
        assert_eq!(
            (ours[0].file().as_str(), ours[0].option(60)),
            ("snponly.efi", Some(b"PXEClient".as_slice()))
        );
        assert_eq!(ours[0].source, "10.77.0.1:67".parse().unwrap());
        assert!(theirs[0].your_address().octets().starts_with(&[10, 77, 2]));

        let address = theirs[0].your_address();
        host.address(&format!("{address}/16"));
        let by_name = request(MAC_BYTES, address, &[&[(53, &[3][..])], &UEFI[..]].concat());
        let answers = ask(&host, (Ipv4Addr::new(10, 77, 0, 1), 4011), &by_name);
        assert_eq!(answers.len(), 1);
        assert_eq!(
            (answers[0].file().as_str(), answers[0].option(53)),
            ("snponly.efi", Some([5].as_slice()))
        );
        assert_eq!(answers[0].source, "10.77.0.1:4011".parse().unwrap());
    });
}

#[test]
fn n04_a_client_that_does_not_boot_is_left_to_dnsmasq() {
    if std::env::var_os("UNDERSTUDY_TEST_INSIDE").is_none() {
        unpacked("dnsmasq-base");
    }
    inside("proxy::n04_a_client_that_does_not_boot_is_left_to_dnsmasq", || {
        let server = Server::start(config(Mode::Proxy));
        let (_other, _running) = dnsmasq();
        let (host, folder) = (Host::new("client", MAC), tempfile::tempdir().unwrap());
        let script = client_script(folder.path());
        host.run("udhcpc", &["-i", "eth0", "-f", "-n", "-q", "-s", &script]);
        assert_eq!(told(folder.path(), "bound", "serverid"), "10.77.0.2");
        assert!(server.metrics.rows().iter().all(|(_, count)| *count == 0), "{:?}", server.metrics.rows());
    });
}
