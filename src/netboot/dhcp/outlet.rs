//! Where decisions leave: answers to the sockets, events to whoever listens, and both are counted.

use super::event::{Event, EventKind};
use super::exchange::Effects;
use super::metrics::DhcpMetrics;
use super::sockets::Sockets;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use tokio::sync::mpsc;

/// The way out of a server.
#[derive(Clone)]
pub struct Outlet {
    /// One for each interface.
    pub sockets: Vec<Arc<Sockets>>,
    pub reporter: Reporter,
}

/// Where events go. A listener that is too slow misses some, and that is counted; nobody waits for it.
#[derive(Clone)]
pub struct Reporter {
    pub events: mpsc::Sender<Event>,
    pub metrics: Arc<DhcpMetrics>,
}

impl Outlet {
    /// Tells what happened, and answers. A lease in the effects is saved already.
    pub fn carry_out(&self, effects: Effects) {
        effects.events.into_iter().for_each(|event| self.reporter.report(event));
        let Some(reply) = effects.reply else { return };
        if let Err(error) = self.sockets[reply.interface].send(&reply) {
            self.report(reply.interface, EventKind::SendFailed { error: error.to_string() });
        }
    }

    /// Tells what happened to an interface.
    pub fn report(&self, interface: usize, kind: EventKind) {
        self.reporter.report(self.sockets[interface].event(kind));
    }
}

impl Reporter {
    pub fn report(&self, event: Event) {
        self.metrics.count(&event);
        if self.events.try_send(event).is_err() {
            self.metrics.events_lost.fetch_add(1, Ordering::Relaxed);
        }
    }
}
