use super::*;
use proptest::prelude::*;
use std::collections::HashMap;
use std::pin::pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Waker};

/// A directory in memory: aliases with their targets, and accounts without.
#[derive(Default)]
struct Book {
    domains: HashMap<String, Domain>,
    entries: HashMap<Address, Entry>,
    questions: AtomicUsize,
}

impl Source for Book {
    async fn domain(&self, name: &str) -> Result<Option<Domain>, DirectoryError> {
        self.questions.fetch_add(1, Ordering::Relaxed);
        Ok(self.domains.get(name).cloned())
    }

    async fn entry(&self, exact: &Address, base: Option<&Address>) -> Result<Option<Entry>, DirectoryError> {
        let found = self.entries.get(exact).or_else(|| base.and_then(|base| self.entries.get(base)));
        Ok(found.cloned())
    }
}

fn mailbox(text: &str) -> Mailbox {
    text.parse().unwrap()
}

impl Book {
    /// `here.org` with `+`, `plain.org` without.
    fn new() -> Self {
        let mut book = Self::default();
        for (name, separator) in [("here.org", Some('+')), ("plain.org", None)] {
            let domain = Domain { name: name.to_owned(), separator, catch_all: None };
            book.domains.insert(name.to_owned(), domain);
        }
        book
    }

    fn add(mut self, address: &str, has_mailbox: bool, targets: &[&str]) -> Self {
        let address: Address = address.parse().unwrap();
        let place = has_mailbox.then(|| Place { pair: "p1".parse().unwrap(), quota: None });
        let targets = targets.iter().map(|&target| mailbox(target)).collect();
        self.entries.insert(address.clone(), Entry { address, keeps_copy: true, place, targets });
        self
    }

    fn account(self, address: &str) -> Self {
        self.add(address, true, &[])
    }

    fn alias(self, address: &str, targets: &[&str]) -> Self {
        self.add(address, false, targets)
    }

    fn catch_all(mut self, domain: &str, target: &str) -> Self {
        self.domains.get_mut(domain).unwrap().catch_all = Some(mailbox(target));
        self
    }

    fn keeps_no_copy(mut self, address: &str) -> Self {
        self.entries.get_mut(&address.parse().unwrap()).unwrap().keeps_copy = false;
        self
    }

    fn resolve(&self, address: &str) -> Result<Recipient, DirectoryError> {
        let mailbox = mailbox(address);
        let future = pin!(resolve(self, &mailbox));
        match future.poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(result) => result,
            Poll::Pending => panic!("nothing here waits"),
        }
    }

    /// Accounts (with their tags) and forwards.
    #[track_caller]
    fn found(&self, address: &str) -> Vec<String> {
        let Recipient::Found(found) = self.resolve(address).unwrap() else { panic!("{address}: nobody") };
        let local = found.mailboxes.iter().map(|mailbox| match &mailbox.tag {
            None => mailbox.account.to_string(),
            Some(tag) => format!("{} [{tag}]", mailbox.account),
        });
        local.chain(found.forwards.iter().map(|forward| format!("-> {forward}"))).collect()
    }

    fn why(&self, address: &str) -> Option<Unresolvable> {
        match self.resolve(address) {
            Err(DirectoryError::Unresolvable { why, .. }) => Some(why),
            _ => None,
        }
    }
}

#[test]
fn an_account_is_found_however_its_address_is_written() {
    let book = Book::new().account("joe@here.org");
    for address in ["joe@here.org", "JOE@Here.ORG", "\"joe\"@here.org"] {
        assert_eq!(book.found(address), ["joe@here.org"], "{address}");
    }
    assert_eq!(book.resolve("joe@elsewhere.org").unwrap(), Recipient::NoSuchDomain);
    assert_eq!(book.resolve("joe@[127.0.0.1]").unwrap(), Recipient::NoSuchDomain);
    assert_eq!(book.resolve("joseph@here.org").unwrap(), Recipient::NoSuchUser);
}

#[test]
fn a_tag_is_only_one_where_its_domain_says_so_and_nobody_has_the_whole_name() {
    let book = Book::new().account("joe@here.org").account("a+b@here.org").account("joe@plain.org");
    assert_eq!(book.found("Joe+Lists@here.org"), ["joe@here.org [lists]"]);
    assert_eq!(book.found("joe+a+b@here.org"), ["joe@here.org [a+b]"]);
    assert_eq!(book.found("joe+@here.org"), ["joe@here.org []"]);
    assert_eq!(book.found("a+b@here.org"), ["a+b@here.org"]);
    assert_eq!(book.resolve("+joe@here.org").unwrap(), Recipient::NoSuchUser);
    assert_eq!(book.resolve("joe+lists@plain.org").unwrap(), Recipient::NoSuchUser);
}

#[test]
fn the_catch_all_receives_what_nobody_else_does() {
    let book =
        Book::new().account("joe@here.org").account("all@here.org").catch_all("here.org", "all@here.org");
    assert_eq!(book.found("joe@here.org"), ["joe@here.org"]);
    assert_eq!(book.found("joe+x@here.org"), ["joe@here.org [x]"]);
    assert_eq!(book.found("typo@here.org"), ["all@here.org"]);
    let away = Book::new().catch_all("here.org", "All@elsewhere.org");
    assert_eq!(away.found("typo@here.org"), ["-> All@elsewhere.org"]);
}

#[test]
fn an_alias_leads_to_many_and_each_receives_once() {
    let book = Book::new()
        .account("a@here.org")
        .account("b@here.org")
        .alias("team@here.org", &["a@here.org", "sub@here.org", "Ext@elsewhere.org"])
        .alias("sub@here.org", &["b@here.org", "A+x@here.org", "Ext@Elsewhere.org", "gone@here.org"]);
    assert_eq!(book.found("team@here.org"), ["a@here.org", "b@here.org", "-> Ext@elsewhere.org"]);
    assert_eq!(book.found("team+tag@here.org"), ["a@here.org", "b@here.org", "-> Ext@elsewhere.org"]);
    let gone = Book::new().alias("x@here.org", &["gone@here.org"]);
    assert_eq!(gone.resolve("x@here.org").unwrap(), Recipient::NoSuchUser);
}

#[test]
fn a_forward_keeps_a_copy_unless_it_is_told_not_to() {
    let book = Book::new().add("a@here.org", true, &["a@elsewhere.org"]);
    assert_eq!(book.found("a@here.org"), ["a@here.org", "-> a@elsewhere.org"]);
    assert_eq!(book.keeps_no_copy("a@here.org").found("a@here.org"), ["-> a@elsewhere.org"]);
    // Without a target there is nothing else that would have it.
    let alone = Book::new().account("a@here.org").keeps_no_copy("a@here.org");
    assert_eq!(alone.found("a@here.org"), ["a@here.org"]);
    // Somebody who forwards to themselves.
    let itself = Book::new().add("a@here.org", true, &["a@here.org", "A+x@here.org"]);
    assert_eq!(itself.found("a@here.org"), ["a@here.org"]);
}

#[test]
fn a_loop_ends_and_harms_nobody_who_is_not_in_it() {
    let book = Book::new()
        .account("joe@here.org")
        .alias("a@here.org", &["b@here.org"])
        .alias("b@here.org", &["a@here.org"])
        .alias("c@here.org", &["a@here.org", "joe@here.org"])
        .catch_all("plain.org", "nobody@plain.org");
    assert_eq!(book.why("a@here.org"), Some(Unresolvable::Loop));
    assert_eq!(book.found("c@here.org"), ["joe@here.org"]);
    assert_eq!(book.why("x@plain.org"), Some(Unresolvable::Loop));
}

#[test]
fn neither_depth_nor_number_is_without_bounds() {
    let chain = |length: usize| {
        let book = Book::new().account("end@here.org");
        (0..length).fold(book, |book, number| {
            let next = if number + 1 == length { "end".to_owned() } else { format!("a{}", number + 1) };
            book.alias(&format!("a{number}@here.org"), &[&format!("{next}@here.org")])
        })
    };
    assert_eq!(chain(DEPTH_MAX).found("a0@here.org"), ["end@here.org"]);
    assert_eq!(chain(DEPTH_MAX + 1).why("a0@here.org"), Some(Unresolvable::TooDeep));
    let wide = |width: usize| {
        let targets: Vec<_> = (0..width).map(|number| format!("u{number}@elsewhere.org")).collect();
        Book::new().alias("all@here.org", &targets.iter().map(String::as_str).collect::<Vec<_>>())
    };
    assert_eq!(wide(ADDRESSES_MAX - 1).found("all@here.org").len(), ADDRESSES_MAX - 1);
    assert_eq!(wide(ADDRESSES_MAX).why("all@here.org"), Some(Unresolvable::TooMany));
}

proptest! {
    /// Whatever aliases make of each other: an end, within the bounds, with nobody twice.
    #[test]
    fn every_lookup_ends(
        links in proptest::collection::vec((0usize..24, 0usize..30), 0..120),
        mailboxes in proptest::collection::vec(any::<bool>(), 24),
    ) {
        let name = |number: usize| match number {
            24.. => format!("u{number}@elsewhere.org"),
            _ => format!("u{number}@here.org"),
        };
        let book = (0..24).fold(Book::new(), |book, number| {
            let targets: Vec<_> =
                links.iter().filter(|(from, _)| *from == number).map(|(_, to)| name(*to)).collect();
            let targets: Vec<_> = targets.iter().map(String::as_str).collect();
            book.add(&name(number), mailboxes[number], &targets)
        });
        let result = book.resolve("u0@here.org");
        prop_assert!(book.questions.load(Ordering::Relaxed) <= ADDRESSES_MAX);
        if let Ok(Recipient::Found(found)) = result {
            let accounts: HashSet<_> = found.mailboxes.iter().map(|mailbox| &mailbox.account).collect();
            let forwards: HashSet<_> = found.forwards.iter().collect();
            prop_assert!(!accounts.is_empty() || !forwards.is_empty());
            prop_assert_eq!(accounts.len() + forwards.len(), found.mailboxes.len() + found.forwards.len());
        }
    }
}
