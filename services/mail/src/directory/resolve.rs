//! Where mail to an address goes: account or alias, else the address without its tag, else the domain's catch-all; then along aliases and
//! forwards to mailboxes here and addresses elsewhere.
//!
//! Whatever is stored, a lookup ends: every address is followed once, none through more than [`DEPTH_MAX`] others, and never more than
//! [`ADDRESSES_MAX`]. A target that is not there is left out while others are. Entry point: [`resolve`].

use super::model::{Address, Destinations, Domain, LocalMailbox, NameError, Place, Recipient};
use super::{DirectoryError, Unresolvable};
use crate::address::Mailbox;
use std::collections::{HashSet, VecDeque};

/// Of aliases and forwards, one behind another.
pub const DEPTH_MAX: usize = 8;
/// Of addresses that are followed from one.
pub const ADDRESSES_MAX: usize = 256;

/// What is known of one address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The address that was found: with or without its tag.
    pub address: Address,
    pub keeps_copy: bool,
    /// The account's mailbox; an alias has none.
    pub place: Option<Place>,
    pub targets: Vec<Mailbox>,
}

/// What a lookup asks.
pub trait Source: Sync {
    fn domain(&self, name: &str) -> impl Future<Output = Result<Option<Domain>, DirectoryError>> + Send;

    /// The one address or, where it is not there, the other.
    fn entry(
        &self,
        exact: &Address,
        base: Option<&Address>,
    ) -> impl Future<Output = Result<Option<Entry>, DirectoryError>> + Send;
}

/// One address, looked up.
enum Step {
    Elsewhere,
    Nobody,
    Here { entry: Entry, tag: Option<String> },
    CatchAll(Mailbox),
}

/// Where mail to this address goes.
pub async fn resolve<S: Source>(source: &S, mailbox: &Mailbox) -> Result<Recipient, DirectoryError> {
    let mut walk = Walk::default();
    walk.visit(mailbox.clone(), 0);
    let mut is_first = true;
    while let Some((next, depth)) = walk.ahead.pop_front() {
        let step = look_up(source, &next).await?;
        if std::mem::take(&mut is_first) && matches!(step, Step::Elsewhere) {
            return Ok(Recipient::NoSuchDomain);
        }
        walk.go(next, depth, step);
        if let Some(why) = walk.given_up {
            return Err(unresolvable(mailbox, why));
        }
    }
    let found = walk.found;
    match (found.mailboxes.is_empty() && found.forwards.is_empty(), walk.has_loop) {
        (false, _) => Ok(Recipient::Found(found)),
        (true, true) => Err(unresolvable(mailbox, Unresolvable::Loop)),
        (true, false) => Ok(Recipient::NoSuchUser),
    }
}

fn unresolvable(mailbox: &Mailbox, why: Unresolvable) -> DirectoryError {
    DirectoryError::Unresolvable { address: mailbox.to_string(), why }
}

async fn look_up<S: Source>(source: &S, mailbox: &Mailbox) -> Result<Step, DirectoryError> {
    let address = match Address::of(mailbox) {
        Ok(address) => address,
        Err(NameError::Literal) => return Ok(Step::Elsewhere),
        // Its domain may be here, but nobody has so long a name.
        Err(_) => return Ok(Step::Nobody),
    };
    let Some(domain) = source.domain(address.domain()).await? else { return Ok(Step::Elsewhere) };
    let base = domain.separator.and_then(|separator| address.without_tag(separator));
    let entry = source.entry(&address, base.as_ref().map(|(base, _)| base)).await?;
    Ok(match (entry, domain.catch_all) {
        (Some(entry), _) => {
            let tag = base.filter(|(base, _)| *base == entry.address).map(|(_, tag)| tag);
            Step::Here { entry, tag }
        }
        (None, Some(target)) => Step::CatchAll(target),
        (None, None) => Step::Nobody,
    })
}

#[derive(Default)]
struct Walk {
    /// Upper and lower case are two here: elsewhere they may be.
    seen: HashSet<Mailbox>,
    ahead: VecDeque<(Mailbox, usize)>,
    found: Destinations,
    has_loop: bool,
    given_up: Option<Unresolvable>,
}

impl Walk {
    fn visit(&mut self, mailbox: Mailbox, depth: usize) {
        if !self.seen.insert(with_normal_host(&mailbox)) {
            self.has_loop = true;
        } else if depth > DEPTH_MAX {
            self.given_up = Some(Unresolvable::TooDeep);
        } else if self.seen.len() > ADDRESSES_MAX {
            self.given_up = Some(Unresolvable::TooMany);
        } else {
            self.ahead.push_back((mailbox, depth));
        }
    }

    fn go(&mut self, mailbox: Mailbox, depth: usize, step: Step) {
        match step {
            Step::Nobody => {}
            Step::Elsewhere => self.found.forwards.push(mailbox),
            Step::CatchAll(target) => self.visit(target, depth + 1),
            Step::Here { entry, tag } => {
                if let Some(place) = entry.place
                    && (entry.keeps_copy || entry.targets.is_empty())
                {
                    self.deliver(entry.address, tag, place);
                }
                for target in entry.targets {
                    self.visit(target, depth + 1);
                }
            }
        }
    }

    /// The same mailbox may be reached by several addresses: by the first of them it receives.
    fn deliver(&mut self, account: Address, tag: Option<String>, Place { pair, quota }: Place) {
        if self.found.mailboxes.iter().all(|mailbox| mailbox.account != account) {
            self.found.mailboxes.push(LocalMailbox { account, tag, pair, quota });
        }
    }
}

fn with_normal_host(mailbox: &Mailbox) -> Mailbox {
    let normal = mailbox.normal();
    // With A-labels it may be too long for an address.
    Mailbox::new(mailbox.local().clone(), normal.host().clone()).unwrap_or(normal)
}

#[cfg(test)]
mod tests;
