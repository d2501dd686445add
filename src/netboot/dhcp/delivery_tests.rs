//! Addresses and the way of answers, packets in, packets out.

use super::tests::{discover, *};
use super::*;
use crate::dhcp::message::Message;
use crate::dhcp::options::Options;
use std::net::SocketAddrV4;
use std::time::Duration;

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
