//! BMCs that cannot be believed, beside a soft and a strict identity: nothing moves on their word, and the operator hears why.

use crate::command::Ended;
use crate::dns_rack::{DnsRack, Held};
use crate::rack::LIMIT;
use std::time::{Duration, Instant};

/// How often the BMC of a fence without proof is asked: see `plan/timings.rs`, `unconfirmed_poll`.
const ASKED_AGAIN: Duration = Duration::from_secs(30);

/// `dns-1` as the image says, soft; `dns-2` strict.
const SOFT_AND_STRICT: &str = r#"
[rack]
allowance = 20
[[clusters]]
name = "dns"
role = "dns"
[clusters.settings]
networks = ["10.77.0.0/24"]
local_data = ['hello.demo. 5 IN TXT "there is a spare"']
[[clusters.identities]]
name = "dns-1"
address = "10.77.0.21"
[[clusters]]
name = "strict"
role = "dns"
exclusivity = "strict"
[clusters.settings]
networks = ["10.77.0.0/24"]
local_data = ['hello.demo. 5 IN TXT "there is a spare"']
[[clusters.identities]]
name = "dns-2"
address = "10.77.0.22"
"#;

/// Two holders and three spares. The soft holder's BMC lies; the strict holder's is another machine's, then one that accepts
/// everything and does nothing, then dead; the next strict holder's hangs. All of them are unplugged and go on serving whoever
/// still reaches them, so that an identity that moved would be held twice.
#[test]
fn nothing_moves_on_the_word_of_a_bmc_that_cannot_be_believed() {
    let rack = DnsRack::up("liars", SOFT_AND_STRICT);
    let soft = rack.wait_for_holder("dns-1", 0);
    let strict = rack.wait_for_holder("dns-2", 0);
    assert_eq!(rack.spares_beside(&[&soft, &strict]).len(), 3);
    assert_eq!(rack.identity("dns-2")["exclusivity"], "strict");

    a_liar_is_caught_while_its_node_lives(&rack, &soft);
    a_liar_proves_nothing(&rack, &soft);
    another_machine_that_is_off_proves_nothing(&rack, &strict);
    an_order_that_is_accepted_proves_nothing(&rack, &strict);
    a_mended_bmc_is_believed_when_the_operator_says_so(&rack, &soft);
    a_dead_bmc_leaves_it_to_the_operator(&rack, &strict);
    let strict = an_operators_word_moves_a_strict_identity(&rack, &strict);
    a_strict_identity_moves_after_a_fence(&rack, &strict);
}

/// Off, while heartbeats come. Catches the mutant that counts no heartbeats while a BMC says "off" (`believes-a-liar`).
fn a_liar_is_caught_while_its_node_lives(rack: &DnsRack, held: &Held) {
    let before = rack.newest_event();
    behaves(rack, held, "says-off");
    rack.wait_until_told("bmc-distrusted", "power is off while the node speaks", before);
    rack.assert_not_moved("dns-1", held);
    assert_eq!(rack.identity("dns-1")["state"], "held");
}

/// Unplugged, while that BMC goes on saying "off": with `believes-a-liar` the identity moves to a second holder here.
fn a_liar_proves_nothing(rack: &DnsRack, held: &Held) {
    unplugged(rack, held);
    asks_for_a_person(rack, "dns-1", held, "caught at a lie");
}

/// A crossed cable, and the machine at its other end is off. Catches the mutant without a check of UUIDs (`no-uuid-check`).
fn another_machine_that_is_off_proves_nothing(rack: &DnsRack, held: &Held) {
    behaves(rack, held, "foreign-uuid");
    let reset = "/redfish/v1/Systems/1/Actions/ComputerSystem.Reset";
    let post = ["-X", "POST", "-d", r#"{"ResetType": "ForceOff"}"#];
    bmc(rack, &held.serial, reset, &post).expect_success();
    let system = bmc(rack, &held.serial, "/redfish/v1/Systems/1", &[]).expect_success().stdout;
    assert!(system.contains(r#""PowerState":"Off""#), "{system}");
    unplugged(rack, held);
    asks_for_a_person(rack, "dns-2", held, "another machine's");
}

/// It takes three orders, and its machine runs. Catches the mutant that takes "accepted" for "off" (`accepted-is-proof`).
fn an_order_that_is_accepted_proves_nothing(rack: &DnsRack, held: &Held) {
    behaves(rack, held, "accepts-but-stays-on");
    asks_for_a_person(rack, "dns-2", held, "accepted 3 orders to power off");
}

/// By now the liar has said "off" since the fence began as well, which must not count when it is trusted again: the
/// identity moves when the power *is* off. Catches the mutant that keeps what was said meanwhile (`old-lie-counts-again`).
fn a_mended_bmc_is_believed_when_the_operator_says_so(rack: &DnsRack, held: &Held) {
    rack.assert_not_moved("dns-1", held);
    behaves(rack, held, "honest");
    rack.assert_not_moved("dns-1", held);
    rack.site(&["trust-bmc", &held.serial]).expect_success();
    let heir = rack.wait_for_holder("dns-1", held.epoch);
    assert!(!rack.has_power(&held.serial), "{heir:?} beside {held:?}");
    assert_eq!(heir.epoch, held.epoch + 1);
    rack.assert_fenced_before_it_moved("dns-1");
}

fn a_dead_bmc_leaves_it_to_the_operator(rack: &DnsRack, held: &Held) {
    behaves(rack, held, "dead");
    asks_for_a_person(rack, "dns-2", held, "its BMC cannot be used");
}

/// Somebody goes there, pulls the plug, and says so as they were told to. Nothing else can move it: its BMC has died with it.
fn an_operators_word_moves_a_strict_identity(rack: &DnsRack, held: &Held) -> Held {
    let told = rack.wait_for_attention("dns-2", "when it has no power: understudy replace");
    let (_, told) = told.split_once("understudy ").unwrap();
    let word = |word| if word == "TEXT" { "its plug is in my hand" } else { word };
    let words: Vec<&str> = told.split_whitespace().map(word).collect();
    rack.lab(&["cut", &held.serial]).expect_success();
    rack.site(&words).expect_success();
    let heir = rack.wait_for_holder("dns-2", held.epoch);
    assert_eq!(heir.epoch, held.epoch + 1);
    let fenced = rack.events("fenced").concat();
    assert!(fenced.contains("vouches that it is dead"), "{fenced}");
    heir
}

/// Unplugged again, within the hour: it waits for an acknowledgement, then for its BMC, which hangs at first. The rack's last
/// spare is kept for it.
fn a_strict_identity_moves_after_a_fence(rack: &DnsRack, held: &Held) {
    behaves(rack, held, "hangs");
    unplugged(rack, held);
    rack.wait_for_attention("dns-2", "understudy acknowledge dns-2");
    rack.site(&["acknowledge", "dns-2"]).expect_success();
    asks_for_a_person(rack, "dns-2", held, "did not answer in time");
    behaves(rack, held, "honest");
    let heir = rack.wait_for_holder("dns-2", held.epoch);
    assert_eq!(heir.epoch, held.epoch + 1);
    assert!(!rack.has_power(&held.serial), "{heir:?} beside {held:?}");
    rack.assert_fenced_before_it_moved("dns-2");
}

fn behaves(rack: &DnsRack, held: &Held, how: &str) {
    rack.lab(&["bmc", &held.serial, how]).expect_success();
}

fn unplugged(rack: &DnsRack, held: &Held) {
    rack.lab(&["unplug", &held.serial]).expect_success();
}

/// Whoever looks is told why and what to do; so is whoever reads the events. Everything stays where it is.
#[track_caller]
fn asks_for_a_person(rack: &DnsRack, name: &str, held: &Held, why: &str) {
    let began = Instant::now();
    let told = rack.wait_for_attention(name, why);
    assert!(told.contains("understudy replace --confirm-dead"), "{told}");
    rack.wait_until_told("fence-unconfirmed", why, 0);
    rack.assert_not_moved(name, held);
    assert_eq!(rack.identity(name)["state"], "fencing");
    assert!(began.elapsed() < LIMIT.min(4 * ASKED_AGAIN), "told after {:?}", began.elapsed());
}

/// Asks a machine's BMC as an independent client does.
fn bmc(rack: &DnsRack, serial: &str, path: &str, more: &[&str]) -> Ended {
    let status = rack.status();
    let machines = status["nodes"].as_array().unwrap();
    let machine = machines.iter().find(|machine| machine["node"] == serial).unwrap();
    let url = format!("{}{path}", machine["bmc"]["url"].as_str().unwrap());
    let curl = ["curl", "--fail", "-s", "-m", "5", "-u", "understudy:lab"];
    rack.inside(&[&curl[..], more, &[&url]].concat())
}
