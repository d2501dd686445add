//! The LMTP client, with a server of ours, with Postfix's smtp-sink, and with servers that nobody should write.

use crate::house::{House, Plan};
use crate::peer::Sink;
use bytes::Bytes;
use mail::address::ReversePath;
use mail::content::Content;
use mail::engine::Protocol;
use mail::lmtp::{Client, Envelope, Outcome, Target, Timeouts, deliver};
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

const SHORT: Timeouts = Timeouts {
    connect: Duration::from_millis(300),
    command: Duration::from_millis(300),
    piece: Duration::from_millis(300),
    answer: Duration::from_millis(300),
    whole: Duration::from_secs(3),
};

fn envelope(to: &[&str]) -> Envelope {
    let recipients = to.iter().map(|to| format!("<{to}>").parse().unwrap()).collect();
    Envelope { from: "<a@b.org>".parse().unwrap(), is_utf8: false, recipients }
}

fn client(target: Target) -> Client {
    Client::new(target, "mx.example.org".parse().unwrap(), Timeouts::default())
}

fn content(text: &str) -> Content {
    Content::from(Bytes::from(text.to_owned()))
}

/// Each outcome in one line.
fn told(outcomes: Vec<(mail::address::ForwardPath, Outcome)>) -> Vec<String> {
    let told = |(path, outcome)| match outcome {
        Outcome::Delivered(text) => format!("{path} delivered {}", text.as_str()),
        Outcome::Temporary(refusal) => format!("{path} temporary {}", refusal.reply().to_string().trim_end()),
        Outcome::Permanent(refusal) => format!("{path} permanent {}", refusal.reply().to_string().trim_end()),
    };
    outcomes.into_iter().map(told).collect()
}

async fn house() -> (House, Target) {
    let house = House::open(Plan { protocol: Protocol::Lmtp, ..Plan::default() }).await;
    let target = Target::Tcp(house.address);
    (house, target)
}

#[tokio::test(flavor = "multi_thread")]
async fn each_recipient_has_an_outcome_of_its_own() {
    let (house, target) = house().await;
    let to = ["c@d.org", "green@d.org", "full@d.org", "\"a@evil.com\"@local"];
    let text = ".\r\n..two\r\nthree\r\n".repeat(20_000);
    let message = content(&text).with_front("Received: by x\r\n");
    let expected = [
        "<c@d.org> delivered Delivered",
        "<green@d.org> permanent 550 5.1.1 No such user",
        "<full@d.org> temporary 452 4.2.2 Mailbox full",
        "<\"a@evil.com\"@local> delivered Delivered",
    ];
    let client = client(target);
    for _ in 0..3 {
        assert_eq!(told(client.deliver(&envelope(&to), &message).await), expected);
    }
    assert_eq!(house.number("mail_sessions_total{listener=\"test\"}"), 1, "the connection is used again");
    let got = house.got();
    assert_eq!(got[2].to, ["<c@d.org>", "<full@d.org>", "<\"a@evil.com\"@local>"]);
    assert!(got[2].content == format!("Received: by x\r\n{text}").as_bytes(), "it is not what was sent");
    drop(client);
    house.until_empty().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn reports_and_addresses_beyond_ascii_are_delivered() {
    let (house, target) = house().await;
    let client = client(target);
    let mut envelope = envelope(&["pel\u{e9}@d.org"]);
    envelope.from = ReversePath::Null;
    assert_eq!(
        told(client.deliver(&envelope, &content("")).await),
        ["<pel\u{e9}@d.org> permanent 553 5.6.7 SMTPUTF8 is required for this address"]
    );
    envelope.is_utf8 = true;
    assert_eq!(
        told(client.deliver(&envelope, &content("")).await),
        ["<pel\u{e9}@d.org> delivered Delivered"]
    );
    assert_eq!((&*house.got()[0].from, house.got()[0].with), ("<>", "UTF8LMTP"));
}

/// More than a server takes at once, and more than sockets hold.
#[tokio::test(flavor = "multi_thread")]
async fn twelve_hundred_recipients() {
    let (house, target) = house().await;
    let to: Vec<_> = (0..1200).map(|number| format!("{number}{}@d.org", "x".repeat(50))).collect();
    let to: Vec<_> = to.iter().map(String::as_str).collect();
    let outcomes = client(target).deliver(&envelope(&to), &content("x\r\n")).await;
    let delivered = outcomes.iter().take_while(|(_, outcome)| outcome.is_delivered()).count();
    let later = outcomes.iter().filter(|(_, outcome)| matches!(outcome, Outcome::Temporary(_))).count();
    assert_eq!((delivered, later), (1000, 200));
    assert_eq!(house.got()[0].to.len(), 1000);
}

#[tokio::test(flavor = "multi_thread")]
async fn fifty_messages_at_once() {
    let (house, target) = house().await;
    let client = Arc::new(client(target));
    let mut all = tokio::task::JoinSet::new();
    for number in 0..50 {
        let client = Arc::clone(&client);
        all.spawn(async move {
            client.deliver(&envelope(&["c@d.org"]), &content(&format!("{number}\r\n"))).await.remove(0).1
        });
    }
    assert!(all.join_all().await.iter().all(Outcome::is_delivered));
    let mut numbers: Vec<_> = house
        .got()
        .iter()
        .map(|got| String::from_utf8_lossy(&got.content).trim().parse::<i32>().unwrap())
        .collect();
    numbers.sort_unstable();
    assert_eq!(numbers, (0..50).collect::<Vec<i32>>());
}

#[tokio::test(flavor = "multi_thread")]
async fn postfix_takes_it() {
    for options in [&[][..], &["-p"], &["-8", "-E", "-N"]] {
        let sink = Sink::open(options).await;
        let client = client(sink.target());
        for _ in 0..2 {
            let outcomes =
                told(client.deliver(&envelope(&["c@d.org", "e@f.org"]), &content("x\r\n.y\r\n")).await);
            assert_eq!(outcomes, ["<c@d.org> delivered Ok", "<e@f.org> delivered Ok"], "{options:?}");
        }
        let messages = sink.messages();
        assert_eq!(messages.len(), 2);
        assert!(messages[0].contains("X-Rcpt-Args: <c@d.org>\nX-Rcpt-Args: <e@f.org>\n"), "{}", messages[0]);
        assert!(
            messages[0].contains("X-Helo-Args: mx.example.org\n") && messages[0].ends_with("\nx\n.y\n\n")
        );
    }
}

/// Catches the client that says "delivered" of what was refused or lost on its way, at any step.
#[tokio::test(flavor = "multi_thread")]
async fn postfix_refuses_or_goes_away_at_every_step() {
    let lost = "temporary 451 4.4.2 ";
    for (options, expected) in [
        (["-q", "CONNECT"], lost),
        (["-q", "LHLO"], lost),
        (["-q", "MAIL"], lost),
        (["-q", "RCPT"], lost),
        (["-q", "DATA"], lost),
        (["-q", "."], lost),
        (["-Q", "MAIL"], lost),
        (["-Q", "RCPT"], "temporary 451 4."),
        (["-Q", "."], "temporary 451 4."),
        (["-f", "LHLO"], lost),
        (["-f", "MAIL"], "permanent 500 5.3.0 Error: command failed"),
        (["-f", "RCPT"], "permanent 500 5.3.0 Error: command failed"),
        (["-f", "DATA"], "permanent 500 5.3.0 Error: command failed"),
        (["-f", "."], "permanent 500 5.3.0 Error: command failed"),
        (["-r", "MAIL"], "temporary 450 4.3.0 Error: command failed"),
        (["-r", "RCPT"], "temporary 450 4.3.0 Error: command failed"),
        (["-r", "DATA"], "temporary 450 4.3.0 Error: command failed"),
        (["-r", "."], "temporary 450 4.3.0 Error: command failed"),
    ] {
        let sink = Sink::open(&options).await;
        let outcomes =
            told(client(sink.target()).deliver(&envelope(&["c@d", "e@f"]), &content("x\r\n")).await);
        assert!(outcomes[0].starts_with(&format!("<c@d> {expected}")), "{options:?} {outcomes:?}");
        assert!(outcomes[1].starts_with(&format!("<e@f> {expected}")), "{options:?} {outcomes:?}");
    }
}

/// A server that says these words to each connection, one piece for each that it receives, and then closes, or says nothing.
async fn scripted(script: &'static [&'static str], closes: bool) -> Target {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let target = Target::Tcp(listener.local_addr().unwrap());
    tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            tokio::spawn(async move {
                let mut buffer = [0; 4096];
                for words in script {
                    stream.write_all(words.as_bytes()).await.unwrap();
                    if stream.read(&mut buffer).await.unwrap() == 0 {
                        return;
                    }
                }
                if !closes {
                    std::future::pending::<()>().await;
                }
            });
        }
    });
    target
}

async fn outcomes_of(script: &'static [&'static str], closes: bool) -> Vec<String> {
    let target = scripted(script, closes).await;
    let host = "x".parse().unwrap();
    told(deliver(&target, &host, &envelope(&["c@d", "e@f"]), &content("x\r\n"), SHORT).await)
}

const ENVELOPE: &str = "250 ok\r\n250 ok\r\n250 ok\r\n354 go\r\n";
const HELLO: &str = "250-x\r\n250 PIPELINING\r\n";

#[tokio::test(flavor = "multi_thread")]
async fn who_was_answered_is_delivered_to_and_the_rest_come_again() {
    let outcomes = outcomes_of(&["220 x\r\n", HELLO, ENVELOPE, "250 2.1.5 in\r\n"], true).await;
    assert_eq!(outcomes[0], "<c@d> delivered in");
    assert!(outcomes[1].starts_with("<e@f> temporary 451 4.4.2 the server "), "{outcomes:?}");
    let outcomes = outcomes_of(&["220 x\r\n", HELLO, ENVELOPE, "250 2.1.5 in\r\n25"], false).await;
    assert_eq!(
        outcomes,
        ["<c@d> delivered in", "<e@f> temporary 451 4.4.2 the server took too long to answer"]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn servers_that_hang_or_talk_nonsense_are_given_up() {
    let slow = "temporary 451 4.4.2 the server took too long to answer";
    let nonsense = "temporary 451 4.4.2 the server does not speak LMTP: ";
    let cases: [(&'static [&'static str], bool, &str); 7] = [
        (&[], false, slow),
        (&["220 x\r\n"], false, slow),
        (&["HTTP/1.1 400 Bad Request\r\n"], true, nonsense),
        (&["220-x\r\n"], false, slow),
        (
            &["554 go away\r\n"],
            true,
            "temporary 451 4.4.2 the server answered 554 go away instead of a greeting",
        ),
        (&["220 x\r\n", "502 what?\r\n"], true, "temporary 451 4.4.2 the server answered 502 what? to LHLO"),
        (&["220 x\r\n", HELLO, "550 no\r\n550 no\r\n550 no\r\n354 go\r\n"], false, "permanent 550 5.0.0 no"),
    ];
    for (script, closes, expected) in cases {
        for outcome in outcomes_of(script, closes).await {
            assert!(outcome.contains(expected), "{script:?} {outcome}");
        }
    }
}

/// Nothing is delivered on a connection that the server has given up meanwhile, and nothing is lost by that.
#[tokio::test(flavor = "multi_thread")]
async fn an_idle_connection_that_was_closed_is_replaced() {
    for last in ["250 in\r\n250 in\r\n", "250 in\r\n250 in\r\n421 4.3.2 closing\r\n"] {
        let script: &'static [&'static str] = vec!["220 x\r\n", HELLO, ENVELOPE, last].leak();
        let client = client(scripted(script, true).await);
        for _ in 0..3 {
            let outcomes = client.deliver(&envelope(&["c@d", "e@f"]), &content("x\r\n")).await;
            assert!(outcomes.iter().all(|(_, outcome)| outcome.is_delivered()), "{outcomes:?}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_not_there_is_told_of() {
    let target: Target = "127.0.0.1:1".parse().unwrap();
    let outcomes = told(client(target).deliver(&envelope(&["c@d"]), &content("x\r\n")).await);
    assert!(
        outcomes[0].starts_with("<c@d> temporary 451 4.4.2 cannot connect to 127.0.0.1:1: "),
        "{outcomes:?}"
    );
}
