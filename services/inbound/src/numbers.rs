//! What is counted beside what [`mail::server`] counts.

use mail::observe::{Counter, Measured, Page};

/// One counter for each label.
#[derive(Debug)]
pub struct Labelled<const N: usize> {
    labels: [&'static str; N],
    counters: [Counter; N],
}

/// What was said at RCPT.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rcpt {
    Taken,
    NoSuchUser,
    RelayDenied,
    CannotTell,
    Forward,
    TooMany,
    Listed,
    Greylisted,
    /// The mailstore refused, or did not answer.
    Mailstore,
}

/// How a message ended before it was delivered, or that it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Message {
    Delivering,
    Loops,
    BadHeader,
    Unreadable,
    Dmarc,
    Filtered,
}

/// All of them.
#[derive(Debug)]
pub struct Numbers {
    rcpts: Labelled<9>,
    messages: Labelled<6>,
    spf: Labelled<7>,
    dkim: Labelled<7>,
    dmarc: Labelled<7>,
    arc: Labelled<7>,
}

const OUTCOMES: [&str; 7] = ["none", "pass", "fail", "softfail", "neutral", "temperror", "permerror"];

impl<const N: usize> Labelled<N> {
    fn new(labels: [&'static str; N]) -> Self {
        Self { labels, counters: std::array::from_fn(|_| Counter::default()) }
    }

    fn one_more(&self, number: usize) {
        self.counters[number].one_more();
    }

    fn samples(&self) -> impl Iterator<Item = (&'static str, u64)> {
        self.labels.iter().copied().zip(self.counters.iter().map(Counter::get))
    }
}

impl Default for Numbers {
    fn default() -> Self {
        let rcpts = [
            "taken",
            "no-such-user",
            "relay-denied",
            "cannot-tell",
            "forward",
            "too-many",
            "listed",
            "greylisted",
            "mailstore",
        ];
        let messages = ["delivering", "loops", "bad-header", "unreadable", "dmarc", "filtered"];
        Self {
            rcpts: Labelled::new(rcpts),
            messages: Labelled::new(messages),
            spf: Labelled::new(OUTCOMES),
            dkim: Labelled::new(OUTCOMES),
            dmarc: Labelled::new(OUTCOMES),
            arc: Labelled::new(OUTCOMES),
        }
    }
}

impl Numbers {
    pub fn rcpt(&self, answer: Rcpt) {
        self.rcpts.one_more(answer as usize);
    }

    pub fn message(&self, end: Message) {
        self.messages.one_more(end as usize);
    }

    pub fn authenticated(&self, results: &crate::authentication::Results) {
        self.spf.one_more(results.spf.outcome as usize);
        results.dkim.iter().for_each(|dkim| self.dkim.one_more(dkim.outcome as usize));
        self.dmarc.one_more(results.dmarc.outcome as usize);
        self.arc.one_more(results.arc.outcome as usize);
    }
}

impl Measured for Numbers {
    fn measure(&self, page: &mut Page) {
        for (answer, number) in self.rcpts.samples() {
            let help = "Recipients by what was said of them.";
            page.counter("inbound_recipients_total", help, &[("answer", answer)], number);
        }
        for (end, number) in self.messages.samples() {
            let help = "Messages that came, by what they came to before their mailstores had them.";
            page.counter("inbound_messages_total", help, &[("end", end)], number);
        }
        let methods = [("spf", &self.spf), ("dkim", &self.dkim), ("dmarc", &self.dmarc), ("arc", &self.arc)];
        for (method, outcomes) in methods {
            for (outcome, number) in outcomes.samples() {
                let help = "Messages, and their signatures, by what is known of where they are from.";
                let labels = [("method", method), ("outcome", outcome)];
                page.counter("inbound_authentication_total", help, &labels, number);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::authentication::Results;
    use mail::observe::Registry;
    use std::sync::Arc;

    /// Catches labels in another order than what they stand for.
    #[test]
    fn each_is_counted_under_its_name() {
        let numbers = Arc::new(Numbers::default());
        numbers.rcpt(Rcpt::Taken);
        numbers.rcpt(Rcpt::Mailstore);
        numbers.message(Message::Filtered);
        numbers.authenticated(&Results::default());
        let registry = Registry::default();
        registry.add(numbers);
        let page = registry.page().to_string();
        for line in [
            "inbound_recipients_total{answer=\"taken\"} 1",
            "inbound_recipients_total{answer=\"mailstore\"} 1",
            "inbound_messages_total{end=\"filtered\"} 1",
            "inbound_authentication_total{method=\"spf\",outcome=\"none\"} 1",
            "inbound_authentication_total{method=\"dkim\",outcome=\"none\"} 0",
        ] {
            assert!(page.contains(&format!("{line}\n")), "{line}: {page}");
        }
    }
}
