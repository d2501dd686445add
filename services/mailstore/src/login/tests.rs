use super::*;
use crate::store::Config;
use mail::address::Mailbox;
use mail::config::Octets;
use mail::directory::{Access, Address, DirectoryError, PairAddress, Place, Recipient};
use mail::login::attempts::Limits;
use mail::password::{Cost, Password, PasswordHash, Verifier, verifier};
use std::sync::Mutex;
use tempfile::TempDir;

const CHEAP: Cost = Cost { memory_kib: 64, passes: 1, lanes: 1 };

/// One account with the password `secret`, as it is now: its pair and quota, or no mailbox. None: the directory is down.
type Said = Option<Option<(&'static str, Option<u64>)>>;

#[derive(Debug, Default)]
struct House(Mutex<Said>);

impl Directory for House {
    async fn recipient(&self, _: &Mailbox) -> Result<Recipient, DirectoryError> {
        Ok(Recipient::NoSuchUser)
    }

    async fn account(&self, login: &str) -> Result<Option<Account>, DirectoryError> {
        let down = DirectoryError::Damaged { what: "row", value: String::new() };
        let place = self.0.lock().unwrap().ok_or(down)?;
        let hash = PasswordHash::new(&Password::new("secret").unwrap(), CHEAP).unwrap();
        let name: Address = login.parse().unwrap();
        Ok((name.as_str() == "ann@example.org").then(|| Account {
            name,
            access: Access::Open,
            password: Some(hash),
            scram: None,
            mailbox: place
                .map(|(pair, quota)| Place { pair: pair.parse().unwrap(), quota: quota.map(Octets) }),
            keeps_copy: true,
        }))
    }

    async fn pair(&self, _: &PairName) -> Result<Option<PairAddress>, DirectoryError> {
        Ok(None)
    }
}

struct Here {
    accounts: Accounts<House>,
    _folder: TempDir,
}

fn open() -> Here {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(&Config::new(folder.path())).unwrap();
    let verifier = Verifier::new(verifier::Limits::default(), CHEAP).unwrap();
    let logins = Logins::with_verifier(House::default(), Limits::default(), None, verifier);
    Here { accounts: Accounts::of_pair(store, "store-1".parse().unwrap(), logins), _folder: folder }
}

impl Here {
    fn say(&self, said: Said) {
        let known = self.accounts.known.as_ref().unwrap();
        *known.logins.directory().0.lock().unwrap() = said;
    }

    async fn receive(&self, name: &str) -> Result<Option<u64>, NotHere> {
        let name = AccountName::new(name).unwrap();
        self.accounts.receive(&name).await.map(|quota| quota.limit)
    }

    async fn log_in(&self) -> Result<String, LoginError> {
        let login = PlainLogin::of_sasl(b"\0Ann@example.org\0secret").unwrap();
        let known = self.accounts.log_in(IpAddr::from([192, 0, 2, 1]), login).await;
        known.map(|name| name.as_str().to_owned())
    }

    fn stored(&self) -> Vec<String> {
        self.accounts.store.accounts().unwrap().iter().map(ToString::to_string).collect()
    }
}

#[tokio::test]
async fn mail_makes_an_account_whose_mailbox_is_here() {
    let here = open();
    here.say(Some(Some(("store-1", Some(1000)))));
    assert_eq!(here.receive("nobody@example.org").await, Err(NotHere::NoSuchAccount));
    assert!(here.stored().is_empty());
    assert_eq!(here.receive("ann@example.org").await, Ok(Some(1000)));
    assert_eq!(here.stored(), ["ann@example.org"]);
    for quota in [Some(2000), None, Some(1)] {
        here.say(Some(Some(("store-1", quota))));
        assert_eq!(here.receive("ann@example.org").await, Ok(quota));
    }
    // What it has already needs no turn of the writer.
    let records = here.accounts.store.counts().records;
    assert_eq!(here.receive("ann@example.org").await, Ok(Some(1)));
    assert_eq!(here.accounts.store.counts().records, records);
}

/// Catches a daemon that takes mail for a mailbox that its owner looks for elsewhere.
#[tokio::test]
async fn an_account_that_moved_is_not_here_although_the_store_has_it() {
    let here = open();
    here.say(Some(Some(("store-1", None))));
    assert_eq!(here.receive("ann@example.org").await, Ok(None));
    assert_eq!(here.log_in().await, Ok("ann@example.org".to_owned()));
    for said in [Some(Some(("store-2", None))), Some(None)] {
        here.say(said);
        assert_eq!(here.receive("ann@example.org").await, Err(NotHere::Elsewhere));
        assert_eq!(here.log_in().await, Err(LoginError::Unavailable));
    }
}

#[tokio::test]
async fn a_login_makes_an_account_too() {
    let here = open();
    here.say(Some(Some(("store-1", Some(77)))));
    assert_eq!(here.log_in().await, Ok("ann@example.org".to_owned()));
    assert_eq!(
        here.accounts.store.quota(&AccountName::new("ann@example.org").unwrap()).unwrap().limit,
        Some(77)
    );
    let other = open();
    other.say(Some(Some(("store-2", None))));
    assert_eq!(other.log_in().await, Err(LoginError::Unavailable));
    assert!(other.stored().is_empty());
}

/// Catches "no such user" for a database that is down, and mail that waits although there is room for it.
#[tokio::test]
async fn a_directory_that_is_down_makes_nobody_unknown() {
    let here = open();
    assert_eq!(here.receive("ann@example.org").await, Err(NotHere::Unavailable));
    assert_eq!(here.log_in().await, Err(LoginError::Unavailable));
    here.say(Some(Some(("store-1", Some(1000)))));
    assert_eq!(here.receive("ann@example.org").await, Ok(Some(1000)));
    here.say(None);
    assert_eq!(here.receive("ann@example.org").await, Ok(Some(1000)));
    assert_eq!(here.receive("bob@example.org").await, Err(NotHere::Unavailable));
    assert_eq!(here.log_in().await, Err(LoginError::Unavailable));
}

#[tokio::test]
async fn without_a_directory_the_store_knows_who_there_is() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(&Config::new(folder.path())).unwrap();
    let ann = AccountName::new("ann@example.org").unwrap();
    let accounts = Accounts::<House>::of_store(store.clone());
    assert_eq!(accounts.receive(&ann).await, Err(NotHere::NoSuchAccount));
    store.create_account(&ann).await.unwrap();
    assert!(accounts.receive(&ann).await.is_ok());
    let login = PlainLogin::of_sasl(b"\0ann@example.org\0secret").unwrap();
    assert_eq!(accounts.log_in(IpAddr::from([192, 0, 2, 1]), login).await, Err(LoginError::Wrong));
}
