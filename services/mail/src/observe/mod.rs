//! What a daemon tells of itself over HTTP: numbers for Prometheus, and whether it can serve.
//!
//! Parts count with [`Counter`] and [`Gauge`] and implement [`Measured`]; a [`Registry`] collects them into one page in Prometheus' text format
//! (version 0.0.4). [`serve`] answers `/metrics` with it, and `/health` with what [`Health`] says: 200 or 503, with each check in JSON. It is meant for
//! networks of operators: there is neither TLS nor a password, and nothing here says who sent what: that is the log's.

mod health;
mod http;
mod numbers;
mod page;

pub use health::{Health, Report};
pub use http::serve;
pub use numbers::{Counter, Gauge, Held};
pub use page::{Kind, Page};

use std::sync::{Arc, Mutex, PoisonError};

/// A part that counts.
pub trait Measured: Send + Sync {
    /// Writes all its numbers.
    fn measure(&self, page: &mut Page);
}

/// The parts of a daemon. Cheap to clone.
#[derive(Clone, Default)]
pub struct Registry {
    parts: Arc<Mutex<Vec<Arc<dyn Measured>>>>,
}

impl Registry {
    pub fn add(&self, part: Arc<dyn Measured>) {
        self.parts.lock().unwrap_or_else(PoisonError::into_inner).push(part);
    }

    /// Everything, as it is now.
    pub fn page(&self) -> Page {
        let parts = self.parts.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let mut page = Page::default();
        for part in parts {
            part.measure(&mut page);
        }
        page
    }
}
