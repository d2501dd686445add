//! Whose mail is taken: what the directory says now, and what goes on while it says nothing.

use crate::daemon::inbox;
use crate::office::{Office, address};
use bytes::Bytes;
use mail::content::Content;
use mail::directory::Access;
use mail::lmtp::{Client, Envelope, Outcome, Target, Timeouts};
use nix::sys::signal::Signal;

const STOP: &str = "-ERR [SYS/TEMP]";

impl Office {
    /// What our own LMTP client hears for each of them.
    pub fn deliver(&self, text: &str, to: &[&str]) -> Vec<String> {
        let host = "mx1.example".parse().unwrap();
        let client = Client::new(Target::Tcp(self.daemon.lmtp), host, Timeouts::default());
        let recipients = to.iter().map(|name| format!("<{}>", address(name)).parse().unwrap()).collect();
        let from = "<a@b.org>".parse().unwrap();
        let envelope = Envelope { from, is_utf8: false, recipients };
        let content = Content::from(Bytes::from(text.to_owned()));
        let outcomes = self.runtime.block_on(client.deliver(&envelope, &content));
        let told = |(_, outcome)| match outcome {
            Outcome::Delivered(text) => text.as_str().to_owned(),
            Outcome::Temporary(refusal) | Outcome::Permanent(refusal) => {
                refusal.reply().to_string().trim_end().to_owned()
            }
        };
        outcomes.into_iter().map(told).collect()
    }

    /// What is said to a login by POP3.
    fn log_in(&self, name: &str, password: &str) -> String {
        const PROGRAM: &str = r#"
import poplib, sys
p = poplib.POP3("127.0.0.1", int(sys.argv[1]), timeout=90)
try:
    p.user(sys.argv[3]); print(p.pass_(sys.argv[4]).decode())
    p.quit()
except poplib.error_proto as error:
    print(error.args[0].decode())
    p.close()
"#;
        self.python(PROGRAM, &[address(name).as_str(), password]).trim_end().to_owned()
    }
}

#[test]
fn the_directory_says_whose_mail_is_taken() {
    let office = Office::open("off");
    office.add("moved", Some(("store-2", None)));
    office.add("forwarded", None);
    let told = office.deliver("x\r\n", &["ann", "nobody", "moved", "forwarded", "ann+tag"]);
    let elsewhere = "451 4.4.4 The mailbox is on another server; try again later";
    let unknown = "550 5.1.1 No such user here";
    assert_eq!(told, ["Delivered", unknown, elsewhere, elsewhere, unknown]);
    assert!(office.log_in("moved", "moved").starts_with(STOP));
    assert_eq!(office.log_in("ann", "ann"), "+OK 1 messages");

    // What has moved leaves its old messages behind, and gets no new ones here.
    office.move_to("ann", "store-2");
    assert_eq!(office.deliver("y\r\n", &["ann"]), [elsewhere]);
    assert!(office.log_in("ann", "ann").starts_with(STOP));
    office.move_to("ann", "store-1");
    assert_eq!(office.deliver("y\r\n", &["ann"]), ["Delivered"]);

    let (_, store, _folder) = office.daemon.end(Signal::SIGTERM);
    assert_eq!(inbox(&store, "ann@example.org").len(), 2);
    let accounts: Vec<_> = store.accounts().unwrap().iter().map(ToString::to_string).collect();
    assert_eq!(accounts, ["ann@example.org"], "bob never came, nobody else may");
}

#[test]
fn a_quota_is_what_the_directory_says_now() {
    let office = Office::open("off");
    office.add("carl", Some(("store-1", Some(2000))));
    let text = "0123456789\r\n".repeat(60);
    assert_eq!(office.deliver(&text, &["carl"]), ["Delivered"]);
    assert_eq!(office.deliver(&text.repeat(2), &["carl"]), ["452 4.2.2 Mailbox is full; try again later"]);
    office.set_quota("carl", Some(5000));
    assert_eq!(office.deliver(&text.repeat(2), &["carl"]), ["Delivered"]);
    office.set_quota("carl", Some(1000));
    assert_eq!(office.deliver("x\r\n", &["carl"]), ["452 4.2.2 Mailbox is full; try again later"]);
    office.set_quota("carl", None);
    assert_eq!(office.deliver(&text.repeat(9), &["carl"]), ["Delivered"]);
    // Who only reads has a new one too.
    office.set_quota("bob", Some(4096));
    assert_eq!(office.log_in("bob", "bob"), "+OK 0 messages");
    let (_, store, _folder) = office.daemon.end(Signal::SIGTERM);
    let limit = |name| store.quota(&crate::daemon::account(name)).unwrap().limit;
    assert_eq!([limit("bob@example.org"), limit("carl@example.org")], [Some(4096), None]);
}

/// Catches "no such user" because a database failed, mail that bounces or waits without need, and a machine that is taken for ill.
#[test]
fn while_the_directory_is_down_mail_of_known_accounts_is_taken() {
    let office = Office::open("off");
    assert_eq!(office.deliver("x\r\n", &["ann"]), ["Delivered"]);
    office.break_directory(true);
    let told = office.deliver("y\r\n", &["ann", "bob"]);
    assert_eq!(told, ["Delivered", "451 4.3.0 The mailbox cannot be reached now; try again later"]);
    assert!(office.log_in("ann", "ann").starts_with(STOP));
    let health = office.daemon.get("/health");
    assert!(health.starts_with("HTTP/1.1 200 "), "{health}");
    assert!(health.contains(r#""directory":"there is no directory in this database""#), "{health}");
    office.break_directory(false);
    assert_eq!(office.log_in("ann", "ann"), "+OK 2 messages");
    assert!(office.daemon.get("/health").contains(r#""directory":"ok""#));
}

#[test]
fn passwords_are_guessed_a_few_times_only() {
    let office = Office::open("off");
    office.set_access("bob", Access::Locked);
    let wrong = "-ERR [AUTH] wrong name or password";
    for (name, password) in
        [("bob", "bob"), ("nobody", "x"), ("ann", "a"), ("ann", "b"), ("ann", "c"), ("ann", "d")]
    {
        assert_eq!(office.log_in(name, password), wrong, "{name}");
    }
    let refused = office.log_in("ann", "ann");
    assert_eq!(
        refused, "-ERR [SYS/TEMP] too many wrong passwords; try again later",
        "not even the right one"
    );
    office.set_access("bob", Access::Open);
    assert_eq!(office.log_in("bob", "bob"), "+OK 0 messages");
    let page = office.daemon.get("/metrics");
    for line in ["mail_logins_total{outcome=\"wrong\"} 6", "mail_logins_total{outcome=\"too_many\"} 1"] {
        assert!(page.contains(&format!("\n{line}\n")), "{line}: {page}");
    }
}
