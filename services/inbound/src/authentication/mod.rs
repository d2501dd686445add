//! Whom a message is from: SPF (RFC 7208), DKIM (RFC 6376), DMARC (RFC 7489) and ARC (RFC 8617), by the resolvers that the file names.
//!
//! A question that nobody answers is `temperror`, and no mail is refused for one: it is refused only where the author's domain asks for
//! that ([`Policy::Reject`]), and it is certain that nothing vouches for the message. A message that trusted hosts passed on
//! and vouch for is not refused. All of it has one time limit, and messages whose bodies are read share a bounded memory.
//!
//! Entry points: [`Authenticator::check`], [`Authenticator::is_refused`], [`Results::field`].

mod results;
mod verify;

pub use results::{Arc, Dkim, Dmarc, Identity, Outcome, Policy, Results, Spf};

use crate::dns::Dns;
use crate::settings::{self, Reject};
use bytes::Bytes;
use mail::address::{Domain, Host, ReversePath};
use mail::command::ClientName;
use mail::content::Content;
use mail::mime::header::Fields;
use std::io;
use std::net::IpAddr;
use tokio::sync::Semaphore;
use verify::{Facts, Sender};

/// Of messages that are being looked at, in KiB.
const ROOM_KIB: u32 = 256 * 1024;
/// A body that is larger takes its time to hash: not on a thread that others wait for.
const LARGE_OCTETS: usize = 512 * 1024;
/// Fields of what hangs on the body.
const SIGNATURES: [&[u8]; 2] = [b"DKIM-Signature", b"ARC-Message-Signature"];

/// What is asked about.
#[derive(Clone, Copy, Debug)]
pub struct Question<'a> {
    pub client: IpAddr,
    pub hello: &'a ClientName,
    pub from: &'a ReversePath,
    /// Of the content.
    pub header: &'a [u8],
    pub content: &'a Content,
}

/// For all sessions.
pub struct Authenticator {
    dns: Dns,
    host: Domain,
    settings: settings::Authentication,
    room: Semaphore,
}

impl Authenticator {
    /// `host` is what this server calls itself.
    pub fn new(dns: Dns, host: Domain, settings: &settings::Authentication) -> Self {
        let room = Semaphore::new(ROOM_KIB as usize);
        Self { dns, host, settings: settings.clone(), room }
    }

    /// An error where the message cannot be read back.
    pub async fn check(&self, question: &Question<'_>) -> io::Result<Results> {
        let is_signed = |header| Fields::of(header).any(|field| SIGNATURES.iter().any(|name| field.is(name)));
        let needs_body = is_signed(question.header);
        let octets = if needs_body { question.content.octets() } else { question.header.len() as u64 };
        let kib = u32::try_from(octets.div_ceil(1024)).unwrap_or(u32::MAX).min(ROOM_KIB);
        let _room = self.room.acquire_many(kib).await.expect("nobody closes it");
        let message = match needs_body {
            true => question.content.all().await?,
            false => Bytes::copy_from_slice(question.header),
        };
        let (facts, dns, time) = (self.facts(question), self.dns.clone(), self.settings.timeout.0);
        if message.len() <= LARGE_OCTETS {
            return Ok(verify::results(&dns, &facts, &message, time).await);
        }
        let runtime = tokio::runtime::Handle::current();
        let look = move || runtime.block_on(verify::results(&dns, &facts, &message, time));
        tokio::task::spawn_blocking(look).await.map_err(io::Error::other)
    }

    /// Whether the author's domain asks to refuse the message, and that is to be done.
    pub fn is_refused(&self, results: &Results) -> bool {
        let Results { dmarc, arc, .. } = results;
        let is_trusted = |sealer: &String| {
            let sealer = sealer.parse::<Domain>().map(|sealer| sealer.normal());
            self.settings.trusted_sealers.iter().any(|trusted| Ok(trusted.normal()) == sealer)
        };
        let is_vouched = arc.outcome == Outcome::Pass && arc.sealer.as_ref().is_some_and(is_trusted);
        self.settings.dmarc_reject == Reject::Honour
            && dmarc.outcome == Outcome::Fail
            && dmarc.policy == Policy::Reject
            && !is_vouched
    }

    fn facts(&self, question: &Question<'_>) -> Facts {
        let sender = match question.from {
            ReversePath::Null => None,
            ReversePath::Mailbox(mailbox) => {
                let domain = match mailbox.host() {
                    Host::Domain(domain) => domain.normal().as_str().to_owned(),
                    Host::Literal(_) => String::new(),
                };
                let address = format!("{}@{domain}", mailbox.local());
                Some(Sender { shown: mailbox.to_string(), address, domain })
            }
        };
        Facts {
            client: question.client.to_canonical(),
            hello: question.hello.as_str().to_owned(),
            host: self.host.as_str().to_owned(),
            sender,
        }
    }
}

#[cfg(test)]
mod tests;
