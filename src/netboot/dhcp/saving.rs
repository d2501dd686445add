//! Answers that wait for their leases to be saved. Many share one save: a boot storm costs few of them, and one client
//! after the other is decided about while a disk is still busy with those before. While nothing can be saved, only
//! what was promised before is said.

use super::event::{DropReason, Event, EventKind};
use super::exchange::Effects;
use super::lease::{Lease, LeaseStore, SAVE_LEASES_MAX};
use super::outlet::Outlet;
use super::promised::Promised;
use std::sync::Arc;
use std::time::{Duration, SystemTime};
use tokio::sync::mpsc;
use understudy_core::base::causes::with_causes;

/// How long an answer waits for others that share its save. No client notices, but a disk does.
const GATHER: Duration = Duration::from_millis(4);

/// What was decided on an interface, with a lease.
pub struct Unsaved {
    pub interface: usize,
    pub lease: Lease,
    /// The rest.
    pub effects: Effects,
}

/// Saves and answers, in the order of the decisions, until nobody decides any more. `promised` is what the store has.
pub async fn run(
    store: Arc<dyn LeaseStore>,
    mut promised: Promised,
    mut decided: mpsc::Receiver<Unsaved>,
    outlet: Outlet,
) {
    while let Some(first) = decided.recv().await {
        if decided.len() + 1 < SAVE_LEASES_MAX {
            tokio::time::sleep(GATHER).await;
        }
        let more = std::iter::from_fn(|| decided.try_recv().ok());
        let batch: Vec<Unsaved> = std::iter::once(first).chain(more).take(SAVE_LEASES_MAX).collect();
        match save(&store, &batch).await {
            Ok(()) => {
                for Unsaved { lease, effects, .. } in batch {
                    promised.keep(lease);
                    outlet.carry_out(effects);
                }
            }
            Err(error) => keep_promises(batch, error, &promised, &outlet),
        }
    }
}

/// What went wrong, if anything did.
async fn save(store: &Arc<dyn LeaseStore>, batch: &[Unsaved]) -> Result<(), String> {
    let (store, leases) =
        (store.clone(), batch.iter().map(|unsaved| unsaved.lease.clone()).collect::<Vec<_>>());
    match tokio::task::spawn_blocking(move || store.save(&leases)).await {
        Ok(saved) => saved.map_err(|error| with_causes(&error)),
        Err(panic) => Err(panic.to_string()),
    }
}

/// No answer goes past what the store has; clients ask again.
fn keep_promises(batch: Vec<Unsaved>, error: String, promised: &Promised, outlet: &Outlet) {
    let (now, first) = (SystemTime::now(), batch.first().map(|unsaved| unsaved.interface));
    let mut unanswered = 0;
    for Unsaved { interface, lease, effects } in batch {
        if let Some(shortened) = promised.shorten(now, &lease, &effects) {
            outlet.carry_out(shortened);
            continue;
        }
        unanswered += 1;
        let client = effects.events.into_iter().next().and_then(|event| event.client);
        let kind = EventKind::Dropped { reason: DropReason::Unsaved };
        outlet.reporter.report(Event { client, ..outlet.sockets[interface].event(kind) });
    }
    if let Some(first) = first {
        outlet.report(first, EventKind::StoreFailed { unanswered, error });
    }
}
