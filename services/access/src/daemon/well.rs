//! Whether clients can be let in.

use mail::directory::Records;
use mail::observe::{Health, Report};
use tokio_util::sync::CancellationToken;

pub(super) struct Well {
    pub(super) records: Records,
    pub(super) drain: CancellationToken,
}

impl Health for Well {
    async fn report(&self) -> Report {
        let directory = self.records.check().await.map_err(|error| error.to_string());
        let is_draining = self.drain.is_cancelled();
        let listeners = if is_draining { Err("closed: it is draining".to_owned()) } else { Ok(()) };
        Report::default().with("directory", directory).with("listeners", listeners)
    }
}
