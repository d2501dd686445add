//! Holders that live and do not do well: their agents, their services and their systems die or hang, and once there is no
//! spare. Scenes of one rack, in an order in which never more nodes are silent within a minute than the storm rule allows.

use crate::dns_rack::{DnsRack, Held, TWO_SERVERS};
use crate::questions::Questions;
use serde_json::Value;

const FIRST: &str = "10.77.0.21";
const SECOND: &str = "10.77.0.22";

/// An agent that dies or hangs moves nothing; a service that does is started again, and served elsewhere if that does not
/// help; a system that starts again never goes on with what it held; and no spare means a wait that is told.
#[test]
fn a_holder_keeps_its_identity_while_it_serves_and_no_longer() {
    let rack = DnsRack::up("ailing", &format!("[rack]\nallowance = 20\n{TWO_SERVERS}"));
    let (first, second) = (rack.wait_for_holder("dns-1", 0), rack.wait_for_holder("dns-2", 0));

    an_agent_that_is_killed_is_back_and_nothing_moves(&rack, &second);
    an_agent_that_hangs_is_ended_by_the_watchdog_and_nothing_moves(&rack, &second);
    a_service_that_dies_or_hangs_is_started_again(&rack, &first);
    let heir = a_service_that_cannot_come_up_is_served_by_a_spare(&rack, &first);
    let other = a_holder_that_starts_again_never_resumes_what_it_held(&rack, &second);

    let serving = [&heir, &other, &first].map(|held| held.serial.as_str());
    let spare = rack
        .serials()
        .into_iter()
        .find(|serial| !serving.contains(&serial.as_str()) && *serial != second.serial);
    without_a_spare_it_is_told_and_the_next_one_takes_over(&rack, &heir, &spare.unwrap(), &second.serial);
}

/// The service and its address need no agent. Catches the mutants that clean up at the agent's start as if nothing were
/// held, that fence a silent node although its peers reach it, that hand systemd's socket on to every `systemctl`, and
/// a unit that is given up after five starts in ten seconds.
fn an_agent_that_is_killed_is_back_and_nothing_moves(rack: &DnsRack, holder: &Held) {
    let questions = Questions::to(rack, SECOND);
    let often = "for _ in 1 2 3 4 5 6; do systemctl kill --signal=KILL understudy-node || :; sleep 1.3; done";
    rack.ssh(&holder.serial, &[often]).expect_success();
    let last = jiff::Timestamp::now();
    rack.ssh(&holder.serial, &["systemctl", "kill", "--signal=KILL", "understudy-node"]);
    rack.wait_for(&holder.serial, "heard again", |node| {
        let seen: jiff::Timestamp = node["last_seen"].as_str().unwrap().parse().unwrap();
        seen > last
    });
    assert_nothing_moved(rack, "dns-2", holder);
    questions.expect_answers();
    let journal = rack.ssh(&holder.serial, &["journalctl", "--no-pager", "--boot"]).expect_success().stdout;
    assert!(!journal.contains("reception only permitted for main PID"), "{journal}");
}

/// Peers still reach the machine, so that nobody takes it for dead; systemd ends the agent within the 30 s of its watchdog,
/// and the next one goes on with what is held. Catches the mutant that fences although peers reach it, and a unit without
/// `WatchdogSec=`.
fn an_agent_that_hangs_is_ended_by_the_watchdog_and_nothing_moves(rack: &DnsRack, holder: &Held) {
    let questions = Questions::to(rack, SECOND);
    let hung = main_pid(rack, holder, "understudy-node");
    rack.ssh(&holder.serial, &["systemctl", "kill", "--signal=STOP", "understudy-node"]).expect_success();
    rack.wait_for_identity("dns-2", "suspect", |identity| identity["state"] == "suspect");
    rack.wait_for_identity("dns-2", "heard again", |identity| identity["state"] == "held");
    assert_ne!(main_pid(rack, holder, "understudy-node"), hung);
    let journal = ["journalctl", "--no-pager", "--unit=understudy-node"];
    let journal = rack.ssh(&holder.serial, &journal).expect_success().stdout;
    assert!(journal.contains("Watchdog timeout"), "{journal}");
    assert_nothing_moved(rack, "dns-2", holder);
    questions.expect_answers();
}

/// systemd starts a dead unbound again; that one hangs, only the agent's questions tell. Catches the mutant that never
/// heals, and the one that gives up at the first failure.
fn a_service_that_dies_or_hangs_is_started_again(rack: &DnsRack, holder: &Held) {
    for signal in ["--signal=KILL", "--signal=STOP"] {
        let questions = Questions::to(rack, FIRST);
        let ill = main_pid(rack, holder, "unbound");
        rack.ssh(&holder.serial, &["systemctl", "kill", signal, "unbound"]).expect_success();
        questions.wait_for_answer();
        assert_ne!(main_pid(rack, holder, "unbound"), ill, "{signal}");
        assert_nothing_moved(rack, "dns-1", holder);
    }
    rack.wait_for_console(&holder.serial, "healed", |console| {
        console.contains("unhealthy, starting its services again") && console.contains("serving again")
    });
}

/// The node says that it cannot, lets go when it is asked to, and a spare serves: no power is cut. It is no spare itself
/// before it has started again. Catches the mutant that heals for ever.
fn a_service_that_cannot_come_up_is_served_by_a_spare(rack: &DnsRack, holder: &Held) -> Held {
    rack.break_service(&holder.serial, "/bin/false");
    rack.ssh(&holder.serial, &["systemctl", "kill", "--signal=KILL", "unbound"]).expect_success();
    let heir = rack.wait_for_holder("dns-1", holder.epoch);
    assert_ne!(heir.serial, holder.serial);
    let begun = rack.events("takeover-begun").concat();
    assert!(begun.contains("its role is not healthy there") && begun.contains("2 restarts did not help"));
    let fenced = rack.events("fenced").concat();
    assert!(fenced.contains("the node said that it has let go"), "{fenced}");
    assert_eq!(rack.power(&holder.serial), "on");
    rack.assert_has_not(&holder.serial, FIRST);
    rack.wait_for_state(&holder.serial, "fenced");
    heir
}

/// It is fenced for its silence like any other node, or is back before that, which proves as much: its identity is
/// elsewhere at the next epoch. Catches the mutant that lets a newer boot go on with what an older one held.
fn a_holder_that_starts_again_never_resumes_what_it_held(rack: &DnsRack, holder: &Held) -> Held {
    // The machine is gone before ssh could hear how it went.
    rack.ssh(&holder.serial, &["systemctl", "reboot"]);
    let heir = rack.wait_for_holder("dns-2", holder.epoch);
    assert_ne!(heir.serial, holder.serial);
    rack.assert_proven_before_it_moved("dns-2", &["reads back off", "it has started again"]);
    // However it went, it is no spare before the last scene.
    rack.lab(&["cut", &holder.serial]).expect_success();
    heir
}

/// The last spare is taken out of service; a holder without power keeps its identity, as a fence would help nobody. It
/// moves when a machine that was fenced before starts again. Catches the mutant that fences before there is a spare.
fn without_a_spare_it_is_told_and_the_next_one_takes_over(
    rack: &DnsRack,
    holder: &Held,
    spare: &str,
    returning: &str,
) {
    rack.site(&["drain", spare]).expect_success();
    rack.site(&["acknowledge", "dns-1"]).expect_success();
    rack.lab(&["cut", &holder.serial]).expect_success();
    let has_no_spare = |identity: &Value| identity["attention"].to_string().contains("has no spare for it");
    let waiting = rack.wait_for_identity("dns-1", "waiting for a spare", has_no_spare);
    assert_eq!(waiting["epoch"], holder.epoch);
    let told = rack.events("waiting").concat();
    assert!(
        told.contains(&format!("identity dns-1 has to leave node {}", waiting["node"].as_str().unwrap()))
    );

    rack.lab(&["power", returning, "on"]).expect_success();
    let heir = rack.wait_for_holder("dns-1", holder.epoch);
    assert_eq!((heir.serial.as_str(), heir.epoch), (returning, holder.epoch + 1));
    rack.assert_fenced_before_it_moved("dns-1");
    rack.assert_has_not(returning, SECOND);
    assert_eq!(rack.power(&holder.serial), "off");
}

#[track_caller]
fn main_pid(rack: &DnsRack, holder: &Held, unit: &str) -> String {
    let show = ["systemctl", "show", "--property=MainPID", "--value", unit];
    rack.ssh(&holder.serial, &show).expect_success().stdout
}

/// Held as before, and nobody ever thought of anything else.
#[track_caller]
fn assert_nothing_moved(rack: &DnsRack, name: &str, holder: &Held) {
    let identity = rack.wait_for_identity(name, "held", |identity| identity["state"] == "held");
    assert_eq!(
        (&identity["serial"], &identity["epoch"]),
        (&holder.serial.as_str().into(), &holder.epoch.into())
    );
    let kinds = rack.kinds_of(name);
    assert!(!kinds.iter().any(|kind| kind == "takeover-begun" || kind == "fenced"), "{kinds:?}");
}
