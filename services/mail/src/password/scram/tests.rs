use super::*;
use crate::password::Password;
use base64::{Engine, engine::general_purpose::STANDARD as BASE64};
use std::io::Write;

// RFC 7677, section 3.
const FIRST: &str = "n,,n=user,r=rOprNGfwEbeRWgbNEkqO";
const SERVERS_NONCE: &str = "%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0";
const CHALLENGE: &str =
    "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096";
const WITHOUT_PROOF: &str = "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0";
const PROOF: &str = "p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=";
const VERDICT: &str = "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=";

fn keys(password: &str) -> StoredKeys {
    let salt = BASE64.decode("W22ZaJ0SNY7soEsUEjb6gQ==").unwrap();
    StoredKeys::derive(&Password::new(password).unwrap(), salt, 4096)
}

fn challenge(first: &str, password: &str) -> Challenge {
    ClientFirst::read(first.as_bytes()).unwrap().challenge_with(keys(password), SERVERS_NONCE)
}

#[test]
fn the_exchange_of_rfc_7677() {
    let first = ClientFirst::read(FIRST.as_bytes()).unwrap();
    assert_eq!((first.user.as_str(), first.authorization.as_deref()), ("user", None));
    let challenge = challenge(FIRST, "pencil");
    assert_eq!(challenge.text(), CHALLENGE);
    assert_eq!(challenge.finish(format!("{WITHOUT_PROOF},{PROOF}").as_bytes()), Ok(VERDICT.to_owned()));
}

#[test]
fn another_password_or_one_flipped_bit_proves_nothing() {
    let last = format!("{WITHOUT_PROOF},{PROOF}");
    assert_eq!(challenge(FIRST, "Pencil").finish(last.as_bytes()), Err(ScramError::NotProven));
    let proof = BASE64.decode(&PROOF[2..]).unwrap();
    for bit in 0..proof.len() * 8 {
        let mut flipped = proof.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        let last = format!("{WITHOUT_PROOF},p={}", BASE64.encode(flipped));
        assert_eq!(challenge(FIRST, "pencil").finish(last.as_bytes()), Err(ScramError::NotProven), "{bit}");
    }
}

#[test]
fn a_second_message_belongs_to_its_first_one() {
    let others = [
        // Of another exchange.
        ("n,,n=user,r=rOprNGfwEbeRWgbNEkqP", WITHOUT_PROOF),
        // The client's own nonce again, as if the server had added nothing.
        (FIRST, "c=biws,r=rOprNGfwEbeRWgbNEkqO"),
        // The header says `y,,`, as if somebody on the way had taken `-PLUS` out of the list.
        (FIRST, "c=eSws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0"),
        (
            "n,a=admin,n=user,r=rOprNGfwEbeRWgbNEkqO",
            "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0",
        ),
    ];
    for (first, last) in others {
        let last = format!("{last},{PROOF}");
        assert_eq!(challenge(first, "pencil").finish(last.as_bytes()), Err(ScramError::Mismatch), "{first}");
    }
}

#[test]
fn names_are_read_with_their_escapes() {
    let first = ClientFirst::read("y,a=a=3Db,n=c=2Cd=3D\u{e9},r=x,z=1".as_bytes()).unwrap();
    assert_eq!((first.user.as_str(), first.authorization.as_deref()), ("c,d=\u{e9}", Some("a=b")));
}

#[test]
fn what_is_no_message_of_scram_is_refused() {
    let long = format!("n,,n={},r=x", "u".repeat(MESSAGE_OCTETS_MAX));
    let nonce = format!("n,,n=u,r={}", "x".repeat(129));
    let firsts = [
        ("", ScramError::Syntax),
        ("n", ScramError::Syntax),
        ("n,,", ScramError::Syntax),
        ("n,,n=,r=x", ScramError::Syntax),
        ("n,,n=user", ScramError::Syntax),
        ("n,,n=user,r=", ScramError::Syntax),
        ("n,,n=user,r=a b", ScramError::Syntax),
        ("n,,n=us=er,r=x", ScramError::Syntax),
        ("n,,n=user=2,r=x", ScramError::Syntax),
        ("n,,n=user,r=x,", ScramError::Syntax),
        ("n,,n=user,r=x,m=1", ScramError::Syntax),
        ("n,user,n=user,r=x", ScramError::Syntax),
        ("n,,r=x,n=user", ScramError::Syntax),
        ("n,,n=us\0er,r=x", ScramError::Syntax),
        (long.as_str(), ScramError::Syntax),
        (nonce.as_str(), ScramError::Syntax),
        ("p=tls-exporter,,n=user,r=x", ScramError::ChannelBinding),
        ("n,,m=1,n=user,r=x", ScramError::Extension),
    ];
    for (first, error) in firsts {
        assert_eq!(ClientFirst::read(first.as_bytes()), Err(error), "{first}");
    }
    assert_eq!(ClientFirst::read(b"n,,n=\xff,r=x"), Err(ScramError::Syntax));
    let lasts = ["", "c=biws", PROOF, "c=biws,r=x,p=", "c=biws,r=x,p=AAAA", "c=!,r=x,p=AAAA"];
    for last in lasts {
        assert_eq!(challenge(FIRST, "pencil").finish(last.as_bytes()), Err(ScramError::Syntax), "{last}");
    }
}

#[test]
fn keys_read_back_and_bad_ones_are_refused() {
    let kept = keys("pencil").to_string();
    let text = "SCRAM-SHA-256$4096:W22ZaJ0SNY7soEsUEjb6gQ==$WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=:wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU=";
    assert_eq!(kept, text);
    assert_eq!(text.parse::<StoredKeys>().unwrap(), keys("pencil"));
    let bad = [
        text.replace("SHA-256", "SHA-1"),
        text.replace("4096", "4095"),
        text.replace("4096", "1000001"),
        text.replace("W22ZaJ0SNY7soEsUEjb6gQ==", ""),
        text.replace("WG5d8o", "WG5d8o="),
        format!("{text}:"),
        format!("{text}$"),
        text[..text.len() - 4].to_owned(),
        String::new(),
    ];
    for text in bad {
        assert_eq!(text.parse::<StoredKeys>(), Err(KeysError), "{text}");
    }
    assert_ne!(StoredKeys::new(&Password::new("x").unwrap()), StoredKeys::new(&Password::new("x").unwrap()));
}

#[test]
fn an_account_that_does_not_exist_is_challenged_like_one_that_does() {
    let decoys = Decoys::new(b"secret");
    let real = StoredKeys::new(&Password::new("x").unwrap()).unwrap();
    let decoy = decoys.keys("a@b");
    assert_eq!(decoy, decoys.keys("a@b"), "a client that asks twice sees one salt");
    assert_ne!(decoy.salt, decoys.keys("c@b").salt);
    assert_ne!(decoy.salt, Decoys::new(b"another").keys("a@b").salt);
    assert_eq!((decoy.salt.len(), decoy.iterations), (real.salt.len(), real.iterations));
}

/// The client's side as Python has it: hashlib and hmac.
const CLIENT: &str = r#"
import base64, hashlib, hmac, sys
first, challenge, password = sys.stdin.read().split("\n")[:3]
fields = dict(part.split("=", 1) for part in challenge.split(","))
salted = hashlib.pbkdf2_hmac("sha256", password.encode(), base64.b64decode(fields["s"]), int(fields["i"]))
sign = lambda key, text: hmac.digest(key, text, "sha256")
key = sign(salted, b"Client Key")
last = "c=biws,r=" + fields["r"]
about = ",".join((first[3:], challenge, last)).encode()
proof = bytes(a ^ b for a, b in zip(key, sign(hashlib.sha256(key).digest(), about)))
print(last + ",p=" + base64.b64encode(proof).decode())
print("v=" + base64.b64encode(sign(sign(salted, b"Server Key"), about)).decode())
"#;

#[test]
#[expect(
    clippy::disallowed_methods,
    reason = "this crate knows nothing of the platform's core::base::process"
)]
fn a_client_that_others_wrote_proves_a_new_password() {
    let password = "p\u{e4}ss, w=rd";
    let keys = StoredKeys::new(&Password::new(password).unwrap()).unwrap();
    let first = "n,,n=user,r=fyko+d2lbbFgONRv9qkxdawL";
    let challenge = ClientFirst::read(first.as_bytes()).unwrap().challenge(keys).unwrap();
    let mut client = std::process::Command::new("python3");
    client.args(["-c", CLIENT]).env("PYTHONUTF8", "1");
    client.stdin(std::process::Stdio::piped()).stdout(std::process::Stdio::piped());
    let mut client = client.spawn().unwrap();
    let told = format!("{first}\n{}\n{password}\n", challenge.text());
    client.stdin.take().unwrap().write_all(told.as_bytes()).unwrap();
    let output = client.wait_with_output().unwrap();
    assert!(output.status.success());
    let said = String::from_utf8(output.stdout).unwrap();
    let (last, verdict) = said.trim_end().split_once('\n').unwrap();
    assert_eq!(challenge.finish(last.as_bytes()).as_deref(), Ok(verdict));
}
