//! Mailboxes that are read by IMAP.

use crate::imap::{Fetched, Reader};
use crate::spans::Spans;
use crate::{Failure, Load, People, at_once, ready, tell};
use clap::Args;
use serde_json::json;
use std::time::Instant;

#[derive(Clone, Debug, Args)]
pub struct Arguments {
    #[command(flatten)]
    load: Load,
    #[command(flatten)]
    people: People,
    /// So many have to be in each mailbox
    #[arg(long)]
    messages: u64,
}

impl Arguments {
    fn fetch(&self, reader: &mut Reader) -> Result<Fetched, Failure> {
        let fetched = reader.fetch()?;
        if fetched.messages != self.messages {
            return Err(format!("{} messages instead of {}", fetched.messages, self.messages).into());
        }
        Ok(fetched)
    }
}

/// What one session did.
#[derive(Default)]
struct Visits {
    whole: Spans,
    login: Spans,
    select: Spans,
    fetch: Spans,
    octets: u64,
    last: Option<Reader>,
}

pub fn visit(arguments: Arguments) -> Result<(), Failure> {
    let (load, people) = (arguments.load, &arguments.people);
    ready()?;
    let (took, ended) = at_once(vec![(); load.sessions], load, |number, (), until| {
        let mut visits = Visits::default();
        loop {
            let began = Instant::now();
            let mut reader = visits.login.time(|| Reader::log_in(load.to, people, number))?;
            visits.select.time(|| reader.select())?;
            visits.octets += visits.fetch.time(|| arguments.fetch(&mut reader))?.octets;
            visits.whole.add(began.elapsed());
            if Instant::now() >= until {
                visits.last = Some(reader);
                return Ok(visits);
            }
            reader.log_out()?;
        }
    })?;
    let join = |of: fn(&Visits) -> &Spans| Spans::join(ended.iter().map(|visits| of(visits).clone()));
    let whole = join(|visits| &visits.whole);
    let outcome = json!({
        "visits": whole.count(), "seconds": took.as_secs_f64(), "octets": ended.iter().map(|visits| visits.octets).sum::<u64>(),
        "visit": whole.summary(), "login": join(|visits| &visits.login).summary(),
        "select": join(|visits| &visits.select).summary(), "fetch": join(|visits| &visits.fetch).summary(),
    });
    tell(&outcome, ended)
}

pub fn fetch(arguments: Arguments) -> Result<(), Failure> {
    let load = arguments.load;
    let open = |number| {
        let mut reader = Reader::log_in(load.to, &arguments.people, number)?;
        reader.select()?;
        Ok(reader)
    };
    let readers = (0..load.sessions).map(open).collect::<Result<Vec<_>, Failure>>()?;
    ready()?;
    let (took, ended) = at_once(readers, load, |_, mut reader, until| {
        let (mut spans, mut octets) = (Spans::default(), 0);
        while Instant::now() < until {
            octets += spans.time(|| arguments.fetch(&mut reader))?.octets;
        }
        Ok((spans, octets, reader))
    })?;
    let octets: u64 = ended.iter().map(|(_, octets, _)| octets).sum();
    let spans = Spans::join(ended.iter().map(|(spans, ..)| spans.clone()));
    let outcome = json!({
        "fetches": spans.count(), "messages": spans.count() as u64 * arguments.messages, "octets": octets,
        "seconds": took.as_secs_f64(), "fetch": spans.summary(),
    });
    tell(&outcome, ended)
}
