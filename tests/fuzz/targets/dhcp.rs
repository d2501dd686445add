//! DHCP messages into the engine, several in a row: the first byte of each says interface, port and pause.

#![no_main]

#[path = "../parts.rs"]
mod parts;

use libfuzzer_sys::fuzz_target;
use std::net::{Ipv4Addr, SocketAddrV4};
use std::time::{Duration, SystemTime};
use understudy_netboot::dhcp::{Config, Engine, Interface, Mode, Own, Port, Received, Relayed};

fn config() -> Config {
    let own = |pool: &str| Own {
        pool: pool.parse().expect("a range"),
        gateway: None,
        dns: vec![Ipv4Addr::new(10, 0, 0, 53)],
        lease: Duration::from_secs(60),
        reservations: Vec::new(),
    };
    let interface = |name: &str, address, mode| Interface {
        name: name.into(),
        address,
        prefix_length: 24,
        mode,
        router_advertisements: false,
    };
    Config {
        interfaces: vec![
            interface("rack0", Ipv4Addr::new(10, 77, 0, 1), Mode::Own(own("10.77.0.100-10.77.0.103"))),
            interface("rack1", Ipv4Addr::new(10, 78, 0, 1), Mode::Proxy),
        ],
        relayed: vec![Relayed {
            interface: "rack0".into(),
            address: Ipv4Addr::new(10, 88, 0, 0),
            prefix_length: 24,
            own: own("10.88.0.100-10.88.0.103"),
        }],
        http_port: 80,
        node_api_port: 8443,
    }
}

fuzz_target!(|input: &[u8]| {
    let checked = config().validate().expect("a good configuration");
    let (mut engine, _) = Engine::new(&checked, Vec::new());
    let mut now = SystemTime::UNIX_EPOCH;
    for part in parts::of(input) {
        let Some((&choice, bytes)) = part.split_first() else { continue };
        now += Duration::from_secs(u64::from(choice >> 2));
        let effects = engine.step(
            now,
            &Received {
                interface: usize::from(choice & 1),
                port: if choice & 2 == 0 { Port::Dhcp } else { Port::Proxy },
                source: SocketAddrV4::new(Ipv4Addr::UNSPECIFIED, 68),
                bytes,
            },
        );
        assert!(!effects.events.is_empty());
        if let Some(reply) = effects.reply {
            assert!((300..=1472).contains(&reply.bytes.len()));
        }
    }
});
