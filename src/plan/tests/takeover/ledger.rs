//! A ledger that compares, writes, and remembers; its values go through JSON as they do on disk.

use serde_json::Value;
use std::collections::BTreeMap;
use understudy_plan::Durable;
use understudy_plan::intent::{Expected, Intent};
use understudy_plan::key::LedgerEntry;

#[derive(Clone, Debug, Default, PartialEq)]
pub struct Ledger {
    pub entries: BTreeMap<String, (Value, u64)>,
    pub revision: u64,
}

impl Ledger {
    /// The revision at which it was stored, if all compares hold.
    pub fn commit(&mut self, intent: &Intent) -> Option<u64> {
        let holds = intent.compares.iter().all(|compare| {
            let modified = self.entries.get(&compare.key.to_string()).map(|(_, revision)| *revision);
            match compare.expected {
                Expected::Absent => modified.is_none(),
                Expected::Modified(revision) => modified == Some(revision),
            }
        });
        if !holds {
            return None;
        }
        self.revision += 1;
        for write in &intent.writes {
            let key = write.key.to_string();
            match &write.object {
                Some(object) => self.entries.insert(key, (object.to_value(), self.revision)),
                None => self.entries.remove(&key),
            };
        }
        Some(self.revision)
    }

    pub fn read(&self) -> Durable {
        let entries = self.entries.iter().map(|(key, (value, revision))| LedgerEntry {
            key: key.clone(),
            value: value.clone(),
            revision: *revision,
        });
        Durable::load(entries).unwrap()
    }
}
