//! Every way in which a configuration can be wrong, by name.

use super::*;

pub fn own() -> Own {
    Own {
        pool: "10.77.0.100-10.77.0.199".parse().unwrap(),
        gateway: Some(Ipv4Addr::new(10, 77, 0, 254)),
        dns: vec![Ipv4Addr::new(10, 77, 0, 1)],
        lease: Duration::from_secs(3600),
        reservations: vec![reservation("52:54:00:00:00:01", "10.77.0.11")],
    }
}

fn reservation(mac: &str, address: &str) -> Reservation {
    Reservation { mac: mac.parse().unwrap(), address: address.parse().unwrap() }
}

fn config(own: Own) -> Config {
    let interface = Interface {
        name: "rack0".into(),
        address: Ipv4Addr::new(10, 77, 0, 1),
        prefix_length: 24,
        mode: Mode::Own(own),
        router_advertisements: false,
    };
    Config { interfaces: vec![interface], relayed: Vec::new(), http_port: 80, node_api_port: 8443 }
}

#[track_caller]
fn own_is_refused(change: impl FnOnce(&mut Own), expected: &str) {
    let mut own = own();
    change(&mut own);
    assert_eq!(config(own).validate().unwrap_err().to_string(), expected);
}

#[track_caller]
fn config_is_refused(change: impl FnOnce(&mut Config), expected: &str) {
    let mut config = config(own());
    change(&mut config);
    assert_eq!(config.validate().unwrap_err().to_string(), expected);
}

#[test]
fn a_good_configuration_is_taken() {
    let checked = config(own()).validate().unwrap();
    let network = &checked.networks[0];
    assert_eq!((checked.interfaces.len(), checked.networks.len()), (1, 1));
    let never = ["10.77.0.0", "10.77.0.1", "10.77.0.254", "10.77.0.255"];
    assert_eq!(network.never, never.iter().map(|text| text.parse().unwrap()).collect());
}

#[test]
fn an_interface_that_is_off_is_not_served() {
    let mut config = config(own());
    config.interfaces[0].mode = Mode::Off;
    let checked = config.validate().unwrap();
    assert!(checked.interfaces.is_empty() && checked.networks.is_empty());
}

#[test]
fn interfaces_are_checked() {
    for name in ["", "a/b", "a b", "sixteen-letters-", "..", "eth0:1"] {
        config_is_refused(
            |config| config.interfaces[0].name = name.into(),
            &format!("`{name}` is not the name of a network interface"),
        );
    }
    config_is_refused(
        |config| config.interfaces.push(config.interfaces[0].clone()),
        "interface rack0 is listed twice",
    );
    for (address, prefix_length) in
        [("10.77.0.0", 24), ("10.77.0.255", 24), ("127.0.0.1", 8), ("239.0.0.1", 24)]
    {
        config_is_refused(
            |config| {
                config.interfaces[0].address = address.parse().unwrap();
                config.interfaces[0].prefix_length = prefix_length;
            },
            &format!("{address} of rack0 is not a host's address in a /{prefix_length}"),
        );
    }
    config_is_refused(
        |config| config.interfaces[0].prefix_length = 31,
        "rack0 has prefix length 31, which is not between 8 and 30",
    );
    config_is_refused(|config| config.http_port = 0, "port 0 is no port");
    config_is_refused(|config| config.node_api_port = 0, "port 0 is no port");
}

#[test]
fn networks_must_not_overlap() {
    let relayed = |config: &mut Config| {
        let address = Ipv4Addr::new(10, 77, 0, 9);
        config.relayed.push(Relayed { interface: "rack0".into(), address, prefix_length: 16, own: own() });
    };
    config_is_refused(relayed, "the networks of rack0 and 10.77.0.0/16 overlap");
    let elsewhere = |config: &mut Config| {
        let address = Ipv4Addr::new(10, 99, 0, 0);
        config.relayed.push(Relayed { interface: "rack9".into(), address, prefix_length: 16, own: own() });
    };
    let expected = "DHCP is not served on rack9, over which the relay of 10.99.0.0/16 is to be answered";
    config_is_refused(elsewhere, expected);
}

#[test]
fn pools_are_checked() {
    for (pool, expected) in [
        ("10.77.0.9-10.77.0.8", "pool 10.77.0.9-10.77.0.8 of rack0 ends before it begins"),
        ("10.77.0.9-10.77.1.8", "pool 10.77.0.9-10.77.1.8 is not in the network of rack0"),
        ("10.76.0.9-10.77.0.8", "pool 10.76.0.9-10.77.0.8 is not in the network of rack0"),
        (
            "10.77.0.254-10.77.0.255",
            "pool 10.77.0.254-10.77.0.255 of rack0 has no address that could be given to a client",
        ),
    ] {
        own_is_refused(|own| own.pool = pool.parse().unwrap(), expected);
    }
    config_is_refused(
        |config| {
            config.interfaces[0].prefix_length = 8;
            let Mode::Own(own) = &mut config.interfaces[0].mode else { unreachable!() };
            own.pool = "10.0.0.0-10.1.0.0".parse().unwrap();
        },
        "pool 10.0.0.0-10.1.0.0 of rack0 has more than 65536 addresses",
    );
}

#[test]
fn what_clients_are_told_is_checked() {
    for gateway in ["10.78.0.1", "10.77.0.255"] {
        own_is_refused(
            |own| own.gateway = Some(gateway.parse().unwrap()),
            &format!("gateway {gateway} is not a host's address in the network of rack0"),
        );
    }
    own_is_refused(|own| own.dns = vec![Ipv4Addr::LOCALHOST; 5], "rack0 lists more than 4 DNS servers");
    own_is_refused(
        |own| own.dns = vec![Ipv4Addr::UNSPECIFIED],
        "`0.0.0.0` of rack0 is not the address of a DNS server",
    );
    for (seconds, text) in [(9, "9s"), (400 * 24 * 3600, "34560000s")] {
        own_is_refused(
            |own| own.lease = Duration::from_secs(seconds),
            &format!("leases of rack0 last {text}, which is not between 10s and 31622400s"),
        );
    }
}

#[test]
fn reservations_are_checked() {
    let add = |mac: &'static str, address: &'static str| {
        move |own: &mut Own| own.reservations.push(reservation(mac, address))
    };
    own_is_refused(add("52:54:00:00:00:01", "10.77.0.12"), "52:54:00:00:00:01 has two reservations in rack0");
    own_is_refused(add("52:54:00:00:00:02", "10.77.0.11"), "10.77.0.11 is reserved twice in rack0");
    own_is_refused(
        add("53:54:00:00:00:02", "10.77.0.12"),
        "53:54:00:00:00:02, for which rack0 reserves an address, is a group's address",
    );
    for address in ["10.78.0.1", "10.77.0.0", "10.77.0.255", "10.77.0.1", "10.77.0.254"] {
        own_is_refused(
            add("52:54:00:00:00:02", address),
            &format!("{address}, which rack0 reserves, is not a client's address in its network"),
        );
    }
}
