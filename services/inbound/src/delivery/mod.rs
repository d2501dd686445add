//! Delivery by LMTP to the mailstores of the recipients, all of them at once, before the client is answered.
//!
//! Mailboxes are grouped by the pair that holds them: one transaction for each pair, and each mailbox once, however many recipients lead
//! to it. Where a pair is reached is the directory's to say, each time (it keeps its answers for some seconds), so mail follows a pair that
//! moves. Connections are kept for the next message ([`mail::lmtp::Client`]). Success is told of mailboxes whose mailstore has answered 250; what
//! is made of the others is [`answer`]'s.
//!
//! Entry points: [`Mailstores::ask`], [`Mailstores::deliver`].

pub mod answer;
mod mailstore;

pub use mailstore::Mailstores;

use mail::address::ReversePath;
use mail::content::Content;
use mail::directory::{Address, LocalMailbox, PairName};
use mail::message_id::MessageId;
use std::collections::BTreeMap;

/// A message for mailboxes.
#[derive(Clone, Debug)]
pub struct Delivery {
    pub id: MessageId,
    pub sender: Sender,
    /// With its trace fields.
    pub content: Content,
}

/// What is said before recipients.
#[derive(Clone, Debug)]
pub struct Sender {
    pub from: ReversePath,
    /// Addresses or headers beyond ASCII (RFC 6531).
    pub is_utf8: bool,
}

/// Each mailbox once, by its pair.
fn grouped<'a>(mailboxes: impl Iterator<Item = &'a LocalMailbox>) -> BTreeMap<PairName, Vec<Address>> {
    let mut groups: BTreeMap<PairName, Vec<Address>> = BTreeMap::new();
    for LocalMailbox { account, pair, .. } in mailboxes {
        let group = groups.entry(pair.clone()).or_default();
        if !group.contains(account) {
            group.push(account.clone());
        }
    }
    groups
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mailbox_receives_once_however_many_recipients_lead_to_it() {
        let mailbox = |account: &str, pair: &str| LocalMailbox {
            account: account.parse().unwrap(),
            tag: None,
            pair: pair.parse().unwrap(),
            quota: None,
        };
        let all = [
            mailbox("a@d.org", "p1"),
            mailbox("b@d.org", "p2"),
            mailbox("c@d.org", "p1"),
            mailbox("a@d.org", "p1"),
        ];
        let groups = grouped(all.iter());
        let shown: Vec<_> = groups
            .iter()
            .map(|(pair, accounts)| {
                let accounts: Vec<_> = accounts.iter().map(Address::as_str).collect();
                format!("{pair}: {}", accounts.join(" "))
            })
            .collect();
        assert_eq!(shown, ["p1: a@d.org c@d.org", "p2: b@d.org"]);
    }
}
