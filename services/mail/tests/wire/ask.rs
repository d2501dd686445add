//! The LMTP client that only asks whether a message would be taken.

use crate::house::{House, Plan};
use bytes::Bytes;
use mail::content::Content;
use mail::engine::{self, Protocol};
use mail::lmtp::{Client, Envelope, Target, Timeouts};
use std::time::Duration;

fn envelope(to: &[&str]) -> Envelope {
    let recipients = to.iter().map(|to| format!("<{to}>").parse().unwrap()).collect();
    Envelope { from: "<a@b.org>".parse().unwrap(), is_utf8: false, recipients }
}

async fn house() -> (House, Client) {
    // As a mailstore has it: whoever asks often is no nuisance.
    let session = engine::Limits { idle_max: u32::MAX, refusals_max: u32::MAX, ..engine::Limits::default() };
    let house = House::open(Plan { protocol: Protocol::Lmtp, session, ..Plan::default() }).await;
    let host = "mx.example.org".parse().unwrap();
    let client = Client::new(Target::Tcp(house.address), host, Timeouts::default());
    (house, client)
}

async fn ask(client: &Client, to: &[&str], octets: u64) -> Vec<String> {
    let told = client.ask(&envelope(to), octets).await;
    let line = |answer: Result<(), mail::reply::Refusal>| match answer {
        Ok(()) => "yes".to_owned(),
        Err(refusal) => refusal.reply().to_string().trim_end().to_owned(),
    };
    told.into_iter().map(|(_, answer)| line(answer)).collect()
}

/// Catches an answer that is left on the connection, and a question that becomes a message.
#[tokio::test(flavor = "multi_thread")]
async fn who_is_asked_has_nothing_and_the_connection_goes_on() {
    let (house, client) = house().await;
    for _ in 0..120 {
        assert_eq!(ask(&client, &["c@d.org", "green@d.org"], 100).await, ["yes", "550 5.1.1 No such user"]);
        assert_eq!(ask(&client, &["green@d.org"], 0).await, ["550 5.1.1 No such user"]);
    }
    assert_eq!(
        ask(&client, &["c@d.org"], 21 << 20).await,
        ["552 5.3.4 Message too big for the mailbox's server"]
    );
    let content = Content::from(Bytes::from("x\r\n"));
    assert!(client.deliver(&envelope(&["c@d.org"]), &content).await[0].1.is_delivered());
    assert_eq!(house.got().len(), 1);
    assert!(house.number("mail_sessions_total{listener=\"test\"}") <= 2, "the connection is used again");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_does_not_answer_refuses_for_now() {
    let (house, client) = house().await;
    assert!(client.reach().await.is_ok());
    house.drain.cancel();
    let gone = async {
        while !house.serving.is_finished() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), gone).await.unwrap();
    assert!(client.reach().await.is_err());
    let told = ask(&client, &["c@d.org"], 100).await;
    assert!(told[0].starts_with("451 4.4.2 "), "{told:?}");
}
