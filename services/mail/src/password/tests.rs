use super::hash::HashError;
use super::*;

const CHEAP: Cost = Cost { memory_kib: 64, passes: 1, lanes: 1 };

/// Made by the reference implementation: `printf secret | argon2 0123456789abcdef -id -t 2 -k 64 -p 2 -l 32 -e`.
const OF_OTHERS: &str =
    "$argon2id$v=19$m=64,t=2,p=2$MDEyMzQ1Njc4OWFiY2RlZg$wtg+N1DuYog9UhprK83GzYk9QyhVvzVZLO1yZwerlJI";

fn password(text: &str) -> Password {
    Password::new(text).unwrap()
}

#[test]
fn a_password_is_the_same_however_it_was_typed() {
    // RFC 4013, section 3.
    assert_eq!(password("I\u{ad}X"), password("IX"));
    assert_eq!(password("\u{aa}"), password("a"));
    assert_eq!(password("\u{2168}"), password("IX"));
    assert_ne!(password("USER"), password("user"));
    assert_eq!(Password::new("\u{7}"), Err(PasswordError::Letters));
    assert_eq!(Password::new("\u{627}1"), Err(PasswordError::Letters));
    assert_eq!(Password::new(""), Err(PasswordError::Empty));
    assert_eq!(Password::new("\u{ad}"), Err(PasswordError::Empty));
    assert_eq!(Password::new(&"x".repeat(OCTETS_MAX + 1)), Err(PasswordError::TooLong));
}

#[test]
fn a_password_and_its_hash_are_never_shown() {
    let hash = PasswordHash::new(&password("secret"), CHEAP).unwrap();
    assert_eq!(format!("{:?} {hash:?}", password("secret")), "Password(..) PasswordHash(..)");
}

#[test]
fn a_hash_reads_back_and_has_a_salt_of_its_own() {
    let hash = PasswordHash::new(&password("secret"), CHEAP).unwrap();
    let text = hash.to_string();
    assert!(text.starts_with("$argon2id$v=19$m=64,t=1,p=1$"), "{text}");
    let read: PasswordHash = text.parse().unwrap();
    assert_eq!((read.to_string(), &read), (text.clone(), &hash));
    assert!(read.matches(&password("secret")));
    assert!(!read.matches(&password("Secret")));
    assert_ne!(PasswordHash::new(&password("secret"), CHEAP).unwrap().to_string(), text);
}

#[test]
fn a_hash_of_the_reference_implementation_is_understood() {
    let hash: PasswordHash = OF_OTHERS.parse().unwrap();
    assert_eq!(hash.to_string(), OF_OTHERS);
    assert!(hash.matches(&password("secret")));
    assert!(!hash.matches(&password("secret2")));
}

#[test]
fn a_hash_that_is_none_or_costs_too_much_is_refused() {
    let salt_and_hash = "c29tZXNhbHRzb21lc2FsdA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
    let refused = [
        ("", HashError::Syntax),
        ("secret", HashError::Syntax),
        ("$argon2id$v=19$m=64,t=1,p=1", HashError::Syntax),
        ("$argon2id$v=19$m=64,t=1,p=1$c29tZXNhbHRzb21lc2FsdA", HashError::Syntax),
        (&format!("$argon2i$v=19$m=64,t=1,p=1${salt_and_hash}"), HashError::Algorithm),
        (&format!("$argon2id$v=16$m=64,t=1,p=1${salt_and_hash}"), HashError::Algorithm),
        (&format!("$argon2id$m=64,t=1,p=1${salt_and_hash}"), HashError::Algorithm),
        (&format!("$argon2id$v=19$m=4294967295,t=1,p=1${salt_and_hash}"), HashError::Cost),
        (&format!("$argon2id$v=19$m=262145,t=1,p=1${salt_and_hash}"), HashError::Cost),
        (&format!("$argon2id$v=19$m=64,t=17,p=1${salt_and_hash}"), HashError::Cost),
        (&format!("$argon2id$v=19$m=1024,t=1,p=17${salt_and_hash}"), HashError::Cost),
        ("$argon2id$v=19$m=64,t=1,p=1$c29tZXNhbHRzb21lc2FsdA$AAAAAAAAAAAAAAAAAAA", HashError::Cost),
    ];
    for (text, error) in refused {
        assert_eq!(text.parse::<PasswordHash>().err(), Some(error), "{text}");
    }
    let dear = Cost { memory_kib: u32::MAX, ..CHEAP };
    assert_eq!(PasswordHash::new(&password("x"), dear).err(), Some(HashError::Cost));
}
