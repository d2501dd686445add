use super::*;
use proptest::prelude::*;

const HEADER_BYTES: usize = 14;

fn announced() -> Vec<u8> {
    let announcement = Announcement {
        mac: [2, 0, 0, 0, 0, 1],
        system: "lab-rack",
        port: "LAB-1",
        port_description: "machine LAB-1",
        life: Duration::from_secs(120),
    };
    announcement.write()
}

fn tlv(kind: u8, value: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    add(&mut bytes, kind, value);
    bytes
}

fn neighbour(frame: &[u8]) -> Neighbour {
    match read(frame) {
        Some(Heard::Neighbour(neighbour, _)) => neighbour,
        other => panic!("{other:?}"),
    }
}

#[test]
fn what_a_switch_of_ours_says_is_heard() {
    let frame = announced();
    assert_eq!(frame[..14], *b"\x01\x80\xc2\x00\x00\x0e\x02\x00\x00\x00\x00\x01\x88\xcc");
    let expected = Neighbour {
        system: "lab-rack".into(),
        chassis: "02:00:00:00:00:01".into(),
        port: "LAB-1".into(),
        port_description: Some("machine LAB-1".into()),
    };
    assert_eq!(read(&frame[HEADER_BYTES..]), Some(Heard::Neighbour(expected, Duration::from_secs(120))));
}

/// The first bytes of what a data centre's switch sends, by hand: a port by its number, organisations' own elements.
#[test]
fn elements_of_others_are_passed_over() {
    let vendor = tlv(127, b"\x00\x80\xc2\x01\x00\x01");
    let capabilities = tlv(7, &[0, 0x14, 0, 0x04]);
    let frame = [
        tlv(1, b"\x04\xf0\x9e\x9e\x01\x02\x03"),
        tlv(2, b"\x0717"),
        tlv(3, &[0, 120]),
        capabilities,
        tlv(4, b"Ethernet17/1"),
        vendor,
        tlv(5, b"tor-12.example"),
        tlv(0, &[]),
        b"padding".to_vec(),
    ];
    let heard = neighbour(&frame.concat());
    assert_eq!((heard.system.as_str(), heard.port.as_str()), ("tor-12.example", "17"));
    assert_eq!(heard.port_description.as_deref(), Some("Ethernet17/1"));
}

#[test]
fn ids_are_written_as_people_look_for_them() {
    let of = |chassis: &[u8], port: &[u8]| {
        let heard = neighbour(&[tlv(1, chassis), tlv(2, port), tlv(3, &[0, 9])].concat());
        (heard.system, heard.port)
    };
    for (chassis, port, expected) in [
        (
            &b"\x05\x01\x0a\x4d\x00\x01"[..],
            &b"\x03\x02\x00\x00\x00\x00\x09"[..],
            ("10.77.0.1", "02:00:00:00:00:09"),
        ),
        (b"\x05\x02\xfe\x80\0\0\0\0\0\0\0\0\0\0\0\0\0\x01", b"\x05swp1", ("fe80::1", "swp1")),
        (b"\x04\x01\x02", b"\x07\x1b[2J\x1b[Howned", ("0102", "[2J [Howned")),
        (b"\x07\xe2\x80\xaeback", b"\x07\x00", ("back", "00")),
    ] {
        let (system, port) = of(chassis, port);
        assert_eq!((system.as_str(), port.as_str()), expected);
    }
}

#[test]
fn a_switch_that_goes_away_says_so() {
    let frame = [tlv(1, b"\x07a"), tlv(2, b"\x07b"), tlv(3, &[0, 0]), tlv(0, &[])].concat();
    assert_eq!(read(&frame), Some(Heard::Gone));
}

#[test]
fn a_frame_that_breaks_a_rule_is_dropped_whole() {
    let (chassis, port, life) = (tlv(1, b"\x07a"), tlv(2, b"\x07b"), tlv(3, &[0, 9]));
    let good = [&chassis[..], &port, &life].concat();
    assert!(read(&good).is_some());
    for (what, frame) in [
        ("nothing", Vec::new()),
        ("the end first", [tlv(0, &[]), good.clone()].concat()),
        ("another order", [&port[..], &chassis, &life].concat()),
        ("no time to live", [&chassis[..], &port].concat()),
        ("a chassis id twice", [&good[..], &chassis].concat()),
        ("a time to live twice", [&good[..], &life].concat()),
        ("a chassis id without content", [&tlv(1, b"\x07")[..], &port, &life].concat()),
        ("a port id that is too long", [&chassis[..], &tlv(2, &[7; 257]), &life].concat()),
        ("a time to live of one byte", [&chassis[..], &port, &tlv(3, &[9])].concat()),
        ("an end with content", [&good[..], &tlv(0, b"x")].concat()),
        ("a system name that is too long", [&good[..], &tlv(5, &[b'a'; 256])].concat()),
        ("an element past the frame's end", [&good[..], &[0x0a, 9, b'a']].concat()),
        ("half of an element's head", [&good[..], &[0x0a]].concat()),
    ] {
        assert_eq!(read(&frame), None, "{what}");
    }
}

proptest! {
    #[test]
    fn every_announcement_comes_back(mac: [u8; 6], system in "[a-z0-9.-]{1,100}", port in "[A-Za-z0-9/-]{1,100}", seconds in 1..60_000_u64) {
        let life = Duration::from_secs(seconds);
        let frame = Announcement { mac, system: &system, port: &port, port_description: "", life }.write();
        let Some(Heard::Neighbour(heard, lives)) = read(&frame[HEADER_BYTES..]) else { panic!() };
        prop_assert_eq!((heard.system, heard.port, heard.port_description, lives), (system, port, None, life));
    }

    #[test]
    fn hostile_frames_give_short_printable_texts_or_nothing(flips in prop::collection::vec((0..80_usize, any::<u8>()), 0..10), end in 0..80_usize) {
        let mut frame = announced()[HEADER_BYTES..].to_vec();
        let length = frame.len();
        for (at, value) in flips {
            frame[at % length] = value;
        }
        frame.truncate(end);
        if let Some(Heard::Neighbour(heard, _)) = read(&frame) {
            for text in [Some(heard.system), Some(heard.chassis), Some(heard.port), heard.port_description].into_iter().flatten() {
                prop_assert!(text.chars().count() <= TEXT_CHARACTERS_MAX && !text.contains(char::is_control));
            }
        }
    }

    #[test]
    fn noise_never_panics(frame in prop::collection::vec(any::<u8>(), 0..1500)) {
        let _ = read(&frame);
    }
}
