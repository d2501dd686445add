//! The switch as its machines see it.

use super::*;
use crate::switch::line::OVERTAKEN_FOR;
use proptest::prelude::*;

const BROADCAST: u8 = 0xff;
const NOWHERE: [Port; 0] = [];

fn frame(to: u8, from: u8, payload: u8) -> Bytes {
    let target = if to == BROADCAST { [0xff; 6] } else { [2, 0, 0, 0, 0, to] };
    Bytes::from([target.as_slice(), &[2, 0, 0, 0, 0, from], &[8, 0], &[payload; 46]].concat())
}

fn ports(deliveries: &[Delivery]) -> Vec<Port> {
    deliveries.iter().map(|delivery| delivery.port).collect()
}

fn at(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// Ports 0 to 2, where port P has talked from address P.
fn learned() -> Engine {
    let mut engine = Engine::new(3, 1);
    for port in 0..3 {
        engine.step(at(0), port, frame(BROADCAST, u8::try_from(port).unwrap(), 0));
    }
    engine
}

#[test]
fn what_is_unknown_goes_everywhere_else_and_what_is_known_only_there() {
    let mut engine = Engine::new(3, 1);
    assert_eq!(ports(&engine.step(at(0), 0, frame(1, 0, 0))), [1, 2]);
    assert_eq!(ports(&engine.step(at(0), 1, frame(0, 1, 0))), [0]);
    assert_eq!(ports(&engine.step(at(0), 0, frame(1, 0, 0))), [1]);
    assert_eq!(ports(&engine.step(at(0), 0, frame(BROADCAST, 0, 0))), [1, 2]);
}

#[test]
fn a_frame_never_leaves_where_it_came_in() {
    let mut engine = learned();
    assert_eq!(ports(&engine.step(at(0), 1, frame(1, 9, 0))), NOWHERE);
}

#[test]
fn a_machine_that_moves_is_found_at_its_new_port() {
    let mut engine = learned();
    engine.step(at(1), 2, frame(BROADCAST, 1, 0));
    assert_eq!(ports(&engine.step(at(1), 0, frame(1, 0, 0))), [2]);
}

#[test]
fn a_silent_address_is_forgotten() {
    let mut engine = learned();
    assert_eq!(ports(&engine.step(at(299), 0, frame(1, 0, 0))), [1]);
    assert_eq!(ports(&engine.step(at(300), 0, frame(1, 0, 0))), [1, 2]);
}

#[test]
fn an_unplugged_cable_carries_nothing_either_way() {
    let mut engine = learned();
    engine.set_plugged(1, false);
    assert_eq!(ports(&engine.step(at(1), 1, frame(BROADCAST, 1, 0))), NOWHERE);
    assert_eq!(ports(&engine.step(at(1), 0, frame(BROADCAST, 0, 0))), [2]);
    assert_eq!(ports(&engine.step(at(1), 0, frame(1, 0, 0))), [2], "flooded: it is no longer known");
    engine.set_plugged(1, true);
    assert_eq!(ports(&engine.step(at(2), 0, frame(BROADCAST, 0, 0))), [1, 2]);
}

#[test]
fn a_cut_in_one_direction_leaves_the_other() {
    let mut engine = learned();
    engine.set_line(1, Line { to_node: Quality::CUT, ..Line::default() });
    assert_eq!(ports(&engine.step(at(1), 0, frame(1, 0, 0))), NOWHERE);
    assert_eq!(ports(&engine.step(at(1), 1, frame(0, 1, 0))), [0]);
    engine.set_line(1, Line { from_node: Quality::CUT, ..Line::default() });
    assert_eq!(ports(&engine.step(at(1), 0, frame(1, 0, 0))), [1]);
    assert_eq!(ports(&engine.step(at(1), 1, frame(0, 1, 0))), NOWHERE);
}

#[test]
fn a_delayed_frame_arrives_when_it_is_due_and_in_order() {
    let mut engine = learned();
    let slow = Quality { delay_ms: 200, ..Quality::default() };
    engine.set_line(1, Line { to_node: slow, from_node: slow });
    assert_eq!(engine.step(at(1), 0, frame(1, 0, 1)), []);
    assert_eq!(engine.step(at(1), 0, frame(1, 0, 2)), []);
    let due = engine.next_due().unwrap();
    assert_eq!(due, Duration::from_millis(1200));
    assert_eq!(engine.due(due - Duration::from_millis(1)), []);
    let arrived: Vec<u8> = engine.due(due).iter().map(|delivery| delivery.frame[14]).collect();
    assert_eq!(arrived, [1, 2]);
    assert_eq!(engine.next_due(), None);
}

#[test]
fn frames_under_way_are_lost_with_the_cable() {
    let mut engine = learned();
    let slow = Quality { delay_ms: 200, ..Quality::default() };
    engine.set_line(1, Line { to_node: slow, ..Line::default() });
    engine.step(at(1), 0, frame(1, 0, 1));
    engine.set_plugged(1, false);
    assert_eq!(engine.due(at(2)), []);
    assert_eq!(engine.counters(1).lost, 1);
}

#[test]
fn loss_is_about_what_was_asked_for_and_the_same_for_the_same_seed() {
    let lost = |seed| {
        let mut engine = Engine::new(2, seed);
        let bad = Quality { loss_percent: 30, ..Quality::default() };
        engine.set_line(1, Line { to_node: bad, ..Line::default() });
        for _ in 0..10_000 {
            engine.step(at(1), 0, frame(BROADCAST, 0, 0));
        }
        engine.counters(1).lost
    };
    assert!((2700..3300).contains(&lost(7)), "{}", lost(7));
    assert_eq!(lost(7), lost(7));
    assert_ne!(lost(7), lost(8));
}

#[test]
fn a_reordering_cable_lets_later_frames_overtake() {
    let mut engine = learned();
    let bad = Quality { reorder_percent: 50, ..Quality::default() };
    engine.set_line(1, Line { to_node: bad, ..Line::default() });
    let mut arrived = Vec::new();
    for number in 0..50 {
        let now = at(1) + Duration::from_millis(number.into());
        arrived.extend(engine.due(now));
        arrived.extend(engine.step(now, 0, frame(1, 0, number)));
    }
    arrived.extend(engine.due(at(1) + Duration::from_millis(50) + OVERTAKEN_FOR));
    let numbers: Vec<u8> = arrived.iter().map(|delivery| delivery.frame[14]).collect();
    assert_eq!(numbers.len(), 50, "none is lost");
    assert!(!numbers.is_sorted(), "{numbers:?}");
}

#[test]
fn a_fragment_of_a_frame_goes_nowhere() {
    let mut engine = learned();
    assert_eq!(engine.step(at(0), 0, Bytes::from_static(&[0xff; 13])), []);
}

#[test]
fn a_flood_of_addresses_is_bounded() {
    let mut engine = Engine::new(2, 1);
    for number in 0..u32::try_from(ADDRESSES_MAX).unwrap() + 100 {
        let mut flood = frame(BROADCAST, 0, 0).to_vec();
        flood[8..12].copy_from_slice(&number.to_be_bytes());
        engine.step(at(1), 0, flood.into());
    }
    assert_eq!(engine.addresses.len(), ADDRESSES_MAX);
    let mut newcomer = frame(BROADCAST, 0, 0).to_vec();
    newcomer[7] = 1;
    engine.step(at(1000), 0, newcomer.into());
    assert_eq!(engine.addresses.len(), 1, "old ones made room");
}

#[derive(Clone, Debug)]
enum Event {
    Frame { from: Port, bytes: Vec<u8> },
    Plug(Port, bool),
    Line(Port, Line),
    Wait(u16),
}

/// A frame with 1200 bytes of TCP data, to port 1.
fn data() -> Bytes {
    let mut frame = frame(1, 0, 0)[..14].to_vec();
    let mut headers = vec![0; 40];
    (headers[0], headers[2], headers[3], headers[9], headers[32]) = (0x45, 4, 216, 6, 5 << 4);
    frame.extend(headers);
    frame.extend([1, 2, 3].repeat(400));
    frame.into()
}

#[test]
fn as_many_frames_as_asked_for_are_damaged_on_one_cable_one_way() {
    let mut engine = learned();
    let bad = Quality { flips: 2, ..Quality::default() };
    engine.set_line(1, Line { to_node: bad, ..Line::default() });
    engine.step(at(0), 0, frame(1, 0, 0));
    assert_eq!(engine.line(1).to_node.flips, 2, "nothing in it to flip");
    let arrived: Vec<Bytes> = (0..3).map(|_| engine.step(at(0), 0, data()).remove(0).frame).collect();
    let is_whole: Vec<bool> = arrived.iter().map(|frame| *frame == data()).collect();
    assert_eq!((is_whole, engine.line(1).to_node.flips), (vec![false, false, true], 0));
}

fn quality() -> impl Strategy<Value = Quality> {
    (any::<bool>(), 0..50u32, 0..50u32, 0..=100u8, 0..=100u8, 0..5u32).prop_map(
        |(cut, delay_ms, jitter_ms, loss_percent, reorder_percent, flips)| Quality {
            cut,
            delay_ms,
            jitter_ms,
            loss_percent,
            reorder_percent,
            flips,
        },
    )
}

fn event() -> impl Strategy<Value = Event> {
    let bytes = prop_oneof![
        prop::collection::vec(any::<u8>(), 0..20),
        (0..4u8, 0..4u8).prop_map(|(to, from)| frame(to, from, 0).to_vec()),
    ];
    prop_oneof![
        6 => (0..4usize, bytes).prop_map(|(from, bytes)| Event::Frame { from, bytes }),
        1 => (0..4usize, any::<bool>()).prop_map(|(port, plugged)| Event::Plug(port, plugged)),
        1 => (0..4usize, quality(), quality())
            .prop_map(|(port, to_node, from_node)| Event::Line(port, Line { to_node, from_node })),
        2 => any::<u16>().prop_map(Event::Wait),
    ]
}

proptest! {
    /// Whatever happens: no frame is made up, doubled at a port, sent back, or sent over a pulled cable, and
    /// every frame is accounted for.
    #[test]
    fn any_history_keeps_the_switch_honest(events in prop::collection::vec(event(), 0..200), seed: u64) {
        let mut engine = Engine::new(4, seed);
        let mut now = Duration::ZERO;
        let mut unplugged = [false; 4];
        for event in events {
            match event {
                Event::Frame { from, bytes } => {
                    let frame = Bytes::from(bytes);
                    let leaving = engine.step(now, from, frame.clone());
                    let mut seen = ports(&leaving);
                    prop_assert!(leaving.iter().all(|delivery| delivery.frame == frame));
                    prop_assert!(seen.iter().all(|port| *port != from && !unplugged[*port]));
                    prop_assert!(leaving.is_empty() || !unplugged[from]);
                    seen.dedup();
                    prop_assert_eq!(seen.len(), leaving.len());
                }
                Event::Plug(port, plugged) => {
                    unplugged[port] = !plugged;
                    engine.set_plugged(port, plugged);
                }
                Event::Line(port, line) => engine.set_line(port, line),
                Event::Wait(milliseconds) => {
                    now += Duration::from_millis(milliseconds.into());
                    let late = engine.due(now);
                    prop_assert!(late.iter().all(|delivery| !unplugged[delivery.port]));
                    prop_assert!(engine.next_due().is_none_or(|due| due > now));
                }
            }
        }
    }
}

/// Catches the mutant that floods them: machines would take each other for their switch.
#[test]
fn what_is_for_the_switch_alone_goes_nowhere() {
    let mut engine = learned();
    let to = |last| {
        let mut frame = frame(BROADCAST, 0, 0).to_vec();
        frame[..6].copy_from_slice(&[0x01, 0x80, 0xc2, 0, 0, last]);
        Bytes::from(frame)
    };
    for last in [0, 3, 0x0e, 0x0f] {
        assert_eq!(ports(&engine.step(at(1), 0, to(last))), NOWHERE, "{last}");
    }
    assert_eq!(ports(&engine.step(at(1), 0, to(0x10))), [1, 2]);
}

#[test]
fn what_the_switch_says_takes_the_ports_cable() {
    let mut engine = learned();
    let sent = engine.announce(at(1), 1, frame(BROADCAST, 9, 0)).unwrap();
    assert_eq!((sent.port, engine.counters(1).sent), (1, 3));
    let slow = Quality { delay_ms: 2000, ..Quality::default() };
    engine.set_line(1, Line { to_node: slow, ..Line::default() });
    assert_eq!(engine.announce(at(1), 1, frame(BROADCAST, 9, 0)), None);
    assert_eq!(ports(&engine.due(at(3))), [1]);
    engine.set_plugged(1, false);
    assert_eq!(engine.announce(at(3), 1, frame(BROADCAST, 9, 0)), None);
}
