//! A filter between reception and delivery: what it says is done, and what becomes of mail when it fails is as it is set.
//!
//! The daemon is this program again, with a filter of the test.

use crate::client::{Mail, code, mail, python};
use crate::house::{House, PLAN, Plan, Program};
use crate::process::command;
use inbound::daemon::{self, Signals};
use inbound::filter::{
    AddedField, Chain, Checking, Filter, FilterError, Link, Message, OnFailure, Terms, Verdict,
};
use inbound::settings::Settings;
use mail::config::Period;
use mail::reply::{Refusal, Status};
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

const FILE: &str = "INBOUND_TEST_FILTERED";

/// Does what the subject says.
struct Obedient {
    name: &'static str,
}

impl Filter for Obedient {
    fn name(&self) -> &'static str {
        self.name
    }

    fn fields(&self) -> &'static [&'static str] {
        &["X-Seen"]
    }

    fn check<'a>(&'a self, message: &'a Message) -> Checking<'a> {
        Box::pin(async move {
            let content = message.content.all().await.map_err(|error| FilterError(Box::new(error)))?;
            let content = String::from_utf8_lossy(&content).into_owned();
            assert!(content.starts_with("Authentication-Results: mx1.example;"), "{content}");
            let says = |word: &str| content.contains(&format!("Subject: {}-{word}\r\n", self.name));
            let refusal = |code| Refusal::new(code, Status::new(7, 1), "Not wanted").unwrap();
            match () {
                () if says("virus") => Ok(Verdict::Reject(refusal(550))),
                () if says("later") => Ok(Verdict::Defer(refusal(450))),
                () if says("hang") => std::future::pending().await,
                () if says("fail") => Err(FilterError("no engine".into())),
                () => Ok(Verdict::Add(vec![AddedField::new("X-Seen", self.name).unwrap()])),
            }
        })
    }
}

pub fn program(file: &Path) -> Command {
    let mut this = command(std::env::current_exe().unwrap().to_str().unwrap());
    this.args(["filters::child", "--exact", "--nocapture", "--test-threads=1"]).env(FILE, file);
    this
}

/// Serves until it is killed.
#[test]
fn child() {
    let Ok(file) = std::env::var(FILE) else { return };
    tracing_subscriber::fmt().with_writer(std::io::stderr).with_ansi(false).json().init();
    let settings = mail::config::read::<Settings>(file.as_ref()).unwrap();
    let link = |name, on_failure| {
        let terms = Terms { timeout: Period(Duration::from_millis(300)), on_failure };
        Link::new(Arc::new(Obedient { name }), terms)
    };
    let filters = Chain::new(vec![link("open", OnFailure::Accept), link("closed", OnFailure::Defer)]);
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(daemon::run(settings, filters, Signals::default())).unwrap();
}

fn behind(house: &House, subject: &str) -> String {
    let told = python(house.smtp, &[mail(&["ann@example.org"], subject)]);
    code(told[0].2.as_ref().unwrap()).to_owned()
}

/// Catches a virus that is taken because its engine hangs, and mail that waits because an engine for spam does.
#[test]
fn what_filters_say_is_done() {
    let mut house = House::open(Plan { program: Program::Filtered, ..PLAN });
    for (subject, expected) in [
        ("open-virus", "550 5.7.1"),
        ("closed-virus", "550 5.7.1"),
        ("open-later", "450 4.7.1"),
        ("open-hang", "250 2.0.0"),
        ("open-fail", "250 2.0.0"),
        ("closed-hang", "451 4.3.0"),
        ("closed-fail", "451 4.3.0"),
        ("fine", "250 2.0.0"),
    ] {
        assert_eq!(behind(&house, subject), expected, "{subject}");
    }
    assert_eq!(house.number("inbound_filter_verdicts_total{filter=\"open\",verdict=\"failed\"}"), 2);
    assert_eq!(house.number("inbound_filter_verdicts_total{filter=\"closed\",verdict=\"failed\"}"), 2);
    let kept = house.stores[0].inbox("ann@example.org");
    let seen: Vec<_> = kept.iter().map(|kept| kept.matches("\r\nX-Seen: ").count()).collect();
    assert_eq!(seen, [1, 1, 2], "{kept:?}");
}

/// Catches a stranger's word under a filter's name, and a filter's field that makes a repeat another message.
#[test]
fn what_a_filter_writes_is_its_own_and_a_repeat_is_a_repeat() {
    let mut house = House::open(Plan { program: Program::Filtered, ..PLAN });
    let plain = mail(&["ann@example.org"], "one");
    let forged = Mail { content: format!("x-seen: forged\r\n{}X", plain.content), ..plain };
    let told = python(house.smtp, &[forged.clone(), forged]);
    assert!(told.iter().all(|(_, _, behind)| behind.as_deref().map(code) == Some("250 2.0.0")), "{told:?}");
    let kept = house.stores[0].inbox("ann@example.org");
    assert_eq!(kept.len(), 1, "{kept:?}");
    let ours = kept[0].split_once("by mx1.example").unwrap().1;
    let fields = ours.split_once("\r\nX-Seen: open\r\nX-Seen: closed\r\nFrom: ");
    assert!(fields.is_some() && !kept[0].contains("forged"), "{}", kept[0]);
}
