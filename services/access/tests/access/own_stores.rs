//! Our own mailstores as pairs: mail that came by LMTP is read through the front end, also when the mailbox moves.

use crate::house::{At, House, More, PATIENCE, address, block_on, pair};
use crate::line::Line;
use crate::pair::dead_port;
use mailstore::daemon::{self, Orders, Settings};
use std::net::SocketAddr;
use std::path::Path;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;

/// Where one listens, known before it does.
#[derive(Clone, Copy)]
struct Ports {
    lmtp: SocketAddr,
    pop3: SocketAddr,
}

impl Ports {
    fn free() -> Self {
        Self { lmtp: dead_port(), pop3: dead_port() }
    }

    fn of(self, name: &str) -> At<'_> {
        At { name, imap: dead_port(), pop3: self.pop3 }
    }
}

/// One in this process, until it is dropped.
struct Store {
    drain: CancellationToken,
    thread: Option<JoinHandle<()>>,
    _folder: TempDir,
}

impl Store {
    fn start(name: &str, ports: Ports, house: &Path) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let text = format!(
            "host = '{name}.example'\nfolder = '{}'\npair = '{name}'\n[lmtp]\nlisten = ['{}']\n\
             [pop3]\nlisten = ['{}']\ntls = 'off'\n[directory]\nsqlite = '{house}/directory.db'\ncache = '0s'\n\
             [proxy]\nname = 'access'\nsecret_file = '{house}/secret'\n",
            folder.path().join("store").display(),
            ports.lmtp,
            ports.pop3,
            house = house.display(),
        );
        let settings = mail::config::parse::<Settings>(&text).unwrap();
        let orders = Orders::default();
        let drain = orders.drain.clone();
        let run = async { daemon::run(settings, orders).await.unwrap() };
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        let thread = std::thread::spawn(move || runtime.block_on(run));
        let start = Instant::now();
        for address in [ports.lmtp, ports.pop3] {
            while std::net::TcpStream::connect(address).is_err() {
                assert!(start.elapsed() < PATIENCE, "{name} does not listen on {address}");
                std::thread::sleep(Duration::from_millis(5));
            }
        }
        Self { drain, thread: Some(thread), _folder: folder }
    }
}

impl Drop for Store {
    fn drop(&mut self) {
        self.drain.cancel();
        // What went wrong in it has failed the test before.
        let _ = self.thread.take().map(JoinHandle::join);
    }
}

fn deliver(lmtp: SocketAddr, subject: &str) {
    let mut line = Line::connect(lmtp, "220 ");
    line.say("LHLO mx1.example\r\n");
    line.hear_until("250 ");
    for command in ["MAIL FROM:<a@b.org>", "RCPT TO:<ann@example.org>", "DATA"] {
        line.ask_line(command);
    }
    let said = line.ask_line(&format!("Subject: {subject}\r\n\r\nHello\r\n."));
    assert!(said.starts_with("250 "), "{said}");
}

/// The one message that is there.
fn read(house: &House, subject: &str) {
    let mut pop3 = house.pop3();
    let said = pop3.log_in_pop3("ann");
    assert!(said.starts_with("+OK 1 "), "{said}");
    assert!(pop3.ask_line("TOP 1 0").starts_with("+OK"));
    pop3.hear_until(&format!("Subject: {subject}"));
    pop3.hear_until(".");
    assert!(pop3.ask_line("QUIT").starts_with("+OK"));
}

#[test]
fn mail_is_read_through_the_front_end_wherever_the_mailbox_is() {
    let [one, two] = [Ports::free(), Ports::free()];
    let house = House::start(&[one.of("p1"), two.of("p2")], &[("ann", Some("p1"))], More::default());
    let folder = house.folder.path();
    let _stores = [Store::start("p1", one, folder), Store::start("p2", two, folder)];
    deliver(one.lmtp, "on the first pair");
    read(&house, "on the first pair");
    block_on(house.records.set_mailbox(&address("ann"), Some(&pair("p2")), None)).unwrap();
    deliver(two.lmtp, "on the second pair");
    // The pair knows that it has moved, the front end does not yet.
    read(&house, "on the second pair");
    house.measures("access_moved_total 1");
}

/// Catches a pair that locks its front end out for what its clients do, and so everybody.
#[test]
fn a_mailbox_that_is_not_there_is_never_counted_against_the_front_end() {
    let ports = Ports::free();
    let accounts = [("ann", Some("p1")), ("bob", Some("p1"))];
    let house = House::start(&[ports.of("p1"), Ports::free().of("p2")], &accounts, More::default());
    let _store = Store::start("p1", ports, house.folder.path());
    assert!(house.pop3().log_in_pop3("bob").starts_with("+OK "));
    block_on(house.records.set_mailbox(&address("bob"), Some(&pair("p2")), None)).unwrap();
    for _ in 0..30 {
        assert!(house.pop3().log_in_pop3("bob").starts_with("-ERR [SYS/TEMP] "));
    }
    assert!(house.pop3().log_in_pop3("ann").starts_with("+OK "));
}
