//! Whom a message is from, as the recipient reads it; and nobody else writes it in our name.

use crate::client::{Mail, code, mail, python};
use crate::dns::txt;
use crate::house::{House, PLAN, Plan};
use crate::signed::{Ed25519, Rsa};

/// The first Authentication-Results of a message, on one line.
fn results(kept: &str) -> String {
    let start = kept.find("Authentication-Results: ").unwrap_or_else(|| panic!("there is none in {kept}"));
    let rest = &kept[start..];
    let end = rest.match_indices("\r\n").find(|(at, _)| !rest[at + 2..].starts_with('\t')).unwrap().0;
    rest[..end].replace("\r\n", "").replace("\t\t", " ").replace('\t', " ")
}

fn with<'a>(content: String, from: &'a str) -> Mail<'a> {
    Mail { from, content, ..mail(&["ann@example.org"], "") }
}

/// Sends messages, and gives what is kept of each.
fn kept(house: &mut House, mails: &[Mail<'_>]) -> Vec<String> {
    let told = python(house.smtp, mails);
    assert!(told.iter().all(|(_, _, behind)| behind.as_deref().map(code) == Some("250 2.0.0")), "{told:?}");
    house.stores[0].inbox("ann@example.org")
}

#[test]
fn signatures_senders_and_authors_are_told_of() {
    let (rsa, ed25519) = (Rsa::new(), Ed25519::new());
    let records = [
        rsa.record("r1", "b.example"),
        ed25519.record("e1", "b.example"),
        txt("b.example", "v=spf1 ip4:127.0.0.0/8 -all"),
        txt("_dmarc.b.example", "v=DMARC1; p=reject"),
        txt("client.example", "v=spf1 ip4:127.0.0.1 -all"),
        txt("soft.example", "v=spf1 ~all"),
    ];
    let mut house = House::open(Plan { records: &records, ..PLAN });
    let plain = mail(&[], "one").content;
    let signed = ed25519.sign("e1", "b.example", &rsa.sign("r1", "b.example", &plain));
    let changed = signed.replace("Hello", "Hallo");
    let large = rsa.sign("r1", "b.example", &format!("{plain}{}", "0123456789abcdef\r\n".repeat(60_000)));
    // The author's domain asks to refuse what nothing vouches for.
    let told = python(house.smtp, &[with(changed, "a@soft.example")]);
    assert_eq!(told[0].2.as_deref().map(code), Some("550 5.7.1"), "{told:?}");
    let mails = [
        with(signed.clone(), "a@b.example"),
        with(plain.replace("a@b.example", "a@other.example"), ""),
        with(signed.replace("s=r1", "s=r2"), "a@b.example"),
        with(large, "\"x; dkim=pass\"@soft.example"),
    ];
    let kept: Vec<_> = kept(&mut house, &mails).iter().map(|kept| results(kept)).collect();
    let both = "dkim=pass header.d=b.example header.s=e1 header.a=ed25519-sha256; \
        dkim=pass header.d=b.example header.s=r1 header.a=rsa-sha256";
    assert_eq!(
        kept[0],
        format!(
            "Authentication-Results: mx1.example; spf=pass smtp.mailfrom=a@b.example; {both}; \
             dmarc=pass header.from=b.example policy.dmarc=reject; arc=none"
        )
    );
    assert_eq!(
        kept[1],
        "Authentication-Results: mx1.example; spf=pass smtp.helo=client.example; dkim=none; dmarc=none header.from=other.example; arc=none"
    );
    assert!(
        kept[2].contains("dkim=permerror reason=\"DNS record not found") && kept[2].contains("dmarc=pass"),
        "{}",
        kept[2]
    );
    assert!(
        kept[3].contains("spf=softfail smtp.mailfrom=\"\\\"x; dkim=pass\\\"@soft.example\";"),
        "{}",
        kept[3]
    );
    assert!(kept[3].contains("dkim=pass header.d=b.example header.s=r1"), "{}", kept[3]);
    assert_eq!(house.number("inbound_authentication_total{method=\"dmarc\",outcome=\"pass\"}"), 3);
}

/// Catches a stranger's results that reach a reader under our name.
#[test]
fn what_somebody_wrote_in_our_name_is_taken_out() {
    let mut house = House::open(Plan { settings: "[authentication]\nname = 'mail.example'\n", ..PLAN });
    let forged = "Authentication-Results: mx1.example; spf=pass\r\nX-Mine: 1\r\n\
        authentication-results: (x)\r\n MAIL.example 1; dkim=pass header.d=bank.example\r\n\
        Authentication-Results: \"mx2.example\"; spf=pass\r\nAuthentication-Results: other.example; spf=fail\r\n";
    let content = mail(&[], "one").content;
    let kept = kept(&mut house, &[with(format!("{forged}{content}"), "a@b.example")]).remove(0);
    assert!(results(&kept).starts_with("Authentication-Results: mail.example; spf=none"), "{kept}");
    assert_eq!(kept.to_ascii_lowercase().matches("authentication-results:").count(), 2, "{kept}");
    let rest = format!("\r\nX-Mine: 1\r\nAuthentication-Results: other.example; spf=fail\r\n{content}");
    assert!(kept.ends_with(&rest), "{kept}");
}
