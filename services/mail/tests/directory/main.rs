//! The directory over both databases: the same tests with a SQLite file and with a MariaDB server that each test starts itself.

#![expect(clippy::unwrap_used, reason = "here a panic with its place is the message")]

mod accounts;
mod aliases;
mod domains;
mod failures;
mod mailboxes;
mod recipients;
mod schema;
mod server;

use mail::directory::database::{Database, MariaDb, Presence, Sqlite};
use mail::directory::{Address, DirectoryError, Domain, Kind, PairAddress, PairName, Place, Records};
use server::Server;

/// Tests that hand a new directory of each kind to every one of these bodies. A server takes its time to start: one serves them all.
macro_rules! on_both {
    ($($name:ident),* $(,)?) => {
        mod sqlite {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() {
                crate::with_sqlite(async |book| super::$name(book).await).await;
            })*
        }
        pub(crate) async fn all_on_mariadb(server: &crate::server::Server) {
            $($name(crate::on_mariadb(server)).await;)*
        }
    };
}
pub(crate) use on_both;

/// A directory that is empty, with its database.
struct Book {
    records: Records,
    database: Database,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn all_the_same_on_mariadb() {
    let server = Server::start(&[]);
    accounts::all_on_mariadb(&server).await;
    aliases::all_on_mariadb(&server).await;
    domains::all_on_mariadb(&server).await;
    mailboxes::all_on_mariadb(&server).await;
    recipients::all_on_mariadb(&server).await;
    schema::all_on_mariadb(&server).await;
}

async fn with_sqlite(body: impl AsyncFnOnce(Book)) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("directory.db");
    let database = Database::Sqlite(Sqlite::open(&file, Presence::MayBeMade).unwrap());
    body(Book { records: Records::new(database.clone()), database }).await;
}

/// In a database of its own.
fn on_mariadb(server: &Server) -> Book {
    let database = Database::MariaDb(MariaDb::new(&server.options_of_next_database()));
    Book { records: Records::new(database.clone()), database }
}

impl Book {
    /// With tables, the domains `here.org` (tags behind `+`) and `plain.org` (no tags), and the pairs `p1` and `p2`.
    async fn furnished(self) -> Records {
        self.records.upgrade().await.unwrap();
        for (name, separator) in [("here.org", Some('+')), ("plain.org", None)] {
            let domain = Domain { name: name.to_owned(), separator, catch_all: None };
            self.records.add_domain(&domain).await.unwrap();
        }
        for name in ["p1", "p2"] {
            self.records.add_pair(&pair(name), &pair_address("10.0.0.1")).await.unwrap();
        }
        self.records
    }
}

fn address(text: &str) -> Address {
    text.parse().unwrap()
}

fn pair(name: &str) -> PairName {
    name.parse().unwrap()
}

fn pair_address(host: &str) -> PairAddress {
    let at = |port: u16| format!("{host}:{port}").parse().unwrap();
    PairAddress { lmtp: at(24), imap: at(143), pop3: at(110) }
}

fn place(name: &str) -> Place {
    Place { pair: pair(name), quota: None }
}

/// `no such KIND NAME` and the like, for short.
fn told<T: std::fmt::Debug>(result: Result<T, DirectoryError>) -> String {
    match result {
        Ok(value) => format!("{value:?}"),
        Err(DirectoryError::NoSuch { kind, name }) => format!("no {kind} {name}"),
        Err(DirectoryError::AlreadyThere { kind, name }) => format!("already {kind} {name}"),
        Err(DirectoryError::InUse { kind: kind @ (Kind::Domain | Kind::Pair), name }) => {
            format!("used {kind} {name}")
        }
        Err(other) => format!("{other:?}"),
    }
}
