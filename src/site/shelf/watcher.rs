//! Looks at the shelf now and then, and tells what has changed.

use super::{Scanner, Shelf};
use crate::events::EventKind;
use crate::registry::Registry;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Notify, watch};
use tokio_util::sync::CancellationToken;
use tracing::{error, warn};
use understudy_core::base::causes::with_causes;

/// How soon a new image is seen without anybody asking.
const RESCAN: Duration = Duration::from_secs(10);

/// The task that keeps the shelf.
pub struct ShelfTask {
    pub scanner: Scanner,
    pub shelf: watch::Sender<Arc<Shelf>>,
    pub registry: Registry,
    /// Asks for a look at once.
    pub rescan: Arc<Notify>,
}

impl ShelfTask {
    /// Runs until cancelled; a file that is being read is let go.
    pub async fn run(mut self, token: CancellationToken) {
        let mut told = Told::default();
        let mut scanner = self.scanner;
        loop {
            let scan_token = token.clone();
            let scanned = tokio::task::spawn_blocking(move || {
                let shelf = scanner.scan(&scan_token);
                (scanner, shelf)
            });
            let shelf;
            (scanner, shelf) = match scanned.await {
                Ok(done) => done,
                Err(error) => return error!(%error, "the shelf's scanner broke"),
            };
            if token.is_cancelled() {
                return;
            }
            match shelf {
                Ok(shelf) => {
                    let shelf = Arc::new(shelf);
                    self.shelf.send_replace(Arc::clone(&shelf));
                    told.tell(&mut self.registry, &shelf).await;
                }
                // What was verified stays on the shelf.
                Err(error) => {
                    warn!(error = with_causes(&error), "cannot look at the image shelf");
                    self.shelf.send_modify(|_| ());
                }
            }
            tokio::select! {
                () = token.cancelled() => return,
                () = self.rescan.notified() => {}
                () = tokio::time::sleep(RESCAN) => {}
            }
        }
    }
}

/// What events have said already.
#[derive(Default)]
struct Told {
    texts: BTreeSet<String>,
}

impl Told {
    async fn tell(&mut self, registry: &mut Registry, shelf: &Shelf) {
        let good = shelf.images.iter().map(|image| {
            let text = format!(
                "{} {} in {} is verified",
                image.manifest.name,
                image.manifest.version,
                image.folder.display()
            );
            (EventKind::ImageVerified, text)
        });
        let refused = shelf.refused.iter().map(|refused| {
            let text = format!("{} is not served: {}", refused.folder.display(), refused.reason);
            (EventKind::ImageRefused, text)
        });
        let now: Vec<(EventKind, String)> = good.chain(refused).collect();
        for (kind, text) in now.iter().filter(|(_, text)| !self.texts.contains(text)) {
            if *kind == EventKind::ImageRefused {
                warn!(text, "an image is refused");
            }
            registry.record(*kind, text.clone()).await;
        }
        // What is gone is told again when it comes back.
        self.texts = now.into_iter().map(|(_, text)| text).collect();
    }
}
