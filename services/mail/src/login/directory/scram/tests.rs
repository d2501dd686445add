use super::*;
use crate::address::Mailbox;
use crate::directory::{Address, DirectoryError, PairAddress, PairName, Recipient};
use crate::login::attempts::Limits;
use crate::password::scram::StoredKeys;
use crate::password::{Cost, Password, Verifier, verifier};
use base64::{Engine, engine::general_purpose::STANDARD as BASE64};
use ring::{digest, hmac, pbkdf2};
use std::num::NonZeroU32;

const LIMITS: Limits = Limits {
    per_client_max: 8,
    per_client_and_account_max: 3,
    per_account_max: 5,
    window: std::time::Duration::from_secs(60),
};
const CHEAP: Cost = Cost { memory_kib: 64, passes: 1, lanes: 1 };

/// Ann and Bob, both with `secret`; Bob is locked. Carl has no keys.
struct House(StoredKeys);

impl Directory for House {
    async fn recipient(&self, _: &Mailbox) -> Result<Recipient, DirectoryError> {
        Ok(Recipient::NoSuchUser)
    }

    async fn account(&self, login: &str) -> Result<Option<Account>, DirectoryError> {
        let Ok(name) = login.parse::<Address>() else { return Ok(None) };
        let (access, scram) = match name.as_str() {
            "ann@example.org" => (Access::Open, Some(self.0.clone())),
            "bob@example.org" => (Access::Locked, Some(self.0.clone())),
            "carl@example.org" => (Access::Open, None),
            "down@example.org" => {
                return Err(DirectoryError::Damaged { what: "row", value: "x".to_owned() });
            }
            _ => return Ok(None),
        };
        Ok(Some(Account { name, access, password: None, scram, mailbox: None, keeps_copy: true }))
    }

    async fn pair(&self, _: &PairName) -> Result<Option<PairAddress>, DirectoryError> {
        Ok(None)
    }
}

fn logins() -> Logins<House> {
    let keys = StoredKeys::new(&Password::new("secret").unwrap()).unwrap();
    let verifier = Verifier::new(verifier::Limits::default(), CHEAP).unwrap();
    Logins::with_verifier(House(keys), LIMITS, None, verifier)
}

async fn asked(logins: &Logins<House>, client: u8, header: &str, user: &str) -> Result<Asked, LoginError> {
    let first = ClientFirst::read(format!("{header}n={user},r=abc").as_bytes()).unwrap();
    logins.challenge(IpAddr::from([192, 0, 2, client]), first, &Decoys::new(b"x")).await
}

fn sign(key: &[u8], message: &[u8]) -> Vec<u8> {
    hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), message).as_ref().to_vec()
}

/// `client-final-message` (RFC 5802, section 3).
fn proof(header: &str, user: &str, challenge: &str, password: &str) -> String {
    let part = |name: &str| challenge.split(',').find_map(|part| part.strip_prefix(name)).unwrap();
    let salt = BASE64.decode(part("s=")).unwrap();
    let mut salted = [0; 32];
    let rounds: NonZeroU32 = part("i=").parse().unwrap();
    pbkdf2::derive(pbkdf2::PBKDF2_HMAC_SHA256, rounds, &salt, password.as_bytes(), &mut salted);
    let key = sign(&salted, b"Client Key");
    let last = format!("c={},r={}", BASE64.encode(header), part("r="));
    let about = format!("n={user},r=abc,{challenge},{last}");
    let stored = digest::digest(&digest::SHA256, &key);
    let signature = sign(stored.as_ref(), about.as_bytes());
    let proof: Vec<_> = key.iter().zip(signature).map(|(one, other)| one ^ other).collect();
    format!("{last},p={}", BASE64.encode(proof))
}

async fn log_in(
    logins: &Logins<House>,
    client: u8,
    header: &str,
    user: &str,
    password: &str,
) -> Result<String, LoginError> {
    let asked = asked(logins, client, header, user).await?;
    let last = proof(header, user, asked.text(), password);
    asked.finish(last.as_bytes()).map(|(account, verdict)| {
        assert!(verdict.starts_with("v="), "{verdict}");
        account.name.to_string()
    })
}

#[tokio::test]
async fn who_proves_it_comes_in() {
    let ann = Ok("ann@example.org".to_owned());
    for (header, user, password, expected) in [
        ("n,,", "ann@example.org", "secret", &ann),
        ("y,,", "ANN@Example.ORG", "secret", &ann),
        ("n,a=Ann@example.org,", "ann@example.org", "secret", &ann),
        ("n,,", "ann@example.org", "Secret", &Err(LoginError::Wrong)),
        ("n,,", "bob@example.org", "secret", &Err(LoginError::Wrong)),
        ("n,,", "carl@example.org", "secret", &Err(LoginError::Wrong)),
        ("n,,", "nobody@example.org", "secret", &Err(LoginError::Wrong)),
        ("n,,", "nobody", "secret", &Err(LoginError::Wrong)),
        ("n,a=bob@example.org,", "ann@example.org", "secret", &Err(LoginError::Wrong)),
        ("n,,", "down@example.org", "secret", &Err(LoginError::Unavailable)),
    ] {
        assert_eq!(log_in(&logins(), 1, header, user, password).await, *expected, "{header}{user}");
    }
}

/// Catches a client that learns from challenges which accounts exist, or that begins without an end.
#[tokio::test(start_paused = true)]
async fn a_client_that_never_proves_anything_has_tried() {
    let logins = logins();
    for _ in 0..3 {
        let unproven = asked(&logins, 1, "n,,", "nobody@example.org").await.unwrap();
        let again = asked(&logins, 2, "n,,", "nobody@example.org").await;
        let salt = |asked: &Asked| asked.text().split(',').nth(1).map(str::to_owned);
        assert!(again.is_err() || again.is_ok_and(|again| salt(&again) == salt(&unproven)));
    }
    assert_eq!(asked(&logins, 1, "n,,", "nobody@example.org").await.err(), Some(LoginError::TooMany));
    for _ in 0..20 {
        assert!(
            log_in(&logins, 3, "n,,", "ann@example.org", "secret").await.is_ok(),
            "right ones never count"
        );
        assert_eq!(
            log_in(&logins, 3, "n,,", "down@example.org", "secret").await,
            Err(LoginError::Unavailable)
        );
    }
}
