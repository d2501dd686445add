//! Lists of clients, asked by DNS (RFC 5782): who is listed is refused at RCPT.
//!
//! All lists are asked at once, each within its time. A list that does not answer, or whose answer means that it refuses to, lists nobody:
//! its failure must not refuse mail. Entry points: [`Lists::new`], [`Lists::listed`].

use crate::dns::Dns;
use crate::settings::Dnsbl;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use tokio::task::JoinSet;
use tokio::time::timeout;
use tracing::debug;

/// By which lists say that they do not answer this resolver.
const REFUSALS: [u8; 3] = [127, 255, 255];

/// All of them.
pub struct Lists {
    dns: Dns,
    lists: Vec<Arc<List>>,
}

struct List {
    /// In the form in which domains are looked up.
    zone: String,
    settings: Dnsbl,
}

impl Lists {
    pub fn new(dns: Dns, settings: &[Dnsbl]) -> Self {
        let list = |settings: &Dnsbl| {
            Arc::new(List { zone: settings.zone.normal().as_str().to_owned(), settings: settings.clone() })
        };
        Self { dns, lists: settings.iter().map(list).collect() }
    }

    /// The zone of a list that has this client.
    pub async fn listed(&self, client: IpAddr) -> Option<String> {
        let mut asking = JoinSet::new();
        for list in &self.lists {
            let (dns, list) = (self.dns.clone(), Arc::clone(list));
            asking.spawn(async move { list.has(&dns, client).await.then(|| list.zone.clone()) });
        }
        while let Some(asked) = asking.join_next().await {
            if let Ok(Some(zone)) = asked {
                return Some(zone);
            }
        }
        None
    }
}

impl List {
    async fn has(&self, dns: &Dns, client: IpAddr) -> bool {
        let name = name(client, &self.zone);
        match timeout(self.settings.timeout.0, dns.addresses(&name)).await {
            Ok(Ok(answers)) => answers.iter().any(|answer| self.means_listed(*answer)),
            Ok(Err(error)) => {
                debug!(zone = self.zone, error = &error as &dyn std::error::Error, "a list does not answer");
                false
            }
            Err(_) => false,
        }
    }

    fn means_listed(&self, answer: Ipv4Addr) -> bool {
        match &self.settings.answers[..] {
            [] => answer.is_loopback() && answer.octets()[..3] != REFUSALS,
            answers => answers.contains(&answer),
        }
    }
}

/// RFC 5782, sections 2.1 and 2.4: octets or hexadecimal digits, the last one first.
fn name(client: IpAddr, zone: &str) -> String {
    match client.to_canonical() {
        IpAddr::V4(address) => {
            let [a, b, c, d] = address.octets();
            format!("{d}.{c}.{b}.{a}.{zone}.")
        }
        IpAddr::V6(address) => {
            let digits =
                address.octets().into_iter().rev().map(|octet| format!("{:x}.{:x}.", octet & 15, octet >> 4));
            format!("{}{zone}.", digits.collect::<String>())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_has_a_name_in_each_zone() {
        let name = |client: &str| name(client.parse().unwrap(), "bl.example");
        assert_eq!(name("192.0.2.99"), "99.2.0.192.bl.example.");
        assert_eq!(name("::ffff:192.0.2.99"), "99.2.0.192.bl.example.");
        assert_eq!(
            name("2001:db8:1:2:3:4:567:89ab"),
            "b.a.9.8.7.6.5.0.4.0.0.0.3.0.0.0.2.0.0.0.1.0.0.0.8.b.d.0.1.0.0.2.bl.example."
        );
    }

    /// Catches the list whose domain was sold, or that answers everybody who asks too much, and so refuses all mail.
    #[test]
    fn only_some_answers_mean_listed() {
        let list = |answers: &[&str]| List {
            zone: "bl.example".to_owned(),
            settings: Dnsbl {
                zone: "bl.example".parse().unwrap(),
                answers: answers.iter().map(|answer| answer.parse().unwrap()).collect(),
                timeout: mail::config::Period::seconds(1),
            },
        };
        let means = |answers: &[&str], answer: &str| list(answers).means_listed(answer.parse().unwrap());
        assert!(means(&[], "127.0.0.2") && means(&[], "127.0.1.255"));
        assert!(!means(&[], "127.255.255.254") && !means(&[], "203.0.113.1"));
        assert!(means(&["127.0.0.2", "127.0.0.4"], "127.0.0.4") && !means(&["127.0.0.2"], "127.0.0.10"));
    }
}
