//! What to boot, packets in, packets out: an engine with an own network, a proxied one, and one behind a relay.

use super::*;
use crate::dhcp::config::{Config, Interface, Mode, Own, Relayed, Reservation};
use crate::dhcp::message::{Direction, Message};
use crate::dhcp::options::{Options, code};
use std::net::SocketAddrV4;
use std::time::Duration;

pub const OWN: usize = 0;
pub const PROXY: usize = 1;
pub const SERVER: Ipv4Addr = Ipv4Addr::new(10, 77, 0, 1);
pub const PROXY_SERVER: Ipv4Addr = Ipv4Addr::new(10, 78, 0, 1);
pub const ANYBODY: SocketAddrV4 = SocketAddrV4::new(Ipv4Addr::UNSPECIFIED, 68);

pub fn config() -> Config {
    let own = |pool: &str, gateway| Own {
        pool: pool.parse().unwrap(),
        gateway: Some(gateway),
        dns: vec![Ipv4Addr::new(10, 0, 0, 53)],
        lease: Duration::from_secs(3600),
        reservations: Vec::new(),
    };
    let interface = |name: &str, address, mode| Interface {
        name: name.into(),
        address,
        prefix_length: 24,
        mode,
        router_advertisements: false,
    };
    let mut rack = own("10.77.0.100-10.77.0.109", Ipv4Addr::new(10, 77, 0, 254));
    let mac = "52:54:00:00:00:77".parse().unwrap();
    rack.reservations = vec![Reservation { mac, address: Ipv4Addr::new(10, 77, 0, 77) }];
    let far = own("10.88.0.100-10.88.0.109", Ipv4Addr::new(10, 88, 0, 1));
    Config {
        interfaces: vec![
            interface("rack0", SERVER, Mode::Own(rack)),
            interface("rack1", PROXY_SERVER, Mode::Proxy),
        ],
        relayed: vec![Relayed {
            interface: "rack0".into(),
            address: Ipv4Addr::new(10, 88, 0, 0),
            prefix_length: 24,
            own: far,
        }],
        http_port: 80,
        node_api_port: 8443,
    }
}

pub fn engine() -> Engine {
    Engine::new(&config().validate().unwrap(), Vec::new()).0
}

/// A message of a client, to be changed.
pub fn message(kind: MessageType, number: u8) -> Message {
    let mut options = Options::default();
    options.push(code::MESSAGE_TYPE, &[kind as u8]);
    let mut hardware = [0; 16];
    hardware[..6].copy_from_slice(&[0x52, 0x54, 0, 0, 0, number]);
    Message {
        direction: Direction::Request,
        hardware_kind: 1,
        hardware_length: 6,
        hops: 0,
        xid: 0x1234_5678,
        seconds: 4,
        flags: 0,
        client_address: Ipv4Addr::UNSPECIFIED,
        your_address: Ipv4Addr::UNSPECIFIED,
        next_server: Ipv4Addr::UNSPECIFIED,
        relay_address: Ipv4Addr::UNSPECIFIED,
        hardware,
        server_name: [0; 64],
        file: [0; 128],
        options,
    }
}

pub fn with(kind: MessageType, number: u8, options: &[(u8, &[u8])]) -> Message {
    let mut message = message(kind, number);
    options.iter().for_each(|(code, value)| message.options.push(*code, value));
    message
}

pub fn discover(number: u8, options: &[(u8, &[u8])]) -> Message {
    with(MessageType::Discover, number, options)
}

pub fn selecting(number: u8, address: Ipv4Addr) -> Message {
    let options = [(code::SERVER_IDENTIFIER, SERVER.octets()), (code::REQUESTED_ADDRESS, address.octets())];
    with(MessageType::Request, number, &options.each_ref().map(|(code, value)| (*code, value.as_slice())))
}

pub fn step_from(
    engine: &mut Engine,
    interface: usize,
    port: Port,
    source: SocketAddrV4,
    message: &Message,
) -> Effects {
    let bytes = message.encode();
    engine.step(SystemTime::UNIX_EPOCH, &Received { interface, port, source, bytes: &bytes })
}

pub fn step(engine: &mut Engine, interface: usize, message: &Message) -> Effects {
    step_from(engine, interface, Port::Dhcp, ANYBODY, message)
}

#[track_caller]
pub fn answer(effects: &Effects) -> (Destination, Message) {
    let reply = effects.reply.as_ref().unwrap_or_else(|| panic!("no answer: {:?}", effects.events));
    (reply.destination, Message::decode(&reply.bytes).unwrap())
}

#[track_caller]
pub fn ask(message: &Message) -> Message {
    answer(&step(&mut engine(), OWN, message)).1
}

#[track_caller]
pub fn is_silent(effects: &Effects, reason: DropReason) {
    assert_eq!(effects.reply, None);
    assert_eq!(effects.events.last().unwrap().kind, EventKind::Dropped { reason });
}

pub fn kind(message: &Message) -> Option<MessageType> {
    message.options.byte(code::MESSAGE_TYPE).and_then(MessageType::from_byte)
}

pub fn file(message: &Message) -> String {
    let text: Vec<u8> = message.file.iter().copied().take_while(|byte| *byte != 0).collect();
    String::from_utf8(text).unwrap()
}

/// Options as they are written down here.
pub type Listed = &'static [(u8, &'static [u8])];

pub const BIOS: Listed = &[(60, b"PXEClient:Arch:00000:UNDI:002001"), (93, &[0, 0])];
pub const UEFI: Listed = &[(60, b"PXEClient:Arch:00007:UNDI:003016"), (93, &[0, 7])];
pub const UEFI_9: Listed = &[(60, b"PXEClient"), (93, &[0, 6, 0, 9])];
pub const HTTP: Listed = &[(60, b"HTTPClient:Arch:00016:UNDI:003001"), (93, &[0, 16])];
pub const IPXE: Listed = &[(60, b"PXEClient:Arch:00007:UNDI:003010"), (93, &[0, 7]), (77, b"iPXE")];
pub const ARM: Listed = &[(60, b"PXEClient:Arch:00011:UNDI:003000"), (93, &[0, 11])];
pub const NODE: Listed = &[(60, b"understudy-node")];

#[test]
fn n01_the_boot_answer_follows_the_architectures() {
    for (options, class, name) in [
        (BIOS, "PXEClient", "undionly.kpxe"),
        (UEFI, "PXEClient", "snponly.efi"),
        (UEFI_9, "PXEClient", "snponly.efi"),
        (HTTP, "HTTPClient", "http://10.77.0.1/boot/525400000002/x64.efi"),
        (IPXE, "PXEClient", "http://10.77.0.1/boot/525400000002/ipxe"),
        (ARM, "", ""),
        (NODE, "understudy-node", ""),
        (&[], "", ""),
    ] {
        let offer = ask(&discover(2, options));
        let text = |code| String::from_utf8_lossy(offer.options.get(code).unwrap_or_default()).into_owned();
        assert_eq!((text(60).as_str(), file(&offer).as_str()), (class, name), "{options:?}");
        assert_eq!(text(67), name, "{options:?}");
        let next = if name.is_empty() { Ipv4Addr::UNSPECIFIED } else { SERVER };
        assert_eq!(offer.next_server, next, "{options:?}");
        assert!(!offer.your_address.is_unspecified(), "{options:?}");
    }
}

#[test]
fn n01_an_architecture_without_a_loader_gets_an_address_and_is_reported() {
    let effects = step(&mut engine(), OWN, &discover(2, ARM));
    let kinds: Vec<_> = effects.events.iter().map(|event| &event.kind).collect();
    assert!(matches!(kinds[0], EventKind::Offered { .. }));
    assert_eq!(*kinds[1], EventKind::NothingToBoot { architectures: vec![11] });
    assert_eq!(answer(&effects).1.options.get(43), None);
}

#[test]
fn n02_option_97_is_mirrored_when_it_is_one() {
    let mut uuid = [7; 17];
    uuid[0] = 0;
    for (value, expected) in [
        (&uuid[..], Some(&uuid[..])),
        (&[0; 17], Some(&[0; 17])),
        (&[], Some(&[])),
        (&[1; 17], None),
        (&[0; 16], None),
        (&[0; 18], None),
    ] {
        let offer = ask(&discover(2, &[BIOS, &[(97, value)]].concat()));
        assert_eq!(offer.options.get(97), expected, "{value:?}");
    }
}

#[test]
fn n02_a_shared_uuid_is_not_an_identity() {
    let mut engine = engine();
    let vendor_default = b"\x00\x03\x00\x02\x00\x04\x00\x05\x00\x00\x06\x00\x07\x00\x08\x00\x09";
    let addresses = [2, 3].map(|number| {
        let message = discover(number, &[BIOS, &[(97, vendor_default)]].concat());
        answer(&step(&mut engine, OWN, &message)).1.your_address
    });
    assert_ne!(addresses[0], addresses[1]);
}

#[test]
fn n03_pxe_clients_are_told_to_skip_discovery() {
    for options in [BIOS, UEFI, IPXE] {
        let offer = ask(&discover(2, options));
        assert!(offer.options.get(43).unwrap().starts_with(&[6, 1, 8]), "{options:?}");
    }
}

#[test]
fn n04_port_4011_answers_a_request_by_name() {
    let mut engine = engine();
    let client = SocketAddrV4::new(Ipv4Addr::new(10, 78, 0, 50), 68);
    for kind_asked in [MessageType::Request, MessageType::Inform] {
        let mut message = with(kind_asked, 2, UEFI);
        message.client_address = *client.ip();
        let effects = step_from(&mut engine, PROXY, Port::Proxy, client, &message);
        let (destination, ack) = answer(&effects);
        assert_eq!(destination, Destination::Unicast(client));
        assert_eq!((kind(&ack), file(&ack).as_str()), (Some(MessageType::Ack), "snponly.efi"));
        assert_eq!(ack.options.address(54), Some(PROXY_SERVER));
        assert!(ack.your_address.is_unspecified() && ack.options.get(51).is_none());
        assert_eq!(effects.reply.unwrap().port, Port::Proxy);
        assert_eq!(effects.lease, None);
    }
}

#[test]
fn n04_port_4011_stands_behind_the_same_gate() {
    let mut engine = engine();
    let client = SocketAddrV4::new(Ipv4Addr::new(10, 78, 0, 50), 68);
    let mut ask = |message: &Message| step_from(&mut engine, PROXY, Port::Proxy, client, message);
    is_silent(&ask(&message(MessageType::Request, 2)), DropReason::NotBooting);
    is_silent(&ask(&discover(2, UEFI)), DropReason::WrongPort);
    let other = with(MessageType::Request, 2, &[UEFI, &[(54, &[10, 78, 0, 9])]].concat());
    is_silent(&ask(&other), DropReason::OtherServer);
    let reply = Message { direction: Direction::Reply, ..with(MessageType::Request, 2, UEFI) };
    is_silent(&ask(&reply), DropReason::NotARequest);
    let arm = ask(&with(MessageType::Request, 2, ARM));
    assert_eq!((arm.reply, arm.events.len()), (None, 1));
}

#[test]
fn n04_beside_another_server_only_what_to_boot_is_offered() {
    let mut engine = engine();
    for (options, name) in [
        (BIOS, "undionly.kpxe"),
        (UEFI, "snponly.efi"),
        (HTTP, "http://10.78.0.1/boot/525400000002/x64.efi"),
        (IPXE, "http://10.78.0.1/boot/525400000002/ipxe"),
    ] {
        let effects = step(&mut engine, PROXY, &discover(2, options));
        let (destination, offer) = answer(&effects);
        assert_eq!(destination, Destination::Broadcast);
        assert_eq!((kind(&offer), file(&offer).as_str()), (Some(MessageType::Offer), name));
        assert!(offer.your_address.is_unspecified() && offer.flags == 0x8000);
        for code in [1, 3, 6, 51, 58, 59] {
            assert_eq!(offer.options.get(code), None, "{code}");
        }
    }
    is_silent(&step(&mut engine, PROXY, &discover(2, &[])), DropReason::NotBooting);
    for kind in [MessageType::Request, MessageType::Decline, MessageType::Release, MessageType::Inform] {
        is_silent(&step(&mut engine, PROXY, &with(kind, 2, UEFI)), DropReason::OtherServer);
    }
}

#[test]
fn n05_where_we_own_dhcp_one_offer_has_everything() {
    let offer = ask(&discover(2, UEFI));
    for code in [1, 3, 6, 43, 51, 54, 58, 59, 60, 66, 67] {
        assert!(offer.options.get(code).is_some(), "{code}");
    }
    assert_eq!(offer.options.address(1), Some(Ipv4Addr::new(255, 255, 255, 0)));
    assert_eq!(offer.options.address(3), Some(Ipv4Addr::new(10, 77, 0, 254)));
    assert_eq!(offer.options.get(51), Some(&3600_u32.to_be_bytes()[..]));
}

#[test]
fn n06_http_boot_echoes_its_class_and_names_no_host() {
    let offer = ask(&discover(2, HTTP));
    assert_eq!(offer.options.get(60), Some(b"HTTPClient".as_slice()));
    assert!(file(&offer).starts_with("http://10.77.0.1/") && offer.options.get(43).is_none());
}

#[test]
fn n07_the_boot_file_is_in_the_header_and_in_option_67() {
    for options in [BIOS, UEFI, HTTP, IPXE] {
        let offer = ask(&discover(2, options));
        assert_eq!(offer.options.get(67), Some(file(&offer).as_bytes()));
        assert!(file(&offer).len() <= 127);
    }
}

#[test]
fn n08_a_loader_of_ours_is_not_told_to_load_itself_again() {
    for mark in [(77, b"iPXE".as_slice()), (77, b"\x04iPXE"), (175, b"\xb1\x05\x01\x80\x86\x10\x0e")] {
        for firmware in [BIOS, UEFI] {
            let offer = ask(&discover(2, &[firmware, &[mark]].concat()));
            assert_eq!(file(&offer), "http://10.77.0.1/boot/525400000002/ipxe", "{mark:?}");
        }
    }
}

#[test]
fn n09_ipxe_is_told_not_to_wait_for_a_proxy() {
    assert_eq!(ask(&discover(2, IPXE)).options.get(175), Some([0xb0, 1, 1].as_slice()));
}
