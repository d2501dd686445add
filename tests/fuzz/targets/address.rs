//! Addresses and paths: what is read writes back to the same, and nothing that is written can be more than it is.

#![no_main]

use libfuzzer_sys::fuzz_target;
use mail::address::{Domain, ForwardPath, Host, LocalPart, MAILBOX_OCTETS_MAX, Mailbox, ReversePath};

fuzz_target!(|text: &str| {
    if let Ok(mailbox) = text.parse::<Mailbox>() {
        check(&mailbox);
    }
    if let Ok(path) = text.parse::<ReversePath>() {
        assert_eq!(path.to_string().parse(), Ok(path.clone()));
        if let ReversePath::Mailbox(mailbox) = path {
            check(&mailbox);
        }
    }
    if let Ok(path) = text.parse::<ForwardPath>() {
        assert_eq!(path.to_string().parse(), Ok(path.clone()));
        if let ForwardPath::Mailbox(mailbox) = path {
            check(&mailbox);
        }
    }
    if let Ok(local) = LocalPart::new(text) {
        assert_eq!(local.as_str(), text);
        assert_eq!(local.to_string().parse(), Ok(local));
    }
});

fn check(mailbox: &Mailbox) {
    let written = mailbox.to_string();
    assert!(written.len() <= MAILBOX_OCTETS_MAX && !written.contains(char::is_control));
    assert_eq!(written.parse().as_ref(), Ok(mailbox));
    assert_eq!(written.is_ascii(), mailbox.is_ascii());
    // The last `@` is the one: what stands behind it holds no other, nor a bracket or a quote.
    let (_, host) = written.rsplit_once('@').expect("an address has one");
    assert_eq!(mailbox.host().to_string(), host);
    assert!(!host.contains(['"', '>', ' ', '\\']));
    assert_eq!(mailbox.normal().normal(), mailbox.normal());
    if let Host::Domain(domain) = mailbox.host() {
        let normal = domain.normal();
        assert!(normal.as_str().is_ascii() && !normal.as_str().bytes().any(|byte| byte.is_ascii_uppercase()));
        assert_eq!(normal.as_str().parse::<Domain>(), Ok(normal));
    }
}
