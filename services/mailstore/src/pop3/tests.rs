//! Sessions over loopback with a store and clients that behave as none should.

use super::*;
use crate::flags::Flags;
use crate::message::Delivery;
use crate::name::MailboxName;
use crate::number::{Uid, UidSet};
use crate::store;
use mail::login::{LoginError, PlainLogin};
use std::net::{IpAddr, SocketAddr};
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

const LINE: &str = "0123456789 0123456789 0123456789 0123456789 0123456789\r\n";
/// A machine that is busy elsewhere is slow, not broken.
const PATIENCE: Duration = Duration::from_secs(90);

/// Everybody has the password `secret`.
struct Everybody;

impl LogIn for Everybody {
    type Known = AccountName;

    async fn log_in(&self, _: IpAddr, login: PlainLogin) -> Result<AccountName, LoginError> {
        match login.password.reveal() {
            b"secret" => Ok(AccountName::new(std::str::from_utf8(&login.name).unwrap()).unwrap()),
            b"guess" => Err(LoginError::TooMany),
            b"down" => Err(LoginError::Unavailable),
            _ => Err(LoginError::Wrong),
        }
    }
}

struct House {
    address: SocketAddr,
    store: Store,
    server: Arc<Server<Everybody>>,
    drain: CancellationToken,
    serving: JoinHandle<()>,
    folder: TempDir,
}

struct Client(BufReader<TcpStream>);

impl House {
    async fn open(timeouts: Timeouts) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(&store::Config::new(folder.path())).unwrap();
        let config = Config { security: Security::Trusted, limits: Limits::default(), timeouts };
        let server = Arc::new(Server::new(config, store.clone(), Arc::new(Everybody), None).unwrap());
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (address, drain) = (listener.local_addr().unwrap(), CancellationToken::new());
        let serving = tokio::spawn(listen::serve(Arc::clone(&server), listener, drain.clone()));
        let house = Self { address, store, server, drain, serving, folder };
        house.deliver("Subject: one\r\n\r\n.dot\r\n").await;
        house.deliver("Subject: two\r\n\r\n1\r\n2\r\n").await;
        house
    }

    async fn deliver(&self, text: &str) {
        let delivery = Delivery {
            account: AccountName::new("ann").unwrap(),
            mailbox: MailboxName::inbox(),
            content: text.to_owned().into(),
            received: jiff::Timestamp::now(),
            flags: Flags::default(),
            key: None,
        };
        self.store.deliver(delivery).await.unwrap();
    }

    fn inbox(&self) -> crate::store::MailboxView {
        let ann = AccountName::new("ann").unwrap();
        self.store.open_mailbox(&ann, &MailboxName::inbox(), store::Access::ReadOnly).unwrap()
    }

    async fn connect(&self) -> Client {
        let mut client = Client(BufReader::new(TcpStream::connect(self.address).await.unwrap()));
        assert_eq!(client.line().await, "+OK POP3 ready");
        client
    }

    async fn known(&self) -> Client {
        let mut client = self.connect().await;
        assert_eq!(client.ask("USER ann").await, "+OK and the password");
        let said = client.ask("PASS secret").await;
        assert!(said.starts_with("+OK ") && said.ends_with(" messages"), "{said}");
        client
    }

    /// Until no more sessions than these are open.
    async fn until_open(&self, sessions: u64) {
        let ended = async {
            while self.server.numbers.open.get() > sessions {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        timeout(PATIENCE, ended).await.expect("a session does not end");
    }
}

impl Client {
    async fn line(&mut self) -> String {
        let mut line = String::new();
        timeout(PATIENCE, self.0.read_line(&mut line)).await.expect("nothing is said").unwrap();
        line.trim_end_matches("\r\n").to_owned()
    }

    async fn send(&mut self, text: &str) {
        self.0.get_mut().write_all(text.as_bytes()).await.unwrap();
    }

    async fn ask(&mut self, line: &str) -> String {
        self.send(&format!("{line}\r\n")).await;
        self.line().await
    }

    /// Until the end, as the server means it.
    async fn rest(&mut self) -> String {
        let mut rest = String::new();
        timeout(PATIENCE, self.0.read_to_string(&mut rest)).await.expect("it does not end").unwrap();
        rest
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_is_one_sessions_until_it_has_heard_good_bye() {
    let house = House::open(Timeouts::default()).await;
    let mut first = house.known().await;
    let mut second = house.connect().await;
    second.ask("USER ann").await;
    assert_eq!(second.ask("PASS secret").await, "-ERR [IN-USE] another session has the mailbox");
    second.ask("USER bob").await;
    // Who has no mailbox is told so, and nobody's lock is left behind.
    assert_eq!(second.ask("PASS secret").await, "-ERR [SYS/TEMP] nobody can log in now");
    for _ in 0..20 {
        assert_eq!(first.ask("QUIT").await, "+OK good bye");
        first = house.known().await;
    }
    // A connection that breaks gives it back too.
    drop(first);
    house.until_open(1).await;
    house.known().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn why_nobody_comes_in_is_told() {
    let house = House::open(Timeouts::default()).await;
    for (password, said) in [
        ("x", "-ERR [AUTH] wrong name or password"),
        ("down", "-ERR [SYS/TEMP] nobody can log in now"),
        ("guess", "-ERR [SYS/TEMP] too many wrong passwords; try again later"),
    ] {
        let mut client = house.connect().await;
        client.ask("USER ann").await;
        assert_eq!(client.ask(&format!("PASS {password}")).await, said);
        assert_eq!(client.ask("NOOP").await.is_empty(), password == "guess", "only who guesses is sent away");
    }
}

/// Catches a QUIT that is answered before anything is deleted, and a DELE that deletes without one.
#[tokio::test(flavor = "multi_thread")]
async fn quit_deletes_and_nothing_else_does() {
    let house = House::open(Timeouts::default()).await;
    let mut client = house.known().await;
    assert_eq!(client.ask("DELE 1").await, "+OK it goes with QUIT");
    drop(client);
    house.until_open(0).await;
    assert_eq!(house.inbox().uids.to_string(), "1:2");
    let mut client = house.known().await;
    let validity = house.inbox().info.state.uid_validity;
    assert_eq!(client.ask("UIDL 2").await, format!("+OK 2 {validity}.2"));
    client.ask("DELE 2").await;
    house.deliver("Subject: three\r\n\r\n").await;
    assert_eq!(client.ask("STAT").await, "+OK 1 22", "what came meanwhile is not there");
    assert_eq!(client.ask("QUIT").await, "+OK good bye");
    assert_eq!(house.inbox().uids.to_string(), "1,3");
    // It is in the journal: an index that is made anew says the same.
    house.drain.cancel();
    house.serving.await.unwrap();
    drop((house.server, house.store));
    fs_err::remove_dir_all(house.folder.path().join("index")).unwrap();
    let store = Store::open(&store::Config::new(house.folder.path())).unwrap();
    let ann = AccountName::new("ann").unwrap();
    let view = store.open_mailbox(&ann, &MailboxName::inbox(), store::Access::ReadOnly).unwrap();
    assert_eq!(view.uids.to_string(), "1,3");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_big_message_comes_whole_and_with_its_dots() {
    let house = House::open(Timeouts::default()).await;
    let line = format!(".{}\r\n", "x".repeat(997));
    let body = line.repeat(5000);
    house.deliver(&format!("Subject: big\r\n\r\n{body}end without its line")).await;
    let mut client = house.known().await;
    client.send("RETR 3\r\nQUIT\r\n").await;
    let expected = format!(
        "+OK\r\nSubject: big\r\n\r\n{}end without its line\r\n.\r\n+OK good bye\r\n",
        body.replace(".x", "..x")
    );
    assert!(client.rest().await == expected, "it is not what was delivered");
    assert_eq!(house.server.numbers.read.get(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_that_somebody_else_deleted_cannot_be_read() {
    let house = House::open(Timeouts::default()).await;
    let mut client = house.known().await;
    house.store.remove(house.inbox().id(), UidSet::one(Uid::MIN)).await.unwrap();
    assert_eq!(client.ask("RETR 1").await, "-ERR [SYS/TEMP] the message cannot be read now");
    client.ask("DELE 1").await;
    assert_eq!(client.ask("QUIT").await, "+OK good bye");
}

/// Catches a session that waits for ever for who does not read, and keeps the account.
#[tokio::test(flavor = "multi_thread")]
async fn who_does_not_take_what_is_sent_is_given_up() {
    let house = House::open(Timeouts { reply: Duration::from_millis(200), ..Timeouts::default() }).await;
    // More than the buffers of both systems hold.
    house.deliver(&LINE.repeat(250_000)).await;
    let mut deaf = house.known().await;
    deaf.send("RETR 3\r\n").await;
    house.until_open(0).await;
    assert_eq!(house.server.numbers.timeouts.get(), 1);
    house.known().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_says_nothing_is_sent_away_and_its_messages_stay() {
    let short = Duration::from_millis(200);
    let house = House::open(Timeouts { command: short, ..Timeouts::default() }).await;
    let mut client = house.known().await;
    client.ask("DELE 1").await;
    // Octets that are no command are silence.
    let trickle = async {
        loop {
            // It may be over by now.
            let _ = client.0.get_mut().write_all(b"N").await;
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::select! {
        () = trickle => {}
        () = house.until_open(0) => {}
    }
    assert_eq!(house.inbox().uids.len(), 2);
    let house = House::open(Timeouts { login: short, ..Timeouts::default() }).await;
    let mut client = house.connect().await;
    assert_eq!(client.rest().await, "-ERR too long without a word\r\n");
}

#[tokio::test(flavor = "multi_thread")]
async fn drain_ends_sessions_between_commands_and_lets_a_message_arrive() {
    let house = House::open(Timeouts::default()).await;
    let body = LINE.repeat(250_000);
    house.deliver(&body).await;
    let mut idle = house.connect().await;
    let mut busy = house.known().await;
    busy.send("RETR 3\r\n").await;
    assert_eq!(busy.line().await, "+OK");
    house.drain.cancel();
    assert_eq!(idle.rest().await, "-ERR [SYS/TEMP] shutting down\r\n");
    let rest = busy.rest().await;
    assert!(rest == format!("{body}.\r\n-ERR [SYS/TEMP] shutting down\r\n"), "{} octets", rest.len());
    timeout(PATIENCE, house.serving).await.expect("it does not end").unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn who_does_not_read_does_not_hold_up_the_end() {
    let drain = Duration::from_millis(200);
    let house = House::open(Timeouts { drain, ..Timeouts::default() }).await;
    house.deliver(&LINE.repeat(250_000)).await;
    let mut deaf = house.known().await;
    deaf.send("RETR 3\r\n").await;
    assert_eq!(deaf.line().await, "+OK");
    house.drain.cancel();
    timeout(PATIENCE, house.serving).await.expect("it does not end").unwrap();
}

/// Catches answers that are all made before one is sent.
#[tokio::test(flavor = "multi_thread")]
async fn many_lists_at_once_are_told_one_behind_the_other() {
    let house = House::open(Timeouts::default()).await;
    let mut client = house.known().await;
    client.send(&format!("{}QUIT\r\n", "UIDL\r\nLIST\r\n".repeat(300))).await;
    let said = client.rest().await;
    assert_eq!(said.lines().count(), 300 * 8 + 1);
    assert!(said.ends_with(".\r\n+OK good bye\r\n"));
}
