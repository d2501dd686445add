use super::super::Checking;
use super::*;
use crate::authentication::Results;
use mail::command::{Command, parse};
use mail::content::Content;
use mail::engine::{Channel, Envelope, Hello, HelloVerb};
use mail::message_id::MessageId;
use mail::observe::Registry;
use mail::reply::Status;
use std::sync::Mutex;
use std::time::Duration;

/// What a filter does.
#[derive(Clone)]
enum Does {
    Says(Verdict),
    Fails,
    Breaks,
    Hangs,
}

/// Notes that it was asked.
struct Engine {
    name: &'static str,
    does: Does,
    asked: Arc<Mutex<Vec<&'static str>>>,
}

impl Filter for Engine {
    fn name(&self) -> &'static str {
        self.name
    }

    fn fields(&self) -> &'static [&'static str] {
        &["X-Seen"]
    }

    fn check<'a>(&'a self, _: &'a Message) -> Checking<'a> {
        self.asked.lock().unwrap().push(self.name);
        Box::pin(async move {
            match self.does.clone() {
                Does::Says(verdict) => Ok(verdict),
                Does::Fails => Err(FilterError("no such socket".into())),
                Does::Breaks => panic!("a filter that breaks"),
                Does::Hangs => std::future::pending().await,
            }
        })
    }
}

fn message() -> Arc<Message> {
    let command = |line: &str| parse(line.as_bytes()).unwrap();
    let Command::Ehlo(client) = command("EHLO x") else { panic!() };
    let Command::Mail(mail) = command("MAIL FROM:<>") else { panic!() };
    let hello = Hello { verb: HelloVerb::Ehlo, client };
    Arc::new(Message {
        id: MessageId::new(),
        client: [192, 0, 2, 1].into(),
        tls: None,
        envelope: Envelope { hello, channel: Channel::Clear, mail, recipients: Vec::new() },
        content: Content::default(),
        results: Results::default(),
    })
}

fn field(value: &str) -> AddedField {
    AddedField::new("X-Seen", value).unwrap()
}

fn refusal(code: u16) -> Refusal {
    Refusal::new(code, Status::new(7, 1), "Spam").unwrap()
}

/// Which filters were asked, what came of it, and how each was counted.
async fn run(engines: &[(Does, OnFailure)]) -> (Vec<&'static str>, Result<String, u16>, Chain) {
    let asked = Arc::new(Mutex::new(Vec::new()));
    let names = ["one", "two", "three"];
    let links = engines.iter().zip(names).map(|((does, on_failure), name)| {
        let terms = Terms { timeout: Period(Duration::from_secs(5)), on_failure: *on_failure };
        Link::new(Arc::new(Engine { name, does: does.clone(), asked: Arc::clone(&asked) }), terms)
    });
    let chain = Chain::new(links.collect());
    let answer = chain.check(&message()).await;
    let answer = answer.map(|fields| fields.iter().map(ToString::to_string).collect());
    let asked = asked.lock().unwrap().clone();
    (asked, answer.map_err(|refusal| refusal.reply().code()), chain)
}

fn add(value: &str) -> Does {
    Does::Says(Verdict::Add(vec![field(value)]))
}

#[tokio::test]
async fn each_is_asked_in_order_and_adds_its_fields() {
    let engines = [
        (add("1"), OnFailure::Defer),
        (Does::Says(Verdict::Accept), OnFailure::Defer),
        (add("3"), OnFailure::Defer),
    ];
    let (asked, answer, chain) = run(&engines).await;
    assert_eq!(asked, ["one", "two", "three"]);
    assert_eq!(answer.as_deref(), Ok("X-Seen: 1\r\nX-Seen: 3\r\n"));
    assert_eq!(chain.fields(), ["X-Seen"; 3]);
    assert_eq!(Chain::default().check(&message()).await, Ok(Vec::new()));
}

#[tokio::test]
async fn the_first_refusal_ends_it() {
    let reject = Does::Says(Verdict::Reject(refusal(550)));
    let (asked, answer, _) =
        run(&[(add("1"), OnFailure::Accept), (reject, OnFailure::Accept), (Does::Breaks, OnFailure::Accept)])
            .await;
    assert_eq!((asked, answer), (vec!["one", "two"], Err(550)));
    let defer = |code| Does::Says(Verdict::Defer(refusal(code)));
    assert_eq!(run(&[(defer(450), OnFailure::Accept)]).await.1, Err(450));
    assert_eq!(run(&[(defer(550), OnFailure::Accept)]).await.1, Err(451), "for now is never for good");
}

/// Catches a chain that takes a failure for "clean" where it must not, and one that waits for ever.
#[tokio::test(start_paused = true)]
async fn a_filter_that_fails_is_passed_by_or_holds_the_mail_back_as_it_is_set() {
    for does in [Does::Fails, Does::Breaks, Does::Hangs] {
        let (asked, answer, _) =
            run(&[(does.clone(), OnFailure::Accept), (add("2"), OnFailure::Defer)]).await;
        assert_eq!((asked.len(), answer.as_deref()), (2, Ok("X-Seen: 2\r\n")));
        let (asked, answer, chain) = run(&[(does, OnFailure::Defer), (add("2"), OnFailure::Accept)]).await;
        assert_eq!((asked, answer), (vec!["one"], Err(451)));
        let registry = Registry::default();
        registry.add(Arc::new(chain));
        let page = registry.page().to_string();
        assert!(page.contains("{filter=\"one\",verdict=\"failed\"} 1"), "{page}");
    }
}
