//! A network behind ISC's relay.

use crate::peers::unpacked;
use crate::rack::{Host, Server, client_script, config, eventually, inside, own, run, told};
use std::net::Ipv4Addr;
use std::time::Duration;
use understudy_netboot::dhcp::{EventKind, Mode, Own, Relayed};

#[test]
fn n12_a_client_behind_dhcrelay_gets_and_renews_an_address_of_its_network() {
    if !crate::inside::is_inside() {
        unpacked("isc-dhcp-relay");
    }
    inside("relay::n12_a_client_behind_dhcrelay_gets_and_renews_an_address_of_its_network", || {
        let far = Own {
            pool: "10.88.0.100-10.88.0.109".parse().unwrap(),
            gateway: Some(Ipv4Addr::new(10, 88, 0, 1)),
            lease: Duration::from_secs(10),
            ..own("10.88.0.100-10.88.0.109")
        };
        let mut config = config(Mode::Own(own("10.77.1.0-10.77.1.9")));
        let relayed = Relayed {
            interface: "rack0".into(),
            address: Ipv4Addr::new(10, 88, 0, 0),
            prefix_length: 16,
            own: far,
        };
        config.relayed.push(relayed);
        let mut server = Server::start(config);

        let relay = Host::new("relay", "52:54:00:00:00:bb");
        relay.address("10.77.0.2/16");
        run("ip", &["netns", "add", "client"]);
        let client = Host { name: "client" };
        relay.run("ip", &["link", "add", "far0", "type", "veth", "peer", "name", "eth0", "netns", "client"]);
        relay.run("ip", &["address", "add", "10.88.0.1/16", "dev", "far0"]);
        relay.run("ip", &["link", "set", "far0", "up"]);
        relay.run("sh", &["-c", "echo 1 >/proc/sys/net/ipv4/ip_forward"]);
        client.run("ip", &["link", "set", "eth0", "up"]);
        run("ip", &["route", "add", "10.88.0.0/16", "via", "10.77.0.2"]);
        let program = unpacked("isc-dhcp-relay").join("usr/sbin/dhcrelay");
        // -a adds option 82, and refuses answers that do not bring it back.
        let arguments = ["-4", "-d", "-a", "-m", "discard", "-id", "far0", "-iu", "eth0", "10.77.0.1"];
        let _relay = relay.start(program, &arguments);
        eventually("dhcrelay", || relay.run("ss", &["-lun"]).contains(":67"));

        let folder = tempfile::tempdir().unwrap();
        let script = client_script(folder.path());
        let file = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
        let (leases, pid) = (file("leases"), file("pid"));
        let options = ["-4", "-d", "-cf", "/dev/null", "-sf", &script, "-lf", &leases, "-pf", &pid, "eth0"];
        let _client = client.start("dhclient", &options);
        assert_eq!(told(folder.path(), "BOUND", "new_ip_address"), "10.88.0.100");
        assert_eq!(told(folder.path(), "BOUND", "new_dhcp_server_identifier"), "10.77.0.1");
        // Renewed without the relay, by way of its router.
        client.run("ip", &["route", "add", "default", "via", "10.88.0.1"]);
        assert_eq!(told(folder.path(), "RENEW", "new_ip_address"), "10.88.0.100");
        let happened = server.events();
        assert!(happened.iter().all(|kind| !matches!(kind, EventKind::Dropped { .. })), "{happened:?}");
    });
}
