//! Secrets in a real ledger.

use super::*;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use tempfile::TempDir;
use understudy_core::base::fs;
use understudy_ledger::Sqlite;

struct Site {
    folder: TempDir,
    ledger: Arc<Sqlite>,
}

impl Site {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let ledger = Arc::new(Sqlite::open(&folder.path().join("ledger.db")).unwrap());
        Self { folder, ledger }
    }

    fn key_file(&self) -> PathBuf {
        self.folder.path().join("secrets.key")
    }

    async fn secrets(&self) -> Result<Secrets, SecretsError> {
        Secrets::open(&self.key_file(), Arc::clone(&self.ledger) as Arc<dyn Ledger>).await
    }

    async fn entry(&self, identity: &str) -> Entry {
        self.ledger.get(&prefix().key(identity).unwrap()).await.unwrap().unwrap()
    }
}

fn dns_1() -> Name {
    "dns-1".parse().unwrap()
}

fn key_file_error(result: Result<Secrets, SecretsError>) -> KeyFileError {
    match result {
        Err(SecretsError::KeyFile(error)) => error,
        Err(other) => panic!("{other}"),
        Ok(_) => panic!("the key file was taken"),
    }
}

#[tokio::test]
async fn a_secret_stays_the_same_within_its_epoch_and_is_another_in_the_next() {
    let site = Site::new();
    let secrets = site.secrets().await.unwrap();
    let first = secrets.of(&dns_1(), Epoch::new(1)).await.unwrap();
    let again = site.secrets().await.unwrap().of(&dns_1(), Epoch::new(1)).await.unwrap();
    assert_eq!(first.expose(), again.expose());
    let other = secrets.of(&"dns-2".parse().unwrap(), Epoch::new(1)).await.unwrap();
    let next = secrets.of(&dns_1(), Epoch::new(2)).await.unwrap();
    assert!(first.expose() != next.expose() && first.expose() != other.expose());
    assert_ne!(first.expose(), [0; 32]);
}

/// Catches a store that hands out an epoch that is over, or keeps its secret.
#[tokio::test]
async fn an_old_epoch_is_refused_and_its_secret_is_gone() {
    let site = Site::new();
    let secrets = site.secrets().await.unwrap();
    secrets.of(&dns_1(), Epoch::new(1)).await.unwrap();
    let old = site.entry("dns-1").await.value;
    secrets.of(&dns_1(), Epoch::new(3)).await.unwrap();
    let new = site.entry("dns-1").await.value;
    for epoch in [1, 2] {
        let refused = secrets.of(&dns_1(), Epoch::new(epoch)).await;
        assert!(matches!(refused, Err(SecretsError::Stale { newest, .. }) if newest == Epoch::new(3)));
    }
    assert!(matches!(secrets.of(&dns_1(), Epoch::NEVER).await, Err(SecretsError::Never)));
    assert_eq!(new["epoch"], 3);
    let kept = site.ledger.range(&prefix(), None, 10).await.unwrap().entries;
    let ciphertext = old["ciphertext"].as_str().unwrap();
    assert!(kept.len() == 1 && !kept[0].value.to_string().contains(ciphertext));
}

/// Catches a ledger that holds secrets in the clear, and a key that is beside them in it.
#[tokio::test]
async fn the_ledger_alone_tells_nothing() {
    let site = Site::new();
    let secret = site.secrets().await.unwrap().of(&dns_1(), Epoch::new(1)).await.unwrap();
    let key = hex::decode(fs::read_text(&site.key_file()).unwrap().trim()).unwrap();
    for name in ["ledger.db", "ledger.db-wal"] {
        let Ok(content) = fs::read(&site.folder.path().join(name)) else { continue };
        for (hidden, what) in [(secret.expose(), "the secret"), (key.as_slice(), "the key")] {
            let text = hex::encode(hidden);
            assert!(!content.windows(32).any(|part| part == hidden), "{what} is in {name}");
            assert!(!content.windows(64).any(|part| part == text.as_bytes()), "{what} is in {name}");
        }
    }
}

/// Catches an encryption that is not bound to the identity: whoever can write the ledger could move a secret.
#[tokio::test]
async fn a_secret_that_was_moved_or_changed_in_the_ledger_is_refused() {
    let site = Site::new();
    let secrets = site.secrets().await.unwrap();
    secrets.of(&dns_1(), Epoch::new(1)).await.unwrap();
    let good = site.entry("dns-1").await.value;
    let changes: [(&str, &str, serde_json::Value); 3] = [
        ("dns-2", "epoch", good["epoch"].clone()),
        ("dns-1", "epoch", 2.into()),
        ("dns-1", "ciphertext", format!("00{}", &good["ciphertext"].as_str().unwrap()[2..]).into()),
    ];
    for (identity, field, value) in changes {
        let mut forged = good.clone();
        forged[field] = value;
        let epoch = Epoch::new(forged["epoch"].as_u64().unwrap());
        let txn = Txn::new().put(prefix().key(identity).unwrap(), forged);
        site.ledger.txn(txn).await.unwrap();
        let refused = secrets.of(&identity.parse().unwrap(), epoch).await;
        assert!(matches!(refused, Err(SecretsError::Forged(_))), "{identity} {field}");
    }
}

/// Catches a site that makes a new key beside old secrets, which would lose them all.
#[tokio::test]
async fn a_missing_wrong_damaged_or_open_key_file_is_named_and_left_as_it_is() {
    let site = Site::new();
    let secrets = site.secrets().await.unwrap();
    let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&site.key_file()), 0o600);
    secrets.of(&dns_1(), Epoch::new(1)).await.unwrap();
    let good = fs::read(&site.key_file()).unwrap();
    fs::remove_file(&site.key_file()).unwrap();
    assert!(matches!(key_file_error(site.secrets().await), KeyFileError::Missing(_)));
    assert!(!site.key_file().exists());
    let others = Site::new();
    others.secrets().await.unwrap();
    let wrong = fs::read(&others.key_file()).unwrap();
    for (content, is_wrong) in [(wrong, true), (b"not a key".to_vec(), false), (Vec::new(), false)] {
        fs::write_secret_atomic(&site.key_file(), &content).unwrap();
        match key_file_error(site.secrets().await) {
            KeyFileError::Wrong(_) => assert!(is_wrong),
            KeyFileError::Format(_) => assert!(!is_wrong),
            other => panic!("{other}"),
        }
        assert_eq!(fs::read(&site.key_file()).unwrap(), content);
    }
    fs::write_secret_atomic(&site.key_file(), &good).unwrap();
    std::fs::set_permissions(site.key_file(), std::fs::Permissions::from_mode(0o640)).unwrap();
    assert!(matches!(key_file_error(site.secrets().await), KeyFileError::Exposed { mode: 0o640, .. }));
    std::fs::set_permissions(site.key_file(), std::fs::Permissions::from_mode(0o600)).unwrap();
    assert!(site.secrets().await.is_ok());
}

/// Two requests of one node at the same moment get one secret.
#[tokio::test]
async fn requests_that_race_get_the_same_secret() {
    let site = Site::new();
    let secrets = Arc::new(site.secrets().await.unwrap());
    let ask = |secrets: Arc<Secrets>| async move { secrets.of(&dns_1(), Epoch::new(1)).await.unwrap() };
    let asked: Vec<_> = (0..4).map(|_| tokio::spawn(ask(Arc::clone(&secrets)))).collect();
    let mut seen = Vec::new();
    for one in asked {
        seen.push(one.await.unwrap().expose().to_vec());
    }
    assert!(seen.windows(2).all(|pair| pair[0] == pair[1]));
}

/// Catches a secret or a key that a log line or an error shows.
#[tokio::test]
async fn nothing_prints_a_secret() {
    let site = Site::new();
    let secrets = site.secrets().await.unwrap();
    let secret = secrets.of(&dns_1(), Epoch::new(1)).await.unwrap();
    assert_eq!(format!("{secret:?} {secret:#?}"), "Secret(not shown) Secret(not shown)");
    let key = fs::read_text(&site.key_file()).unwrap();
    assert!(!format!("{:?}", secrets.key).contains(key.trim()));
    let mut line: Vec<String> = vec![format!("{:?}", secrets.of(&dns_1(), Epoch::NEVER).await.unwrap_err())];
    fs::write_secret_atomic(&site.key_file(), format!("{}0", key.trim()).as_bytes()).unwrap();
    line.push(format!("{:?}", key_file_error(site.secrets().await)));
    assert!(line.iter().all(|line| !line.contains(key.trim())), "{line:?}");
}
