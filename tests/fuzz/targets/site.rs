//! Everything that a site reads from others: bodies of the node API and the operator API, and `site.toml`. Parts of
//! an input are a history of one node; the first letter of each says what it is. What is read is written again and
//! compared, and what must hold in every history holds.

#![no_main]

#[path = "../parts.rs"]
mod parts;

use libfuzzer_sys::fuzz_target;
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::path::PathBuf;
use std::sync::LazyLock;
use understudy_core::model::id::NodeId;
use understudy_core::protocol::BODY_BYTES_MAX;
use understudy_core::protocol::instruction::{Action, Instruction};
use understudy_core::protocol::report::{Hello, Report};
use understudy_site::definition::{Dhcp, DiskRule, ForeignData, SiteDefinition};
use understudy_site::lifecycle::{
    ATTEMPTS_MAX, Consent, Effect, Event, ImageRef, Moment, Node, RESTARTS_MAX, State, Wanted, step,
};
use understudy_site::operator_api::ApproveRequest;
use understudy_site::view::NodeView;

/// Where `site.toml` would stand, with the key that it names beside it.
static SITE_FILE: LazyLock<PathBuf> =
    LazyLock::new(|| PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/data/site.toml")));
/// Names that would lead a definition to a file that has no end.
const ENDLESS: [&str; 4] = ["/dev", "/proc", "/sys", "\\"];

fuzz_target!(|input: &[u8]| {
    let mut history = History { moment: moment(), node: None };
    for part in parts::of(input) {
        let Some((kind, body)) = part.split_first() else { continue };
        match kind {
            b'H' => history.hello(body),
            b'R' => history.report(body),
            b'A' => history.approve(body),
            b'X' => history.step(Event::Retire),
            b'C' => history.pass(body),
            b'I' => drop(json::<Instruction>(body)),
            b'T' => definition(&String::from_utf8_lossy(body)),
            _ => {}
        }
    }
});

/// The body, which reads back from what is written of it.
fn json<T: DeserializeOwned + Serialize>(body: &[u8]) -> Option<T> {
    let value: T = serde_json::from_slice(&body[..body.len().min(BODY_BYTES_MAX)]).ok()?;
    let written = serde_json::to_vec(&value).expect("our own struct has string keys");
    let again: T = serde_json::from_slice(&written).expect("our own words");
    assert_eq!(serde_json::to_vec(&again).expect("as before"), written);
    Some(value)
}

fn moment() -> Moment {
    let digest = |digit: &str| digit.repeat(64).parse().expect("a digest");
    let (name, version) = ("mail".parse().expect("a name"), "0.1.0".parse().expect("a version"));
    let image = ImageRef { name, version, root_hash: digest("a"), manifest_sha256: digest("b") };
    Moment {
        now: jiff::Timestamp::UNIX_EPOCH,
        wanted: Some(Wanted { image, disk_bytes: 1 << 30 }),
        disk: DiskRule::Only,
        foreign_data: ForeignData::Ask,
        is_expected: false,
        images_url: "http://10.77.0.1/images".to_owned(),
    }
}

struct History {
    moment: Moment,
    node: Option<Node>,
}

impl History {
    fn hello(&mut self, body: &[u8]) {
        let Some(hello) = json::<Hello>(body) else { return };
        let (id, code) = (NodeId::of_public_key(b"key"), "ABCDE-FGHJK".to_owned());
        self.node.get_or_insert_with(|| Node::discovered(id, code, &hello, self.moment.now));
        let nonce = format!("n{}", self.moment.now.as_second());
        self.step(Event::Hello { hello: Box::new(hello), address: [10, 77, 0, 9].into(), nonce });
    }

    fn report(&mut self, body: &[u8]) {
        if let Some(report) = json::<Report>(body) {
            self.step(Event::Report { report, address: [10, 77, 0, 9].into() });
        }
    }

    fn approve(&mut self, body: &[u8]) {
        if let Some(ApproveRequest { wipe, allow_older, again }) = json(body) {
            self.step(Event::Approve(Consent { wipe, allow_older, again }));
        }
    }

    fn pass(&mut self, seconds: &[u8]) {
        let seconds = seconds.first_chunk().map_or(1, |bytes| u16::from_le_bytes(*bytes));
        self.moment.now += jiff::SignedDuration::from_secs(seconds.into());
        self.step(Event::Clock);
    }

    fn step(&mut self, event: Event) {
        let Some(before) = self.node.take() else { return };
        let (after, effects) = step(before.clone(), event.clone(), &self.moment);
        holds(&before, &event, &after, &effects);
        self.node = Some(after);
    }
}

/// What holds after every step, however it came about.
fn holds(before: &Node, event: &Event, after: &Node, effects: &[Effect]) {
    let answers = effects.iter().filter_map(|effect| match effect {
        Effect::Answer(action) => Some(action),
        _ => None,
    });
    let is_asked = matches!(event, Event::Hello { .. } | Event::Report { .. });
    assert_eq!(answers.clone().count(), usize::from(is_asked), "one answer to each question");
    for action in answers {
        let is_nothing = matches!(action, Action::Wait { .. } | Action::Refuse { .. });
        assert!(after.is_approved() || is_nothing, "{action:?}");
    }
    assert!(before.state != State::Retired || after.state == State::Retired);
    assert!(before.approval.is_some() || after.approval.is_none() || matches!(event, Event::Approve { .. }));
    assert!(after.attempts <= ATTEMPTS_MAX && after.restarts.len() <= RESTARTS_MAX);
    let stored = serde_json::to_vec(after).expect("our own struct has string keys");
    let mut read: Node = serde_json::from_slice(&stored).expect("our own words");
    read.live = after.live.clone();
    assert_eq!(read, *after, "what is stored reads back");
    let view = serde_json::to_vec(&NodeView::of(after, &[])).expect("as before");
    serde_json::from_slice::<NodeView>(&view).expect("our own words");
}

/// A definition is refused with a line of the file, or is one that can be served.
fn definition(text: &str) {
    if ENDLESS.iter().any(|name| text.contains(name)) {
        return;
    }
    let site = match SiteDefinition::parse(&SITE_FILE, text) {
        Ok(site) => site,
        Err(error) => return assert!(!error.to_string().is_empty()),
    };
    assert_eq!(
        site.image.to_string().parse::<understudy_site::definition::WantedImage>().ok(),
        Some(site.image)
    );
    assert!(!site.networks.is_empty() && !site.image_keys.is_empty());
    assert!(site.http_port > 0 && site.node_api_port > 0 && !site.serials.contains(""));
    for (at, network) in site.networks.iter().enumerate() {
        assert!(network.address.has_host(network.address.address));
        assert!(site.networks[..at].iter().all(|other| !other.address.overlaps(network.address)));
        if let Dhcp::Own { pool } = network.dhcp {
            assert!(pool.first <= pool.last && !pool.contains(network.address.address));
            assert!(network.address.has_host(pool.first) && network.address.has_host(pool.last));
        }
    }
}
