//! The table of states, and random histories against what must always hold.

mod consent;
mod disks;
mod history;
mod sample;

use super::*;
use sample::{hello, image_with, installed_hello, moment, node, report, wanted};
use std::time::Duration;
use understudy_core::protocol::instruction::DiskSelector;
use understudy_core::protocol::inventory::DiskContent;
use understudy_core::protocol::report::Status;

/// A node and its site, step by step.
struct Story {
    node: Node,
    moment: Moment,
    answer: Option<Action>,
    declined: Option<String>,
    kinds: Vec<EventKind>,
}

impl Story {
    fn new() -> Self {
        Self { node: node(), moment: moment(), answer: None, declined: None, kinds: Vec::new() }
    }

    fn then(&mut self, event: Event) -> &mut Self {
        let (node, effects) = step(self.node.clone(), event, &self.moment);
        (self.node, self.answer, self.declined) = (node, None, None);
        for effect in effects {
            match effect {
                Effect::Answer(action) => assert!(self.answer.replace(action).is_none(), "one answer"),
                Effect::Record(kind, _) => self.kinds.push(kind),
                Effect::Decline(reason) => self.declined = Some(reason),
                Effect::Forget => self.kinds.push(EventKind::Forgotten),
            }
        }
        self
    }

    fn later(&mut self, duration: Duration) -> &mut Self {
        self.moment.now += node::signed(duration);
        self.then(Event::Clock)
    }

    #[track_caller]
    fn is(&mut self, state: &str) -> &mut Self {
        assert_eq!(self.node.state.name(), state, "{:?}", self.node.attention);
        self
    }

    #[track_caller]
    fn installs(&self) -> &understudy_core::protocol::instruction::Install {
        match &self.answer {
            Some(Action::Install(install)) => install,
            other => panic!("{other:?}"),
        }
    }

    fn approved() -> Self {
        let mut story = Self::new();
        story.then(hello("b1")).then(yes(false));
        story
    }

    fn spare() -> Self {
        let mut story = Self::approved();
        story.then(report("b1", Status::Waiting)).then(report("b1", Status::Installed));
        story.then(installed_hello("b2")).then(report("b2", Status::Ready { nonce: "n-b2".into() }));
        story
    }

    fn with_disk(&mut self, content: DiskContent) -> &mut Self {
        self.node.inventory.disks[0].content = content;
        self
    }
}

fn yes(wipe: bool) -> Event {
    Event::Approve(Consent { wipe, ..Consent::default() })
}

fn foreign() -> DiskContent {
    DiskContent::Foreign { description: "GPT with 3 partitions".into() }
}

#[test]
fn the_way_from_power_on_to_spare() {
    let mut story = Story::new();
    story.then(hello("b1")).is("discovered");
    assert!(matches!(&story.answer, Some(Action::Wait { reason }) if reason.contains(&story.node.code)));
    story.then(yes(false)).is("approved");
    story.then(report("b1", Status::Waiting)).is("installing");
    let install = story.installs();
    assert_eq!(install.disk, DiskSelector::Serial("D1".into()));
    assert_eq!((install.url.as_str(), install.wipe), ("http://10.77.0.1/images/mail-0.1.0", false));
    story.then(report("b1", Status::Installing { bytes: 5, total_bytes: 10 })).is("installing").installs();
    story.then(report("b1", Status::Installed)).is("installed");
    assert_eq!(story.answer, Some(Action::BootDisk));
    story.then(installed_hello("b2")).is("installed");
    assert_eq!(story.answer, Some(Action::Stay));
    story.then(report("b2", Status::Ready { nonce: "n-b2".into() })).is("spare");
    assert_eq!(story.answer, Some(Action::Stay));
    assert_eq!(
        story.kinds,
        [EventKind::Approved, EventKind::InstallBegun, EventKind::Installed, EventKind::Spare]
    );
}

/// Catches a site that lets a node be a spare on its word: without a boot from disk, or with an old nonce.
#[test]
fn only_a_boot_from_disk_with_the_fresh_nonce_makes_a_spare() {
    let mut story = Story::approved();
    story.then(report("b1", Status::Waiting)).then(report("b1", Status::Installed));
    story.then(report("b1", Status::Ready { nonce: "n-b1".into() })).is("installed");
    assert_eq!(story.answer, Some(Action::BootDisk));
    story
        .then(installed_hello("b2"))
        .then(report("b2", Status::Ready { nonce: "n-b1".into() }))
        .is("installed");
    assert_eq!(story.answer, Some(Action::Stay));
    story.then(report("b2", Status::Ready { nonce: "n-b2".into() })).is("spare");
}

#[test]
fn a_node_on_the_list_of_expected_serials_needs_no_operator() {
    let mut story = Story::new();
    story.moment.is_expected = true;
    story.then(hello("b1")).is("installing");
    assert_eq!(story.node.approval.as_ref().unwrap().by, Approver::SerialList);
}

#[test]
fn a_disk_that_holds_the_image_is_not_written_again() {
    let mut story = Story::approved();
    story.with_disk(image_with(vec![wanted().image.root_hash]));
    story.then(report("b1", Status::Waiting)).is("installed");
    assert_eq!((story.answer.clone(), story.node.attempts), (Some(Action::BootDisk), 0));
}

#[test]
fn a_node_that_runs_the_image_already_becomes_a_spare() {
    let mut story = Story::new();
    story.then(installed_hello("b1")).is("discovered");
    assert!(matches!(story.answer, Some(Action::Wait { .. })));
    story.then(yes(false));
    story.then(report("b1", Status::Ready { nonce: "n-b1".into() })).is("spare");
}

/// Catches a site that overwrites data because somebody approved the node without `--wipe`.
#[test]
fn foreign_data_is_overwritten_only_when_a_person_saw_that_disk_and_said_so() {
    let mut story = Story::approved();
    story.with_disk(foreign()).then(report("b1", Status::Waiting)).is("approved");
    let attention = story.node.attention.clone().unwrap();
    assert!(attention.contains("GPT with 3 partitions") && attention.contains("--wipe"), "{attention}");
    assert!(matches!(story.answer, Some(Action::Wait { .. })));
    story.then(yes(true)).then(report("b1", Status::Waiting)).is("installing");
    assert!(story.installs().wipe);
    // Another disk than the one that was seen is not meant by that yes.
    let mut story = Story::approved();
    story.with_disk(foreign()).then(yes(true));
    story.node.inventory.disks[0].serial = "OTHER".into();
    story.then(report("b1", Status::Waiting)).is("approved");
}

#[test]
fn the_yes_to_overwriting_is_used_up_by_one_installation() {
    let mut story = Story::approved();
    story.with_disk(foreign()).then(yes(true));
    story.then(report("b1", Status::Waiting)).then(report("b1", Status::Installed)).is("installed");
    assert!(!story.node.approval.as_ref().unwrap().wipe);
    let Event::Hello { mut hello, address, nonce } = hello("b2") else { unreachable!() };
    hello.inventory.disks[0].content = foreign();
    story.then(Event::Hello { hello, address, nonce }).is("approved");
}

#[test]
fn what_an_interrupted_installation_left_behind_is_no_foreign_data() {
    let mut story = Story::approved();
    story.then(report("b1", Status::Waiting));
    story.then(report("b1", Status::Installing { bytes: 1, total_bytes: 9 }));
    let Event::Hello { mut hello, address, nonce } = hello("b2") else { unreachable!() };
    hello.inventory.disks[0].content = foreign();
    story.then(Event::Hello { hello: hello.clone(), address, nonce: nonce.clone() }).is("installing");
    assert!(story.installs().wipe && story.node.attempts == 2);
    // Nothing was written yet: then it is somebody's.
    let mut story = Story::approved();
    story.then(report("b1", Status::Waiting));
    story.then(Event::Hello { hello, address, nonce }).is("approved");
}

#[test]
fn a_site_that_refuses_foreign_data_refuses_it_for_ever() {
    let mut story = Story::approved();
    story.moment.foreign_data = ForeignData::Refuse;
    story.with_disk(foreign()).then(yes(true));
    assert!(story.declined.is_some());
    story.then(report("b1", Status::Waiting)).is("approved");
}

#[test]
fn installations_are_bounded_whatever_ends_them() {
    let ends: [fn(&mut Story, u32); 3] = [
        |story, n| {
            story.then(hello(&format!("boot{n}")));
        },
        |story, _| {
            story.later(Duration::from_secs(901));
        },
        |story, _| {
            let boot = story.node.boot_id.clone();
            story.then(report(&boot, Status::InstallFailed { reason: "EIO".into(), disk_touched: false }));
        },
    ];
    for end in ends {
        let mut story = Story::approved();
        story.then(report("b1", Status::Waiting)).is("installing");
        for n in 1..ATTEMPTS_MAX {
            end(&mut story, n);
            story.is("installing");
        }
        end(&mut story, 9);
        story.is("failed");
        assert!(story.node.attention.is_some() && story.kinds.contains(&EventKind::Failed));
        let boot = story.node.boot_id.clone();
        story.then(report(&boot, Status::Waiting)).is("failed");
        assert!(matches!(story.answer, Some(Action::Wait { .. })));
        story.then(yes(false)).then(report(&boot, Status::Waiting)).is("installing");
    }
}

#[test]
fn an_installation_that_moves_may_take_long() {
    let mut story = Story::approved();
    story.then(report("b1", Status::Waiting));
    for n in 1..20 {
        story.then(report("b1", Status::Installing { bytes: n, total_bytes: 99 }));
        story.later(Duration::from_secs(600)).is("installing");
    }
    assert_eq!(story.node.attempts, 1);
}

#[test]
fn a_node_that_does_not_boot_its_disk_is_given_up() {
    let mut story = Story::approved();
    story.then(report("b1", Status::Waiting)).then(report("b1", Status::Installed));
    let over_network = |boot: &str| {
        let Event::Hello { mut hello, address, nonce } = hello(boot) else { unreachable!() };
        hello.inventory.disks[0].content = image_with(vec![wanted().image.root_hash]);
        Event::Hello { hello, address, nonce }
    };
    for n in 0..BOOTS_MAX {
        story.then(over_network(&format!("x{n}"))).is("installed");
        assert_eq!(story.answer, Some(Action::BootDisk));
        // The same boot asking again does not count.
        story.then(over_network(&format!("x{n}"))).is("installed");
    }
    story.then(over_network("y")).is("failed");
    let mut story = Story::approved();
    story.then(report("b1", Status::Waiting)).then(report("b1", Status::Installed));
    story.later(Duration::from_secs(1201)).is("failed");
}

#[test]
fn a_spare_that_restarts_proves_itself_again_and_not_for_ever() {
    let mut story = Story::spare();
    for n in 0..RESTARTS_MAX {
        let boot = format!("r{n}");
        story.then(installed_hello(&boot)).is("installed");
        story.then(report(&boot, Status::Ready { nonce: format!("n-{boot}") })).is("spare");
    }
    story.then(installed_hello("last")).is("failed");
}

#[test]
fn units_that_fail_make_a_node_degraded_until_they_are_well() {
    let mut story = Story::spare();
    let degraded = |unit: &str| Status::Degraded { nonce: "n-b2".into(), units: vec![unit.into()] };
    story.then(report("b2", degraded("a.service"))).is("degraded");
    assert!(story.node.attention.clone().unwrap().contains("a.service"));
    story.then(report("b2", degraded("b.service"))).is("degraded");
    story.later(Duration::from_secs(1801)).is("degraded");
    assert!(story.kinds.contains(&EventKind::Overdue));
    story.then(report("b2", Status::Ready { nonce: "n-b2".into() })).is("spare");
    assert_eq!(story.node.attention, None);
}

#[test]
fn silence_is_told_once_and_so_is_its_end() {
    let mut story = Story::spare();
    story.kinds.clear();
    story.later(SILENCE_MAX).later(SILENCE_MAX);
    assert_eq!(story.kinds, [EventKind::Silent]);
    story.then(report("b2", Status::Ready { nonce: "n-b2".into() })).is("spare");
    assert_eq!(story.kinds, [EventKind::Silent, EventKind::Back]);
}

/// Catches a site that takes a copied key for the machine that it was approved on.
#[test]
fn a_copied_key_in_another_machine_is_refused() {
    let mut story = Story::spare();
    let before = story.node.clone();
    let Event::Hello { mut hello, address, nonce } = hello("thief") else { unreachable!() };
    hello.inventory.system.serial = "OTHER".into();
    hello.inventory.system.uuid = None;
    hello.inventory.disks[0].serial = "OTHER-DISK".into();
    story.then(Event::Hello { hello: hello.clone(), address, nonce: nonce.clone() }).is("spare");
    assert!(matches!(story.answer, Some(Action::Refuse { .. })));
    assert!(story.kinds.contains(&EventKind::KeyMisused) && story.node.misused);
    assert_eq!((&story.node.inventory, &story.node.boot_id), (&before.inventory, &before.boot_id));
    story.then(report("thief", Status::Ready { nonce: "n-b2".into() }));
    assert_eq!(story.answer, Some(Action::Greet), "only a hello says which machine it is");
    // A new board around the old disk is the same machine.
    hello.inventory.disks[0].serial = "D1".into();
    hello.inventory.disks[0].content = image_with(vec![wanted().image.root_hash]);
    story.then(Event::Hello { hello, address, nonce }).is("installed");
}

#[test]
fn a_retired_node_gets_nothing_and_stays_retired() {
    let mut story = Story::spare();
    story.then(Event::Retire).is("retired");
    for event in [installed_hello("b3"), hello("b4"), report("b4", Status::Waiting)] {
        story.then(event).is("retired");
        assert!(matches!(story.answer, Some(Action::Refuse { .. })));
    }
    story.then(yes(true)).is("retired");
    assert!(story.declined.is_some());
}

#[test]
fn a_machine_that_nobody_approves_is_told_about_and_one_day_forgotten() {
    let mut story = Story::new();
    story.then(hello("b1"));
    story.moment.now += node::signed(Duration::from_secs(3601));
    story.then(report("b1", Status::Waiting)).then(Event::Clock);
    assert_eq!(story.kinds, [EventKind::Overdue]);
    story.later(FORGET_AFTER);
    assert!(story.kinds.contains(&EventKind::Forgotten));
}

#[test]
fn without_an_image_the_node_waits_and_the_operator_knows() {
    let mut story = Story::approved();
    story.moment.wanted = None;
    story.then(report("b1", Status::Waiting)).is("approved");
    assert!(story.node.attention.clone().unwrap().contains("no verified image"));
    story.moment.wanted = Some(wanted());
    story.then(report("b1", Status::Waiting)).is("installing");
    assert_eq!(story.node.attention, None);
}
