//! What the daemon tells of itself.

use crate::delivery::Mailstores;
use mail::content::Spool;
use mail::directory::{Cached, Records};
use mail::observe::{Health, Measured, Page, Report};
use std::error::Error;
use std::sync::Arc;
use tokio::task::spawn_blocking;

/// Whether mail can be taken: the directory answers, a message can be kept while it comes, and not all mailstores are dead. One that is
/// dead is not this daemon's illness: mail for the others goes on.
pub struct Well {
    pub directory: Cached<Records>,
    pub mailstores: Mailstores<Cached<Records>>,
    pub spool: Arc<Spool>,
}

impl Health for Well {
    async fn report(&self) -> Report {
        let spool = Arc::clone(&self.spool);
        let spool = spawn_blocking(move || spool.check().map_err(|error| error.to_string()));
        let (spool, directory, mailstores) =
            tokio::join!(spool, self.directory.directory().check(), self.mailstores.reach());
        Report::default()
            .with("directory", directory.map_err(|error| chain(&error)))
            .with("incoming", spool.unwrap_or_else(|error| Err(error.to_string())))
            .with("mailstores", mailstores)
    }
}

/// An error with its causes.
fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}

/// What messages on their way hold.
pub struct SpoolNumbers(pub Arc<Spool>);

impl Measured for SpoolNumbers {
    fn measure(&self, page: &mut Page) {
        let help = "Octets of messages on their way.";
        page.gauge("inbound_spool_octets", help, &[], self.0.used());
    }
}
