//! What becomes of mail that its author's domain asks to refuse.

use crate::client::{Mail, code, mail, python};
use crate::dns::txt;
use crate::house::{House, PLAN, Plan};
use crate::signed::Rsa;

fn records() -> Vec<String> {
    vec![
        txt("b.example", "v=spf1 -all"),
        txt("_dmarc.b.example", "v=DMARC1; p=reject"),
        txt("_dmarc.q.example", "v=DMARC1; p=quarantine"),
    ]
}

fn from(domain: &str) -> Mail<'static> {
    let plain = mail(&["ann@example.org"], domain);
    Mail { content: plain.content.replace("From: a@b.example", &format!("From: a@{domain}")), ..plain }
}

fn behind(house: &House, mails: &[Mail<'_>]) -> Vec<String> {
    let told = python(house.smtp, mails);
    told.into_iter().map(|(_, _, behind)| behind.unwrap()).collect()
}

fn codes(replies: &[String]) -> Vec<&str> {
    replies.iter().map(|reply| code(reply)).collect()
}

/// Catches forged mail that is taken, and mail that nobody asked to refuse and is.
#[test]
fn only_what_is_asked_for_is_refused() {
    let mut house = House::open(Plan { records: &records(), ..PLAN });
    let mut two = from("b.example");
    two.content = format!("From: a@other.example\r\n{}", two.content);
    let told = behind(
        &house,
        &[from("b.example"), from("sub.b.example"), from("q.example"), from("other.example"), two],
    );
    assert_eq!(codes(&told), ["550 5.7.1", "550 5.7.1", "250 2.0.0", "250 2.0.0", "550 5.6.0"], "{told:?}");
    assert!(told[0].contains("DMARC"), "{told:?}");
    let kept = house.stores[0].inbox("ann@example.org");
    assert_eq!(kept.len(), 2);
    assert!(
        kept[0].contains("dmarc=fail\r\n\t\theader.from=q.example\r\n\t\tpolicy.dmarc=quarantine;"),
        "{}",
        kept[0]
    );
    assert_eq!(house.number("inbound_messages_total{end=\"dmarc\"}"), 2);
}

#[test]
fn where_it_is_only_noted_it_is_taken() {
    let settings = "[authentication]\ndmarc_reject = 'note'\n";
    let mut house = House::open(Plan { records: &records(), settings, ..PLAN });
    assert_eq!(codes(&behind(&house, &[from("b.example")])), ["250 2.0.0"]);
    let kept = house.stores[0].inbox("ann@example.org").remove(0);
    assert!(kept.contains("dmarc=fail\r\n\t\theader.from=b.example\r\n\t\tpolicy.dmarc=reject;"), "{kept}");
}

/// Mail of a list, which changes what it passes on.
#[test]
fn what_a_trusted_list_passes_on_is_taken() {
    let rsa = Rsa::new();
    let mut all = records();
    all.extend([rsa.record("l1", "lists.example"), rsa.record("l1", "evil.example")]);
    let settings = "[authentication]\ntrusted_sealers = ['lists.example']\n";
    let mut house = House::open(Plan { records: &all, settings, ..PLAN });
    let sealed = |domain: &str| {
        let plain = from("b.example");
        Mail { content: rsa.seal("l1", domain, &plain.content), ..plain }
    };
    let mut broken = sealed("lists.example");
    broken.content = broken.content.replace("Hello", "Hallo");
    let told = behind(&house, &[sealed("lists.example"), sealed("evil.example"), broken]);
    assert_eq!(codes(&told), ["250 2.0.0", "550 5.7.1", "550 5.7.1"], "{told:?}");
    let kept = house.stores[0].inbox("ann@example.org").remove(0);
    assert!(kept.contains("\tarc=pass reason=\"sealed by lists.example\"\r\n"), "{kept}");
}
