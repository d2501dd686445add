//! Random histories: whatever nodes, operators and time do, some things never happen.

use super::super::*;
use super::sample::{disk, from_disk, hello_from, image_with, moment, node, wanted};
use proptest::prelude::*;
use std::time::Duration;
use understudy_core::base::sha256::Sha256;
use understudy_core::protocol::inventory::DiskContent;
use understudy_core::protocol::report::{BootSource, Status};

#[derive(Clone, Debug)]
enum Act {
    Hello { boot: u8, source: u8, content: u8, disks: u8 },
    Report { boot: u8, status: u8, nonce: u8 },
    Approve { wipe: bool, again: bool },
    Retire,
    Pass(u32),
    Shelf(bool),
}

fn act() -> impl Strategy<Value = Act> {
    prop_oneof![
        6 => (0..4u8, 0..3u8, 0..5u8, 0..3u8)
            .prop_map(|(boot, source, content, disks)| Act::Hello { boot, source, content, disks }),
        10 => (0..4u8, 0..7u8, 0..4u8).prop_map(|(boot, status, nonce)| Act::Report { boot, status, nonce }),
        2 => any::<(bool, bool)>().prop_map(|(wipe, again)| Act::Approve { wipe, again }),
        1 => (0..20u8).prop_map(|n| if n == 0 { Act::Retire } else { Act::Pass(30) }),
        4 => (1..2000u32).prop_map(Act::Pass),
        1 => any::<bool>().prop_map(Act::Shelf),
    ]
}

fn content(n: u8) -> DiskContent {
    match n {
        0 => DiskContent::Empty,
        1 => image_with(vec![wanted().image.root_hash]),
        2 => image_with(vec![Sha256::of(b"old")]),
        3 => DiskContent::Foreign { description: "data".into() },
        _ => DiskContent::Unreadable { reason: "EIO".into() },
    }
}

fn status(n: u8, nonce: String) -> Status {
    match n {
        0 => Status::Waiting,
        1 => Status::Installing { bytes: 7, total_bytes: 9 },
        2 => Status::Installed,
        3 => Status::InstallFailed { reason: "EIO".into(), disk_touched: true },
        4 => Status::InstallFailed { reason: "EIO".into(), disk_touched: false },
        5 => Status::Ready { nonce },
        _ => Status::Degraded { nonce, units: vec!["a.service".into()] },
    }
}

fn event(act: &Act, moment: &mut Moment) -> Option<Event> {
    let address = "10.77.0.100".parse().unwrap();
    Some(match *act {
        Act::Hello { boot, source, content: c, disks } => {
            let source = match source {
                0 => BootSource::Network,
                1 => from_disk(wanted().image.root_hash),
                _ => from_disk(Sha256::of(b"old")),
            };
            let mut hello = hello_from(&format!("b{boot}"), source);
            hello.inventory.disks[0].content = content(c);
            if disks == 2 {
                hello.inventory.disks.push(disk("D2", 1 << 41));
            }
            Event::Hello { hello: Box::new(hello), address, nonce: format!("n{boot}") }
        }
        Act::Report { boot, status: s, nonce } => {
            let report = Report {
                boot_id: format!("b{boot}"),
                status: status(s, format!("n{nonce}")),
                interfaces: None,
            };
            Event::Report { report, address }
        }
        Act::Approve { wipe, again } => Event::Approve(Consent { wipe, again, ..Consent::default() }),
        Act::Retire => Event::Retire,
        Act::Pass(seconds) => {
            moment.now += super::super::node::signed(Duration::from_secs(seconds.into()));
            Event::Clock
        }
        Act::Shelf(full) => {
            moment.wanted = full.then(wanted);
            return None;
        }
    })
}

/// What holds after every step, however it came about.
fn holds(before: &Node, event: &Event, after: &Node, effects: &[Effect]) -> Result<(), TestCaseError> {
    let answers: Vec<&Action> = effects
        .iter()
        .filter_map(|effect| if let Effect::Answer(a) = effect { Some(a) } else { None })
        .collect();
    let is_asked = matches!(event, Event::Hello { .. } | Event::Report { .. });
    prop_assert_eq!(answers.len(), usize::from(is_asked), "one answer to each question");
    for action in answers {
        if !after.is_approved() {
            let gets_nothing = matches!(action, Action::Wait { .. } | Action::Refuse { .. } | Action::Greet);
            prop_assert!(gets_nothing, "{:?}", action);
        }
        if let Action::Install(install) = action {
            let foreign =
                after.inventory.disks.iter().any(|d| matches!(d.content, DiskContent::Foreign { .. }));
            let allowed = after.approval.as_ref().is_some_and(|approval| approval.wipe);
            let ours = after.half_written.as_ref() == Some(&install.disk);
            prop_assert!(!foreign || !install.wipe || allowed || ours);
            let is_installing = matches!(after.state, State::Installing { .. });
            prop_assert!(is_installing);
        }
    }
    if before.state == State::Retired {
        prop_assert_eq!(&after.state, &State::Retired);
    }
    if before.approval.is_none() && after.approval.is_some() {
        let by_operator = matches!(event, Event::Approve(_));
        prop_assert!(by_operator, "nobody is expected in this history");
    }
    if !matches!(before.state, State::Spare { .. }) && matches!(after.state, State::Spare { .. }) {
        let Event::Report { report, .. } = event else {
            return Err(TestCaseError::fail("a spare by itself"));
        };
        prop_assert_eq!(&report.status, &Status::Ready { nonce: after.nonce.clone() });
        let from_disk = matches!(&after.source, BootSource::Disk { root_hash, .. } if Some(root_hash) == after.state.image().map(|image| &image.root_hash));
        prop_assert!(from_disk, "a spare has booted its image from its disk");
    }
    prop_assert!(after.attempts <= ATTEMPTS_MAX && after.restarts.len() <= RESTARTS_MAX);
    if matches!(after.state, State::Failed { .. }) {
        prop_assert!(after.attention.is_some(), "a person can see why");
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn what_must_hold_holds_in_every_history(acts in prop::collection::vec(act(), 1..60)) {
        let (mut node, mut moment) = (node(), moment());
        for act in &acts {
            let Some(event) = event(act, &mut moment) else { continue };
            let before = node.clone();
            let (after, effects) = step(node, event.clone(), &moment);
            holds(&before, &event, &after, &effects)?;
            let stored = serde_json::to_value(&after).unwrap();
            let mut read: Node = serde_json::from_value(stored).unwrap();
            read.live = after.live.clone();
            prop_assert_eq!(&read, &after, "what is stored reads back");
            node = after;
        }
    }

    /// Without a person, any history of one node comes to rest: it becomes a spare or waits for a person.
    #[test]
    fn without_a_person_no_states_loop_for_ever(acts in prop::collection::vec(act(), 200..300)) {
        let (mut node, mut moment) = (node(), moment());
        (node, _) = step(node, super::sample::hello("b1"), &moment);
        (node, _) = step(node, Event::Approve(Consent { wipe: true, ..Consent::default() }), &moment);
        let mut installations = 0;
        for act in &acts {
            if matches!(act, Act::Approve { .. } | Act::Retire) { continue }
            let Some(event) = event(act, &mut moment) else { continue };
            let effects;
            (node, effects) = step(node, event, &moment);
            installations += effects.iter()
                .filter(|effect| matches!(effect, Effect::Record(EventKind::InstallBegun, _))).count();
        }
        prop_assert!(installations <= ATTEMPTS_MAX as usize, "{installations}");
    }
}
