//! `mailctl resolve`: where mail to an address goes, as the daemons see it.

use super::missing;
use crate::failure::Failure;
use crate::output::{Output, Thing, maybe, text, texts, thing};
use mail::address::Mailbox;
use mail::directory::{Directory, Kind, LocalMailbox, Recipient, Records};
use serde_json::Value;

pub async fn run(address: &Mailbox, records: &Records, output: &mut Output) -> Result<(), Failure> {
    match records.recipient(address).await? {
        Recipient::Found(found) => {
            let mailboxes: Vec<_> = found.mailboxes.iter().map(shown).map(Value::Object).collect();
            let short = |mailbox: &LocalMailbox| text(format!("{} on {}", mailbox.account, mailbox.pair));
            let mailboxes =
                if output.is_json() { mailboxes } else { found.mailboxes.iter().map(short).collect() };
            output.show(thing([("mailboxes", mailboxes.into()), ("forwards", texts(&found.forwards))]))
        }
        Recipient::NoSuchUser => Err(missing(Kind::Address, address)),
        Recipient::NoSuchDomain => Err(missing(Kind::Domain, address.host())),
    }
}

fn shown(mailbox: &LocalMailbox) -> Thing {
    thing([
        ("account", text(&mailbox.account)),
        ("tag", maybe(mailbox.tag.as_ref())),
        ("pair", text(&mailbox.pair)),
        ("quota", maybe(mailbox.quota)),
    ])
}
