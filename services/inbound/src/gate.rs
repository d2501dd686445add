//! What is asked of a client before its message is: rates, lists, greylisting. Whoever is exempt is asked nothing.
//!
//! Who is listed is refused at RCPT and not before, where the reason can be told, and mail to postmasters is taken all the same: that is
//! where one asks to be taken off (RFC 5321, section 4.5.1). Entry point: [`Gate`].

use crate::dns::Dns;
use crate::dnsbl::Lists;
use crate::greylisting::{Answer, Greylist, Times};
use crate::network::Network;
use crate::rates::Rates;
use crate::settings::{Greylisting, Settings};
use mail::observe::{Measured, Page};
use std::net::IpAddr;
use tokio::time::Instant;

/// For all listeners.
pub struct Gate {
    exempt: Vec<Network>,
    messages: Rates,
    recipients: Rates,
    lists: Lists,
    greylist: Option<Greylist>,
}

impl Gate {
    pub fn new(settings: &Settings, dns: Dns) -> Self {
        let greylist = |greylisting: &Greylisting| {
            let Greylisting { wait, window, keep, entries_max } = *greylisting;
            Greylist::new(Times { wait: wait.0, window: window.0, keep: keep.0 }, entries_max)
        };
        Self {
            exempt: settings.limits.exempt.clone(),
            messages: Rates::new(settings.limits.messages.into()),
            recipients: Rates::new(settings.limits.recipients.into()),
            lists: Lists::new(dns, &settings.dnsbl),
            greylist: settings.greylisting.as_ref().map(greylist),
        }
    }

    pub fn is_exempt(&self, client: IpAddr) -> bool {
        self.exempt.iter().any(|network| network.holds(client))
    }

    /// Counts a message; whether it may come.
    pub fn take_message(&self, client: IpAddr) -> bool {
        self.messages.take(client, Instant::now())
    }

    /// Counts a recipient; whether it may be named.
    pub fn take_recipient(&self, client: IpAddr) -> bool {
        self.recipients.take(client, Instant::now())
    }

    /// The zone of a list that has the client.
    pub async fn listed(&self, client: IpAddr) -> Option<String> {
        self.lists.listed(client).await
    }

    /// Sender and recipient in the form in which they are looked up.
    pub fn must_wait(&self, client: IpAddr, sender: &str, recipient: &str) -> bool {
        let ask = |greylist: &Greylist| greylist.ask(client, sender, recipient, Instant::now());
        self.greylist.as_ref().map(ask) == Some(Answer::Wait)
    }
}

impl Measured for Gate {
    fn measure(&self, page: &mut Page) {
        if let Some(greylist) = &self.greylist {
            let help = "Clients, senders and recipients that greylisting remembers.";
            page.gauge("inbound_greylist_entries", help, &[], greylist.len() as u64);
        }
    }
}
