//! Our Received field (RFC 5321, section 4.4).

use jiff::Timestamp;
use jiff::fmt::rfc2822;
use jiff::tz::TimeZone;
use mail::address::{Domain, Literal};
use mail::command::ClientName;
use mail::engine::Envelope;
use mail::message_id::MessageId;
use std::net::IpAddr;

/// What it says.
#[derive(Clone, Copy, Debug)]
pub struct Received<'a> {
    pub host: &'a Domain,
    pub client: IpAddr,
    pub id: MessageId,
    /// Version and cipher suite, such as `TLSv1_3 TLS13_AES_256_GCM_SHA384`.
    pub tls: Option<&'a str>,
    pub envelope: &'a Envelope,
    pub time: Timestamp,
}

impl Received<'_> {
    /// With its line ends. The recipient is told only where it is the only one: others are nobody's business (section 7.2).
    pub fn field(&self) -> String {
        let Self { host, id, envelope, .. } = self;
        let (name, client) = (plain(&envelope.hello.client), Literal(self.client.to_canonical()));
        let (with, date) = (envelope.transmission(), date(self.time));
        let tls = self.tls.map(|tls| format!(" ({})", shown(tls))).unwrap_or_default();
        let to = match &envelope.recipients[..] {
            [only] => format!("\r\n\tfor {}", only.to),
            _ => String::new(),
        };
        format!(
            "Received: from {name} ({client})\r\n\tby {host} with {with}{tls}\r\n\tid {id}{to}; {date}\r\n"
        )
    }
}

/// What a client calls itself, without what would mean something in a field, such as a comment.
fn plain(name: &ClientName) -> String {
    let is_plain = |letter: char| letter.is_ascii_alphanumeric() || "-._:[]".contains(letter);
    name.as_str().chars().map(|letter| if is_plain(letter) { letter } else { '?' }).collect()
}

/// `TLSv1.3 TLS13_AES_256_GCM_SHA384`.
fn shown(tls: &str) -> String {
    let is_plain = |letter: char| letter.is_ascii_alphanumeric() || "-._ ".contains(letter);
    tls.replace("v1_", "v1.").chars().filter(|&letter| is_plain(letter)).collect()
}

fn date(time: Timestamp) -> String {
    let zoned = time.to_zoned_datetime(TimeZone::UTC);
    rfc2822::to_string(&zoned).expect("the year has four digits")
}

#[cfg(test)]
mod tests {
    use super::*;
    use mail::command::{Command, parse};
    use mail::engine::{Channel, Hello, HelloVerb};

    fn envelope(hello: &str, to: &[&str]) -> Envelope {
        let command = |line: &str| parse(line.as_bytes()).unwrap();
        let Command::Ehlo(client) = command(&format!("EHLO {hello}")) else { panic!() };
        let Command::Mail(mail) = command("MAIL FROM:<a@b.org>") else { panic!() };
        let rcpt = |to: &&str| match command(&format!("RCPT TO:<{to}>")) {
            Command::Rcpt(rcpt) => rcpt,
            _ => panic!(),
        };
        Envelope {
            hello: Hello { verb: HelloVerb::Ehlo, client },
            channel: Channel::Tls,
            mail,
            recipients: to.iter().map(rcpt).collect(),
        }
    }

    fn field(hello: &str, client: &str, to: &[&str]) -> String {
        let received = Received {
            host: &"mx1.example".parse().unwrap(),
            client: client.parse().unwrap(),
            id: "aaaaaaaaaaaaaaaaaaaaaaaaab".parse().unwrap(),
            tls: Some("TLSv1_3 TLS13_AES_256_GCM_SHA384"),
            envelope: &envelope(hello, to),
            time: "2026-11-30T10:00:00Z".parse().unwrap(),
        };
        received.field()
    }

    #[test]
    fn a_field_says_who_sent_what_and_how() {
        assert_eq!(
            field("client.example", "::ffff:192.0.2.1", &["c@d.org"]),
            "Received: from client.example ([192.0.2.1])\r\n\
             \tby mx1.example with ESMTPS (TLSv1.3 TLS13_AES_256_GCM_SHA384)\r\n\
             \tid aaaaaaaaaaaaaaaaaaaaaaaaab\r\n\
             \tfor <c@d.org>; Mon, 30 Nov 2026 10:00:00 +0000\r\n"
        );
    }

    /// Catches a client that writes into our field, and a recipient who is told of the others.
    #[test]
    fn nothing_in_it_is_a_strangers() {
        let written = field("x)by(evil;<>", "2001:db8::1", &["c@d.org", "e@f.org"]);
        assert!(written.starts_with("Received: from x?by?evil??? ([IPv6:2001:db8::1])\r\n"), "{written}");
        assert!(!written.contains("d.org") && !written.contains("f.org"), "{written}");
    }
}
