//! What a rack with identities tells its operator while something is wrong, and what must stay as it is meanwhile.

use crate::dns_rack::{DnsRack, Held};
use crate::rack::LIMIT;
use serde_json::Value;
use std::time::{Duration, Instant};

const LOOK: Duration = Duration::from_millis(200);

impl DnsRack {
    /// Every event behind this number, the oldest first. A site that is away says nothing.
    pub fn events_behind(&self, seq: u64) -> Vec<Value> {
        let ended = self.site(&["events", "--json", "--after", &seq.to_string()]);
        ended.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    /// The number of the newest event.
    #[track_caller]
    pub fn newest_event(&self) -> u64 {
        self.events_behind(0).last().unwrap()["seq"].as_u64().unwrap()
    }

    /// Waits until the site has told something of this kind in these words, behind this event. Returns its number.
    #[track_caller]
    pub fn wait_until_told(&self, kind: &str, words: &str, behind: u64) -> u64 {
        let began = Instant::now();
        loop {
            let events = self.events_behind(behind);
            let is_it =
                |event: &&Value| event["kind"] == kind && event["text"].as_str().unwrap().contains(words);
            if let Some(event) = events.iter().find(is_it) {
                return event["seq"].as_u64().unwrap();
            }
            assert!(began.elapsed() < LIMIT, "no {kind} with `{words}`: {events:#?}");
            std::thread::sleep(LOOK);
        }
    }

    /// Waits until somebody who looks at the identity is told this.
    #[track_caller]
    pub fn wait_for_attention(&self, name: &str, words: &str) -> String {
        let told = |identity: &Value| crate::rack::attention(identity);
        told(&self.wait_for_identity(name, words, |identity| told(identity).contains(words)))
    }

    /// The numbers of the events behind this one that say that something is fenced or moved.
    pub fn moves_behind(&self, seq: u64) -> Vec<Value> {
        let kinds = ["takeover-begun", "fenced", "assigned", "serving", "given-up"];
        let mut events = self.events_behind(seq);
        events.retain(|event| kinds.iter().any(|kind| event["kind"] == *kind));
        events
    }

    /// Whether the machine runs, whoever says what about it.
    #[track_caller]
    pub fn has_power(&self, serial: &str) -> bool {
        let status = self.status();
        let machines = status["nodes"].as_array().unwrap();
        machines.iter().find(|machine| machine["node"] == serial).unwrap()["power"] == "on"
    }

    /// The machines with power that hold nothing, once each of them is a spare.
    #[track_caller]
    pub fn spares_beside(&self, holders: &[&Held]) -> Vec<String> {
        let status = self.status();
        let machines = status["nodes"].as_array().unwrap().iter().filter(|machine| machine["power"] == "on");
        let serials = machines.map(|machine| machine["node"].as_str().unwrap().to_owned());
        let rest: Vec<String> =
            serials.filter(|serial| holders.iter().all(|held| held.serial != *serial)).collect();
        for serial in &rest {
            self.wait_for_state(serial, "spare");
        }
        rest
    }

    /// The identity is nobody else's, and its holder has power.
    #[track_caller]
    pub fn assert_not_moved(&self, name: &str, held: &Held) {
        let identity = self.identity(name);
        let (serial, epoch) = (identity["serial"].as_str().unwrap().to_owned(), identity["epoch"].as_u64());
        assert_eq!(Held { serial, epoch: epoch.unwrap() }, *held);
        assert!(self.has_power(&held.serial), "{} was powered off", held.serial);
    }

    /// So it stays for a while.
    #[track_caller]
    pub fn assert_stays(&self, name: &str, held: &Held, long: Duration) {
        let began = Instant::now();
        while began.elapsed() < long {
            self.assert_not_moved(name, held);
            std::thread::sleep(LOOK);
        }
    }
}
