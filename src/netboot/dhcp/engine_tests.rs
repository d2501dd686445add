//! Packets in, packets out: one engine with an own network, a proxied one, and one behind a relay.

use super::*;
use crate::dhcp::config::{Config, Interface, Mode, Own, Relayed, Reservation};
use crate::dhcp::message::{Direction, Message};
use crate::dhcp::options::{Options, code};
use std::net::SocketAddrV4;
use std::time::Duration;

pub const OWN: usize = 0;
pub const PROXY: usize = 1;
pub const SERVER: Ipv4Addr = Ipv4Addr::new(10, 77, 0, 1);
const PROXY_SERVER: Ipv4Addr = Ipv4Addr::new(10, 78, 0, 1);
const ANYBODY: SocketAddrV4 = SocketAddrV4::new(Ipv4Addr::UNSPECIFIED, 68);

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
        relayed: vec![Relayed { address: Ipv4Addr::new(10, 88, 0, 0), prefix_length: 24, own: far }],
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

fn with(kind: MessageType, number: u8, options: &[(u8, &[u8])]) -> Message {
    let mut message = message(kind, number);
    options.iter().for_each(|(code, value)| message.options.push(*code, value));
    message
}

fn discover(number: u8, options: &[(u8, &[u8])]) -> Message {
    with(MessageType::Discover, number, options)
}

fn selecting(number: u8, address: Ipv4Addr) -> Message {
    let options = [(code::SERVER_IDENTIFIER, SERVER.octets()), (code::REQUESTED_ADDRESS, address.octets())];
    with(MessageType::Request, number, &options.each_ref().map(|(code, value)| (*code, value.as_slice())))
}

fn step_from(
    engine: &mut Engine,
    interface: usize,
    port: Port,
    source: SocketAddrV4,
    message: &Message,
) -> Effects {
    let bytes = message.encode();
    engine.step(SystemTime::UNIX_EPOCH, &Received { interface, port, source, bytes: &bytes })
}

fn step(engine: &mut Engine, interface: usize, message: &Message) -> Effects {
    step_from(engine, interface, Port::Dhcp, ANYBODY, message)
}

#[track_caller]
fn answer(effects: &Effects) -> (Destination, Message) {
    let reply = effects.reply.as_ref().unwrap_or_else(|| panic!("no answer: {:?}", effects.events));
    (reply.destination, Message::decode(&reply.bytes).unwrap())
}

#[track_caller]
fn ask(message: &Message) -> Message {
    answer(&step(&mut engine(), OWN, message)).1
}

#[track_caller]
fn is_silent(effects: &Effects, reason: DropReason) {
    assert_eq!(effects.reply, None);
    assert_eq!(effects.events.last().unwrap().kind, EventKind::Dropped { reason });
}

fn kind(message: &Message) -> Option<MessageType> {
    message.options.byte(code::MESSAGE_TYPE).and_then(MessageType::from_byte)
}

fn file(message: &Message) -> String {
    let text: Vec<u8> = message.file.iter().copied().take_while(|byte| *byte != 0).collect();
    String::from_utf8(text).unwrap()
}

/// Options as they are written down here.
pub type Listed = &'static [(u8, &'static [u8])];

const BIOS: Listed = &[(60, b"PXEClient:Arch:00000:UNDI:002001"), (93, &[0, 0])];
const UEFI: Listed = &[(60, b"PXEClient:Arch:00007:UNDI:003016"), (93, &[0, 7])];
const UEFI_9: Listed = &[(60, b"PXEClient"), (93, &[0, 6, 0, 9])];
const HTTP: Listed = &[(60, b"HTTPClient:Arch:00016:UNDI:003001"), (93, &[0, 16])];
const IPXE: Listed = &[(60, b"PXEClient:Arch:00007:UNDI:003010"), (93, &[0, 7]), (77, b"iPXE")];
const ARM: Listed = &[(60, b"PXEClient:Arch:00011:UNDI:003000"), (93, &[0, 11])];
const NODE: Listed = &[(60, b"understudy-node")];

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

#[test]
fn n10_answers_reach_clients_without_an_address() {
    let mut engine = engine();
    let mut ask = |flags, change: fn(&mut Message)| {
        let mut message = Message { flags, ..discover(2, IPXE) };
        change(&mut message);
        answer(&step(&mut engine, OWN, &message)).0
    };
    let mac = "52:54:00:00:00:02".parse().unwrap();
    let address = Ipv4Addr::new(10, 77, 0, 100);
    assert_eq!(ask(0, |_| ()), Destination::Frame { mac, address });
    assert_eq!(ask(0x8000, |_| ()), Destination::Broadcast);
    let infiniband = |message: &mut Message| {
        (message.hardware_kind, message.hardware_length) = (32, 0);
        message.options.push(61, &[255, 0, 0, 0, 1]);
    };
    assert_eq!(ask(0, infiniband), Destination::Broadcast);
}

#[test]
fn n10_a_client_with_an_address_is_answered_there_and_a_refused_one_by_broadcast() {
    let mut engine = engine();
    let address = Ipv4Addr::new(10, 77, 0, 100);
    let renewing = Message { client_address: address, ..message(MessageType::Request, 2) };
    let (destination, ack) = answer(&step(&mut engine, OWN, &renewing));
    assert_eq!(destination, Destination::Unicast(SocketAddrV4::new(address, 68)));
    assert_eq!((ack.client_address, ack.your_address), (address, address));
    let (destination, nak) = answer(&step(&mut engine, OWN, &selecting(3, address)));
    assert_eq!((destination, kind(&nak)), (Destination::Broadcast, Some(MessageType::Nak)));
    assert!(nak.your_address.is_unspecified() && nak.options.get(51).is_none());
    // One that uses an address which it has lost is not to be looked for there.
    let lost = Message { client_address: address, ..message(MessageType::Request, 3) };
    let (destination, nak) = answer(&step(&mut engine, OWN, &lost));
    assert_eq!((destination, kind(&nak)), (Destination::Broadcast, Some(MessageType::Nak)));
}

#[test]
fn n11_answers_fit_what_the_client_takes_and_the_wire() {
    for size in [0_u16, 1, 548, 576, 1472, 65280, 65535] {
        let identifier = [7; 64];
        let options = [(57, &size.to_be_bytes()[..]), (61, &identifier), (97, &[0; 17])];
        let bytes = step(&mut engine(), OWN, &discover(2, &[HTTP, &options].concat())).reply.unwrap().bytes;
        let most = usize::from(size.clamp(576, 1500)) - 28;
        assert!((300..=most).contains(&bytes.len()), "{size}: {}", bytes.len());
    }
}

#[test]
fn n11_what_does_not_fit_is_left_out_from_the_end_and_reported() {
    let identifier = vec![7; 220];
    let effects = step(&mut engine(), OWN, &discover(2, &[HTTP, &[(61, &identifier)]].concat()));
    let offer = answer(&effects).1;
    assert!(offer.options.get(67).is_some() && offer.options.get(61).is_none());
    assert_eq!(effects.events[1].kind, EventKind::OptionsOmitted { codes: vec![61] });
}

#[test]
fn n12_relays_are_answered_on_their_port_with_option_82_last_and_whole() {
    let mut engine = engine();
    let relay = Ipv4Addr::new(10, 88, 0, 1);
    for length in [1, 20, 255, 600] {
        let information = vec![200; length];
        let mut message =
            discover(2, &[&[(82, information.as_slice())], UEFI, &[(61, b"\x01after")]].concat());
        message.relay_address = relay;
        let effects = step(&mut engine, OWN, &message);
        let (destination, offer) = answer(&effects);
        assert_eq!(destination, Destination::Relay(relay));
        assert_eq!(offer.relay_address, relay);
        assert_eq!(offer.options.iter().last(), Some((82, information.as_slice())));
        assert!(offer.your_address.octets().starts_with(&[10, 88, 0]));
        assert_eq!(offer.options.address(54), Some(SERVER));
        assert!(effects.reply.unwrap().bytes.len() <= 1472);
    }
}

#[test]
fn n12_a_relay_may_name_another_link_and_must_be_of_a_network_of_ours() {
    let mut engine = engine();
    let near = Ipv4Addr::new(10, 77, 0, 9);
    let mut message = Message { relay_address: near, ..discover(2, &[(82, &[1, 1, 9, 5, 4, 10, 88, 0, 7])]) };
    let offer = answer(&step(&mut engine, OWN, &message)).1;
    assert!(offer.your_address.octets().starts_with(&[10, 88, 0]), "{}", offer.your_address);
    message = Message { relay_address: near, ..discover(3, &[]) };
    let offer = answer(&step(&mut engine, OWN, &message)).1;
    assert!(offer.your_address.octets().starts_with(&[10, 77, 0]), "{}", offer.your_address);
    message.relay_address = Ipv4Addr::new(10, 99, 0, 1);
    is_silent(&step(&mut engine, OWN, &message), DropReason::UnknownRelay);
}

#[test]
fn n12_the_way_to_the_relay_carries_no_fragments() {
    let (information, identifier) = ([7; 1000], [8; 250]);
    let options = [&[(82, &information[..]), (61, &identifier), (57, &[255, 255])], HTTP].concat();
    let message = Message { relay_address: Ipv4Addr::new(10, 88, 0, 1), ..discover(2, &options) };
    let effects = step(&mut engine(), OWN, &message);
    assert_eq!(effects.events[1].kind, EventKind::OptionsOmitted { codes: vec![61] });
    assert!(effects.reply.unwrap().bytes.len() <= 1472);
}

#[test]
fn n12_relay_information_that_leaves_no_room_gets_no_answer() {
    let message = Message { relay_address: Ipv4Addr::new(10, 88, 0, 1), ..discover(2, &[(82, &[0; 1220])]) };
    is_silent(&step(&mut engine(), OWN, &message), DropReason::RelayInformationLarge);
}

#[test]
fn n13_hardware_of_other_lengths_is_known_by_its_identifier() {
    let mut engine = engine();
    let mut ask = |kind, length, identifier: &[u8]| {
        let mut message = discover(2, &[]);
        (message.hardware_kind, message.hardware_length) = (kind, length);
        if !identifier.is_empty() {
            message.options.push(61, identifier);
        }
        step(&mut engine, OWN, &message)
    };
    let first = answer(&ask(32, 0, &[255, 1, 1])).1.your_address;
    let again = answer(&ask(32, 16, &[255, 1, 1])).1.your_address;
    let other = answer(&ask(32, 0, &[255, 1, 2])).1.your_address;
    let bare = answer(&ask(27, 8, &[])).1.your_address;
    assert_eq!(first, again);
    assert!(first != other && other != bare && first != bare);
    is_silent(&ask(32, 0, &[]), DropReason::NoClient);
    assert_eq!(answer(&ask(32, 20, &[255, 1, 1])).1.your_address, first);
    is_silent(&ask(32, 20, &[]), DropReason::NoClient);
}

#[test]
fn n14_every_boot_stage_of_a_machine_gets_the_same_address() {
    let mut engine = engine();
    let stages: [(Listed, &[u8]); 4] = [
        (UEFI, b"\x00uuid-of-the-rom."),
        (IPXE, b"\x01\x52\x54\x00\x00\x00\x02"),
        (NODE, b""),
        (&[], b"\xff\x00\x00\x00\x01\x00\x04duid"),
    ];
    for (at, (options, identifier)) in stages.into_iter().enumerate() {
        let mut message = discover(2, options);
        message.xid = u32::try_from(at).unwrap();
        if !identifier.is_empty() {
            message.options.push(61, identifier);
        }
        let (_, offer) = answer(&step(&mut engine, OWN, &message));
        assert_eq!(offer.your_address, Ipv4Addr::new(10, 77, 0, 100), "{options:?}");
        let ack = answer(&step(&mut engine, OWN, &selecting(2, offer.your_address))).1;
        assert_eq!(kind(&ack), Some(MessageType::Ack));
    }
}

#[test]
fn n14_machines_with_the_same_transaction_get_addresses_of_their_own() {
    let mut engine = engine();
    let offers = [2, 3].map(|number| answer(&step(&mut engine, OWN, &discover(number, UEFI))).1);
    assert_eq!(offers[0].xid, offers[1].xid);
    assert_ne!(offers[0].your_address, offers[1].your_address);
    for (number, offer) in [2, 3].into_iter().zip(&offers) {
        let ack = answer(&step(&mut engine, OWN, &selecting(number, offer.your_address))).1;
        assert_eq!((kind(&ack), ack.your_address), (Some(MessageType::Ack), offer.your_address));
    }
}

#[test]
fn n15_the_server_is_the_address_that_was_asked() {
    let mut engine = engine();
    for (interface, server) in [(OWN, SERVER), (PROXY, PROXY_SERVER)] {
        let effects = step(&mut engine, interface, &discover(2, UEFI));
        let offer = answer(&effects).1;
        assert_eq!((offer.options.address(54), offer.next_server), (Some(server), server));
        assert_eq!(effects.reply.unwrap().interface, interface);
    }
}

#[test]
fn n16_a_client_is_its_own_hardware_address_wherever_its_packet_came_from() {
    let mut engine = engine();
    let sources = ["10.77.0.200:68", "0.0.0.0:68", "192.0.2.1:67"].map(|text| text.parse().unwrap());
    for source in sources {
        let effects = step_from(&mut engine, OWN, Port::Dhcp, source, &discover(2, BIOS));
        assert_eq!(answer(&effects).1.your_address, Ipv4Addr::new(10, 77, 0, 100), "{source}");
    }
}

#[test]
fn a_reserved_address_is_offered_to_its_machine_only() {
    let mut engine = engine();
    let reserved = Ipv4Addr::new(10, 77, 0, 77);
    assert_eq!(answer(&step(&mut engine, OWN, &discover(0x77, BIOS))).1.your_address, reserved);
    let nak = answer(&step(&mut engine, OWN, &selecting(2, reserved))).1;
    assert_eq!(kind(&nak), Some(MessageType::Nak));
}

#[test]
fn a_client_that_chooses_another_server_frees_its_offer() {
    let mut engine = engine();
    let first = answer(&step(&mut engine, OWN, &discover(2, &[]))).1.your_address;
    let other = with(MessageType::Request, 2, &[(54, &[10, 77, 0, 9]), (50, &first.octets())]);
    is_silent(&step(&mut engine, OWN, &other), DropReason::OtherServer);
    (3..12).for_each(|number| drop(answer(&step(&mut engine, OWN, &discover(number, &[])))));
    assert_eq!(answer(&step(&mut engine, OWN, &discover(12, &[]))).1.your_address, first);
}

#[test]
fn an_exhausted_pool_is_told_and_not_answered() {
    let mut engine = engine();
    (2..12).for_each(|number| drop(answer(&step(&mut engine, OWN, &discover(number, &[])))));
    let effects = step(&mut engine, OWN, &discover(99, &[]));
    assert_eq!(effects.reply, None);
    assert_eq!(effects.events[0].kind, EventKind::PoolExhausted { network: "rack0".into() });
}

#[test]
fn leases_are_saved_with_the_answer_that_promises_them() {
    let mut engine = engine();
    let address = Ipv4Addr::new(10, 77, 0, 100);
    assert_eq!(step(&mut engine, OWN, &discover(2, &[])).lease, None, "an offer promises nothing");
    let lease = step(&mut engine, OWN, &selecting(2, address)).lease.unwrap();
    assert_eq!((lease.address, lease.end), (address, SystemTime::UNIX_EPOCH + Duration::from_secs(3600)));
    let release =
        Message { client_address: address, ..with(MessageType::Release, 2, &[(54, &SERVER.octets())]) };
    let effects = step(&mut engine, OWN, &release);
    assert_eq!((effects.reply, effects.lease.unwrap().end), (None, SystemTime::UNIX_EPOCH));
    let decline = with(MessageType::Decline, 2, &[(54, &SERVER.octets()), (50, &address.octets())]);
    assert!(step(&mut engine, OWN, &decline).lease.is_some());
    assert_ne!(answer(&step(&mut engine, OWN, &discover(2, &[]))).1.your_address, address);
}

#[test]
fn inform_gets_everything_but_an_address() {
    let address = Ipv4Addr::new(10, 77, 0, 50);
    let inform = Message { client_address: address, ..with(MessageType::Inform, 2, NODE) };
    let effects = step(&mut engine(), OWN, &inform);
    let (destination, ack) = answer(&effects);
    assert_eq!(destination, Destination::Unicast(SocketAddrV4::new(address, 68)));
    assert!(ack.your_address.is_unspecified() && ack.options.get(51).is_none());
    assert_eq!(ack.options.get(43), Some(b"\x01\x16https://10.77.0.1:8443".as_slice()));
    assert_eq!(effects.lease, None);
}

#[test]
fn only_what_is_asked_for_is_told() {
    let offer = ask(&discover(2, &[(55, &[1, 3])]));
    assert!(offer.options.get(3).is_some() && offer.options.get(6).is_none());
}

#[test]
fn what_is_not_a_request_is_dropped() {
    let mut engine = engine();
    let mut bootp = message(MessageType::Discover, 2);
    bootp.options = Options::default();
    let mut group = message(MessageType::Discover, 2);
    group.hardware[0] = 0xff;
    let double = with(MessageType::Discover, 2, &[(53, &[1])]);
    let unknown = {
        let mut message = bootp.clone();
        message.options.push(53, &[13]);
        message
    };
    let no_address = with(MessageType::Request, 2, &[(54, &SERVER.octets())]);
    for (message, reason) in [
        (bootp, DropReason::Bootp),
        (double, DropReason::Malformed),
        (unknown, DropReason::UnknownType),
        (message(MessageType::Offer, 2), DropReason::NotARequest),
        (message(MessageType::Inform, 2), DropReason::NoAddress),
        (message(MessageType::Release, 2), DropReason::NoAddress),
        (no_address, DropReason::NoAddress),
    ] {
        is_silent(&step(&mut engine, OWN, &message), reason);
    }
    is_silent(&step(&mut engine, OWN, &group), DropReason::NoClient);
}
