use super::super::proxy::ProxySettings;
use super::*;
use crate::address::Mailbox;
use crate::config::SecretFile;
use crate::directory::{DirectoryError, Kind, PairAddress, PairName, Recipient};
use crate::imap::command::Secret;
use crate::password::PasswordHash;
use std::os::unix::fs::PermissionsExt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

const CHEAP: Cost = Cost { memory_kib: 64, passes: 1, lanes: 1 };
const SECRET: &str = "0123456789abcdef0123456789abcdef";
const LIMITS: Limits = Limits {
    per_client_max: 8,
    per_client_and_account_max: 3,
    per_account_max: 5,
    window: Duration::from_secs(60),
};

/// Ann and Bob, both with `secret`; Bob is locked. Carl has no password.
struct House {
    hash: PasswordHash,
    fails: Arc<AtomicBool>,
}

impl Directory for House {
    async fn recipient(&self, _: &Mailbox) -> Result<Recipient, DirectoryError> {
        Ok(Recipient::NoSuchUser)
    }

    async fn account(&self, login: &str) -> Result<Option<Account>, DirectoryError> {
        if self.fails.load(Ordering::Relaxed) {
            return Err(DirectoryError::Damaged { what: "row", value: "x".to_owned() });
        }
        let Ok(name) = login.parse::<Address>() else { return Ok(None) };
        let (access, password) = match name.as_str() {
            "ann@example.org" => (Access::Open, Some(self.hash.clone())),
            "bob@example.org" => (Access::Locked, Some(self.hash.clone())),
            "carl@example.org" => (Access::Open, None),
            _ => return Ok(None),
        };
        Ok(Some(Account { name, access, password, scram: None, mailbox: None, keeps_copy: true }))
    }

    async fn pair(&self, name: &PairName) -> Result<Option<PairAddress>, DirectoryError> {
        Err(DirectoryError::NoSuch { kind: Kind::Pair, name: name.to_string() })
    }
}

fn proxy() -> Proxy {
    let file = tempfile::NamedTempFile::new().unwrap();
    fs_err::write(file.path(), SECRET).unwrap();
    fs_err::set_permissions(file.path(), std::fs::Permissions::from_mode(0o600)).unwrap();
    ProxySettings { name: "access".to_owned(), secret_file: SecretFile(file.path().to_owned()) }
        .proxy()
        .unwrap()
}

/// With the switch that makes the directory fail.
fn logins(limits: verifier::Limits) -> (Logins<House>, Arc<AtomicBool>) {
    let hash = PasswordHash::new(&Password::new("secret").unwrap(), CHEAP).unwrap();
    let fails = Arc::new(AtomicBool::new(false));
    let house = House { hash, fails: Arc::clone(&fails) };
    let verifier = Verifier::new(limits, CHEAP).unwrap();
    (Logins::with_verifier(house, LIMITS, Some(proxy()), verifier), fails)
}

async fn log_in(logins: &Logins<House>, client: u8, message: &str) -> Result<String, LoginError> {
    let message = message.replace(' ', "\0");
    let login = PlainLogin::of_sasl(message.as_bytes()).unwrap();
    let client = IpAddr::from([192, 0, 2, client]);
    logins.log_in(client, login).await.map(|account| account.name.to_string())
}

#[tokio::test]
async fn who_comes_in() {
    let ann = Ok("ann@example.org".to_owned());
    let wrong = Err(LoginError::Wrong);
    for (message, expected) in [
        // As whom, name, password.
        (" ann@example.org secret", &ann),
        (" ANN@Example.ORG secret", &ann),
        ("Ann@example.org ann@example.org secret", &ann),
        (" ann@example.org Secret", &wrong),
        (" bob@example.org secret", &wrong),
        (" carl@example.org secret", &wrong),
        (" nobody@example.org secret", &wrong),
        (" ann secret", &wrong),
        // Nobody but the proxy is somebody else.
        ("bob@example.org ann@example.org secret", &wrong),
        ("ann@example.org bob@example.org secret", &wrong),
        (&format!("ann@example.org access {SECRET}"), &ann),
        (&format!("carl@example.org access {SECRET}"), &Ok("carl@example.org".to_owned())),
        (&format!("bob@example.org access {SECRET}"), &wrong),
        (&format!("nobody@example.org access {SECRET}"), &wrong),
        (&format!(" access {SECRET}"), &wrong),
        (&format!("access access {SECRET}"), &wrong),
        (&format!("ann@example.org ann@example.org {SECRET}"), &wrong),
        ("ann@example.org access secret", &wrong),
    ] {
        let (logins, _) = logins(verifier::Limits::default());
        assert_eq!(log_in(&logins, 1, message).await, *expected, "{message}");
    }
}

#[tokio::test]
async fn what_is_no_text_is_nobodys() {
    let (logins, _) = logins(verifier::Limits::default());
    for (name, password) in [(&b"\xff@example.org"[..], &b"secret"[..]), (b"ann@example.org", b"\xff")] {
        let login = PlainLogin::new(name.to_vec(), Secret::new(password.to_vec()));
        let answer = logins.log_in(IpAddr::from([192, 0, 2, 1]), login).await;
        assert_eq!(answer, Err(LoginError::Wrong));
    }
}

#[tokio::test(start_paused = true)]
async fn wrong_passwords_come_to_an_end_and_time_mends_it() {
    let (logins, _) = logins(verifier::Limits::default());
    // However the name is written.
    for name in ["ann@example.org", "ANN@example.org", "Ann@Example.org"] {
        assert_eq!(log_in(&logins, 1, &format!(" {name} guess")).await, Err(LoginError::Wrong));
    }
    assert_eq!(log_in(&logins, 1, " ann@example.org secret").await, Err(LoginError::TooMany), "not compared");
    assert!(log_in(&logins, 2, " ann@example.org secret").await.is_ok(), "it comes in from elsewhere");
    tokio::time::advance(Duration::from_secs(20)).await;
    assert!(log_in(&logins, 1, " ann@example.org secret").await.is_ok());
    let page = logins_page(&logins);
    for line in ["right\"} 2", "wrong\"} 3", "too_many\"} 1", "busy\"} 0"] {
        assert!(page.contains(&format!("mail_logins_total{{outcome=\"{line}\n")), "{line}: {page}");
    }
}

fn logins_page(logins: &Logins<House>) -> String {
    let mut page = Page::default();
    logins.numbers().measure(&mut page);
    page.to_string()
}

/// Catches a secret that is compared without an end, and a proxy that is kept out because somebody beside it guesses.
#[tokio::test]
async fn a_proxy_comes_in_whatever_else_came_from_there() {
    let (logins, _) = logins(verifier::Limits::default());
    for _ in 0..3 {
        assert_eq!(log_in(&logins, 1, "ann@example.org access guess").await, Err(LoginError::Wrong));
    }
    assert_eq!(log_in(&logins, 1, "ann@example.org access guess").await, Err(LoginError::TooMany));
    assert!(log_in(&logins, 1, &format!("ann@example.org access {SECRET}")).await.is_ok());
}

/// Catches a directory that is down and locks everybody out for longer.
#[tokio::test]
async fn a_directory_that_fails_makes_no_password_wrong() {
    let (logins, fails) = logins(verifier::Limits::default());
    fails.store(true, Ordering::Relaxed);
    for _ in 0..20 {
        assert_eq!(log_in(&logins, 1, " ann@example.org secret").await, Err(LoginError::Unavailable));
        let by_proxy = log_in(&logins, 1, &format!("ann@example.org access {SECRET}")).await;
        assert_eq!(by_proxy, Err(LoginError::Unavailable));
    }
    fails.store(false, Ordering::Relaxed);
    assert!(log_in(&logins, 1, " ann@example.org secret").await.is_ok());
}

#[tokio::test]
async fn who_finds_too_many_before_it_hears_busy_and_has_tried_nothing() {
    let none = verifier::Limits { at_once: 0, waiting_max: 0, wait_max: Duration::from_millis(1) };
    let (logins, _) = logins(none);
    for _ in 0..20 {
        assert_eq!(log_in(&logins, 1, " ann@example.org secret").await, Err(LoginError::Busy));
    }
}

/// Catches an attempt that counts only when it has ended.
#[tokio::test]
async fn many_at_once_are_counted_one_by_one() {
    let (logins, _) = logins(verifier::Limits { at_once: 1, waiting_max: 100, ..Default::default() });
    let logins = Arc::new(logins);
    let tasks: Vec<_> = (0..30)
        .map(|_| {
            let logins = Arc::clone(&logins);
            tokio::spawn(async move { log_in(&logins, 1, " ann@example.org guess").await })
        })
        .collect();
    let mut wrong = 0;
    for task in tasks {
        wrong += u32::from(task.await.unwrap() == Err(LoginError::Wrong));
    }
    assert_eq!(wrong, LIMITS.per_client_and_account_max);
}
