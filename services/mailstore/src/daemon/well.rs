//! What the daemon tells of its store.

use super::people::People;
use crate::store::Store;
use mail::content::Spool;
use mail::observe::{Health, Measured, Page, Report};
use std::sync::Arc;
use std::time::Duration;
use tokio::task::spawn_blocking;
use tokio::time::timeout;

/// A directory that takes longer is told as one that does not answer.
const DIRECTORY: Duration = Duration::from_secs(2);

/// Whether mail can be taken. That the directory does not answer is told as well, but is no reason to take this machine for ill: mail for its
/// accounts is still taken, and another machine would be told the same.
pub struct Well {
    pub store: Store,
    pub spool: Arc<Spool>,
    pub people: Option<People>,
}

impl Health for Well {
    async fn report(&self) -> Report {
        let spool = Arc::clone(&self.spool);
        let spool = spawn_blocking(move || spool.check().map_err(|error| error.to_string())).await;
        let store = self.store.check_writer().await.map_err(|error| error.to_string());
        let report = Report::default()
            .with("store", store)
            .with("incoming", spool.unwrap_or_else(|error| Err(error.to_string())));
        let Some(people) = &self.people else { return report };
        let answer = match timeout(DIRECTORY, people.directory().check()).await {
            Ok(answer) => answer.map_err(|error| error.to_string()),
            Err(_) => Err("the directory does not answer".to_owned()),
        };
        report.with_remark("directory", answer)
    }
}

/// Since the store was opened.
pub struct StoreNumbers(pub Store);

impl Measured for StoreNumbers {
    fn measure(&self, page: &mut Page) {
        let counts = self.0.counts();
        let mut count = |name, help, value| page.counter(name, help, &[], value);
        count("mailstore_records_total", "Records of the journal.", counts.records);
        count("mailstore_record_octets_total", "Octets of these records.", counts.record_octets);
        count("mailstore_syncs_total", "Syncs that these records shared.", counts.syncs);
        count("mailstore_cut_octets_total", "Octets of a torn end that were cut.", counts.cut_octets);
    }
}
