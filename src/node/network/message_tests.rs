//! Beside dhcproto, which the site's own server reads and writes with.

use super::*;
use dhcproto::v4::{self, DhcpOption, Message, MessageType, OptionCode};
use dhcproto::{Decodable, Decoder, Encodable};
use proptest::prelude::*;

const MAC: [u8; 6] = [0x52, 0x54, 0, 0, 0, 1];

fn question(offered: Option<(Ipv4Addr, Ipv4Addr)>) -> Question {
    Question { transaction: 0x0102_0304, mac: MacAddress::new(MAC), offered, answer_bytes_max: 1500 }
}

fn answer() -> Message {
    let nobody = Ipv4Addr::UNSPECIFIED;
    let mut message =
        Message::new_with_id(0x0102_0304, nobody, Ipv4Addr::new(10, 0, 0, 9), nobody, nobody, &MAC);
    message.set_opcode(v4::Opcode::BootReply);
    message.opts_mut().insert(DhcpOption::MessageType(MessageType::Offer));
    message.opts_mut().insert(DhcpOption::ServerIdentifier(Ipv4Addr::new(10, 0, 0, 1)));
    message.opts_mut().insert(DhcpOption::VendorExtensions(vec![1, 2, b'h', b'i']));
    message
}

#[test]
fn what_we_ask_is_understood() {
    let (address, server) = (Ipv4Addr::new(10, 0, 0, 9), Ipv4Addr::new(10, 0, 0, 1));
    for (offered, kind) in [(None, MessageType::Discover), (Some((address, server)), MessageType::Request)] {
        let bytes = question(offered).write();
        assert!(bytes.len() >= MESSAGE_BYTES_MIN);
        let message = Message::decode(&mut Decoder::new(&bytes)).unwrap();
        assert_eq!(
            (message.opcode(), message.xid(), message.chaddr()),
            (v4::Opcode::BootRequest, 0x0102_0304, &MAC[..])
        );
        assert!(message.flags().broadcast());
        let options = message.opts();
        assert_eq!(options.msg_type(), Some(kind));
        assert_eq!(
            options.get(OptionCode::ClassIdentifier),
            Some(&DhcpOption::ClassIdentifier(VENDOR_CLASS.into()))
        );
        assert_eq!(options.get(OptionCode::MaxMessageSize), Some(&DhcpOption::MaxMessageSize(1500)));
        let requested = options.get(OptionCode::RequestedIpAddress);
        assert_eq!(requested, offered.map(|(address, _)| DhcpOption::RequestedIpAddress(address)).as_ref());
        let to = options.get(OptionCode::ServerIdentifier);
        assert_eq!(to, offered.map(|(_, server)| DhcpOption::ServerIdentifier(server)).as_ref());
    }
}

#[test]
fn what_a_server_answers_is_understood() {
    let read = Answer::read(&answer().to_vec().unwrap()).unwrap();
    assert_eq!(
        (read.kind, read.transaction, read.mac),
        (Kind::Offer as u8, 0x0102_0304, MacAddress::new(MAC))
    );
    assert_eq!(read.address, Ipv4Addr::new(10, 0, 0, 9));
    assert_eq!(read.address_option(SERVER), Some(Ipv4Addr::new(10, 0, 0, 1)));
    assert_eq!(read.option(VENDOR_INFORMATION), Some(&[1, 2, b'h', b'i'][..]));
    assert_eq!(read.option(ROUTER), None);
}

/// ISC's dhcpd does so when options are many.
#[test]
fn options_go_on_in_other_fields_and_in_several_parts() {
    let mut bytes = answer().to_vec().unwrap();
    bytes.truncate(OPTIONS_AT);
    bytes.extend_from_slice(&[OVERLOAD, 1, 3, MESSAGE_TYPE, 1, 2, VENDOR_INFORMATION, 2, b'a', b'b', END]);
    bytes[FILE][..9].copy_from_slice(&[VENDOR_INFORMATION, 1, b'c', SERVER, 4, 10, 0, 0, 1]);
    bytes[SERVER_NAME][..5].copy_from_slice(&[PAD, VENDOR_INFORMATION, 1, b'd', END]);
    let read = Answer::read(&bytes).unwrap();
    assert_eq!(read.option(VENDOR_INFORMATION), Some(&b"abcd"[..]));
    assert_eq!(read.address_option(SERVER), Some(Ipv4Addr::new(10, 0, 0, 1)));
    // Without the option the fields are names, whatever they look like.
    bytes[OPTIONS_AT..OPTIONS_AT + 3].fill(PAD);
    assert_eq!(Answer::read(&bytes).unwrap().option(VENDOR_INFORMATION), Some(&b"ab"[..]));
}

#[test]
fn what_contradicts_itself_is_no_answer() {
    let good = answer().to_vec().unwrap();
    assert!(Answer::read(&good).is_some());
    for (what, at, value) in [
        ("a question", 0, 1),
        ("another kind of network", 1, 6),
        ("an address of another length", 2, 16),
        ("another protocol", COOKIE_AT, 0),
        ("an option past the end", OPTIONS_AT + 1, 0xff),
    ] {
        let mut other = good.clone();
        other[at] = value;
        assert_eq!(Answer::read(&other), None, "{what}");
    }
    for more in [&[OVERLOAD, 1, 0][..], &[OVERLOAD, 1, 4], &[OVERLOAD, 2, 1, 1], &[MESSAGE_TYPE, 1, 2]] {
        let other = [&good[..OPTIONS_AT], more, &good[OPTIONS_AT..]].concat();
        assert_eq!(Answer::read(&other), None, "{more:?}");
    }
    assert_eq!(Answer::read(&good[..OPTIONS_AT]), None, "without a message type");
}

proptest! {
    #[test]
    fn hostile_answers_never_panic(flips in prop::collection::vec((0..320_usize, any::<u8>()), 0..12), end in 0..320_usize) {
        let mut bytes = answer().to_vec().unwrap();
        bytes.resize(320, 0);
        for (at, value) in flips {
            bytes[at] = value;
        }
        bytes.truncate(end);
        let _ = Answer::read(&bytes);
    }
}
