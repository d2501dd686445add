use super::fetch::{Form, Item, Octets};
use super::search::{Key, Order, Returns, When};
use super::*;
use crate::imap::set::{Bound, Set};
use crate::mime::section::{Section, What};

fn read(text: &str) -> Result<Body, CommandError> {
    parse(&Bytes::copy_from_slice(format!("a {text}\r\n").as_bytes())).map(|c| c.body).map_err(|r| r.error)
}

fn one(number: u32) -> Set {
    Set(vec![(Bound::Number(number), Bound::Number(number))])
}

#[test]
fn a_command_has_a_tag_and_a_verb() {
    let parsed = |text: &str| parse(&Bytes::copy_from_slice(text.as_bytes()));
    let command = parsed("A1.b noop\r\n").unwrap();
    assert_eq!((command.tag.as_str(), command.body), ("A1.b", Body::Noop));
    for (text, tag, error) in [
        ("\r\n", None, CommandError::NoTag),
        ("* NOOP\r\n", None, CommandError::NoTag),
        ("+ NOOP\r\n", None, CommandError::NoTag),
        ("a\r\n", Some("a"), CommandError::NoVerb),
        ("a \r\n", Some("a"), CommandError::NoVerb),
        ("a NOP\r\n", Some("a"), CommandError::Syntax),
        ("a NOOP x\r\n", Some("a"), CommandError::Syntax),
        ("a NOOP \r\n", Some("a"), CommandError::Syntax),
        ("a NOOP\r\nb NOOP\r\n", Some("a"), CommandError::Syntax),
    ] {
        let refusal = parsed(text).unwrap_err();
        assert_eq!((refusal.tag.as_ref().map(Tag::as_str), refusal.error), (tag, error), "{text:?}");
    }
    assert!(parsed(&format!("{} NOOP\r\n", "x".repeat(200))).is_err());
}

#[test]
fn names_and_passwords_come_in_three_forms() {
    for text in ["LOGIN me secret", "login \"me\" \"secret\"", "LOGIN {2}\r\nme {6+}\r\nsecret"] {
        let Ok(Body::Login { name, password }) = read(text) else { panic!("{text}") };
        assert_eq!((name.as_slice(), password.reveal()), (&b"me"[..], &b"secret"[..]));
        assert_eq!(format!("{password:?}"), "Secret(..)");
    }
    let Ok(Body::Authenticate { mechanism, initial }) = read("AUTHENTICATE plain AGEAYg==") else { panic!() };
    assert_eq!((mechanism.as_str(), initial.unwrap().reveal()), ("PLAIN", &b"\0a\0b"[..]));
}

#[test]
fn mailboxes_are_in_utf8() {
    assert_eq!(read("DELETE Entw&APw-rfe"), Ok(Body::Delete("Entw\u{fc}rfe".to_owned())));
    assert_eq!(read("DELETE inbox"), Ok(Body::Delete("INBOX".to_owned())));
    assert_eq!(read("DELETE R&D"), Err(CommandError::MailboxName));
    let select = |is_read_only, is_condstore| {
        Ok(Body::Select(Select { mailbox: "a b".to_owned(), is_read_only, is_condstore }))
    };
    assert_eq!(read("SELECT \"a b\""), select(false, false));
    assert_eq!(read("EXAMINE \"a b\" (CONDSTORE)"), select(true, true));
    assert_eq!(read("SELECT x (QRESYNC (1 2))"), Err(CommandError::NotOffered));
    assert_eq!(
        read("STATUS x (MESSAGES SIZE HIGHESTMODSEQ MESSAGES)"),
        Ok(Body::Status {
            mailbox: "x".to_owned(),
            items: vec![StatusItem::Messages, StatusItem::Size, StatusItem::HighestModSeq]
        })
    );
}

#[test]
fn a_mailbox_may_be_created_for_a_use() {
    let created = |mailbox: &str, special_use: Option<&str>| {
        Ok(Body::Create { mailbox: mailbox.to_owned(), special_use: special_use.map(str::to_owned) })
    };
    for (text, expected) in [
        ("CREATE x", created("x", None)),
        ("CREATE \"x y\" (USE (\\Sent))", created("x y", Some("SENT"))),
        ("CREATE {3}\r\na b", created("a b", None)),
        ("CREATE x (USE ())", created("x", None)),
        ("CREATE x (USE (\\Sent \\Junk))", Err(CommandError::NotOffered)),
        ("CREATE x (USE (Sent))", Err(CommandError::NotOffered)),
        ("CREATE x y", Err(CommandError::NotOffered)),
        ("CREATE", Err(CommandError::Syntax)),
    ] {
        assert_eq!(read(text), expected, "{text}");
    }
}

#[test]
fn list_is_that_of_rfc_5258() {
    let list = |text| match read(text) {
        Ok(Body::List(list)) => Ok(list),
        Ok(other) => panic!("{other:?}"),
        Err(error) => Err(error),
    };
    let plain = list("LIST \"\" *").unwrap();
    assert_eq!((plain.reference.as_str(), plain.patterns.as_slice()), ("", &["*".to_owned()][..]));
    assert!(!plain.is_extended);
    let full = list(
        "list (SUBSCRIBED RECURSIVEMATCH) \"\" (INBOX \"Entw&APw-%\" {1}\r\n*) RETURN (CHILDREN SPECIAL-USE \
         STATUS (MESSAGES UNSEEN))",
    )
    .unwrap();
    assert_eq!(full.patterns, ["INBOX", "Entw\u{fc}%", "*"]);
    assert_eq!(full.select, ListSelect { subscribed: true, recursive_match: true, special_use: false });
    assert!(
        full.is_extended && full.returns.children && full.returns.special_use && !full.returns.subscribed
    );
    assert_eq!(full.returns.status, [StatusItem::Messages, StatusItem::Unseen]);
    for (text, error) in [
        ("LIST (RECURSIVEMATCH) \"\" *", CommandError::NotOffered),
        ("LIST (NONSENSE) \"\" *", CommandError::NotOffered),
        ("LIST \"\" ()", CommandError::Syntax),
        ("LIST \"\" * RETURN (STATUS ())", CommandError::NotOffered),
        ("LIST \"\" * RETURN", CommandError::NotOffered),
        ("LIST \"\" R&D", CommandError::MailboxName),
        ("LIST \"\"", CommandError::Syntax),
        ("LIST \"\" \"a\\b\"", CommandError::Syntax),
        ("LIST \"\" {9}\r\nx", CommandError::Syntax),
    ] {
        assert_eq!(list(text), Err(error), "{text}");
    }
}

#[test]
fn append_keeps_the_message_where_it_is() {
    let octets = Bytes::from_static(
        b"a APPEND x (\\Seen $Forwarded \\Recent) \" 7-Feb-1994 21:52:25 -0800\" {7}\r\nA: b\r\n\n\r\n",
    );
    let Body::Append(append) = parse(&octets).unwrap().body else { panic!() };
    assert_eq!(&append.message[..], b"A: b\r\n\n");
    assert!(octets.as_ptr_range().contains(&append.message.as_ptr()));
    assert_eq!(append.flags, [Flag::Seen, Flag::Keyword("$Forwarded".to_owned())]);
    assert_eq!(append.date, Some(760_686_745));
    assert_eq!(read("APPEND x (\\Nonsense) {1}\r\nx"), Err(CommandError::Flag));
    assert_eq!(read("APPEND x ~{1}\r\nx"), Err(CommandError::NotOffered));
}

#[test]
fn fetch_asks_for_items() {
    let items = |text| match read(text) {
        Ok(Body::Fetch(fetch)) => Ok(fetch.items),
        other => Err(other),
    };
    assert_eq!(items("FETCH 1 FAST"), Ok(vec![Item::Flags, Item::InternalDate, Item::Size]));
    assert_eq!(items("FETCH 1 (UID UID)"), Ok(vec![Item::Uid]));
    let octets = |form, path: &[u32], what, partial, is_peek| {
        Ok(vec![Item::Octets(Octets {
            form,
            section: Section { path: path.to_vec(), what },
            partial,
            is_peek,
        })])
    };
    assert_eq!(items("FETCH 1 BODY[]"), octets(Form::Body, &[], What::Whole, None, false));
    assert_eq!(items("FETCH 1 RFC822.HEADER"), octets(Form::Rfc822Header, &[], What::Header, None, true));
    let names = vec![b"Subject".to_vec(), b"x y".to_vec()];
    assert_eq!(
        items("FETCH 1 BODY.PEEK[1.2.HEADER.FIELDS.NOT (Subject \"x y\")]<5.10>"),
        octets(Form::Body, &[1, 2], What::Fields { names, is_not: true }, Some((5, 10)), true)
    );
    let Ok(Body::Fetch(fetch)) = read("UID FETCH 3 (FLAGS) (CHANGEDSINCE 12)") else { panic!() };
    assert_eq!((fetch.by, fetch.set, fetch.changed_since), (By::Uid, one(3), Some(12)));
    for (text, error) in [
        ("FETCH 1 ()", CommandError::NothingAsked),
        ("FETCH 0 UID", CommandError::Syntax),
        ("FETCH 1 BODY[MIME]", CommandError::Syntax),
        ("FETCH 1 BINARY[1]", CommandError::NotOffered),
        ("UID FETCH 1 UID (CHANGEDSINCE 1 VANISHED)", CommandError::NotOffered),
        (&format!("FETCH 1 (UID{})", " UID".repeat(fetch::ITEMS_MAX)), CommandError::TooManyItems),
    ] {
        assert_eq!(read(text), Err(error), "{text}");
    }
}

#[test]
fn store_changes_flags() {
    let Ok(Body::Store(store)) = read("UID STORE 1:* (UNCHANGEDSINCE 5) -FLAGS.SILENT (\\Deleted x)") else {
        panic!()
    };
    assert_eq!((store.by, store.change, store.is_silent), (By::Uid, Change::Remove, true));
    assert_eq!(store.set, Set(vec![(Bound::Number(1), Bound::Last)]));
    assert_eq!(store.unchanged_since, Some(5));
    assert_eq!(store.flags, [Flag::Deleted, Flag::Keyword("x".to_owned())]);
    let Ok(Body::Store(store)) = read("STORE 1 FLAGS ()") else { panic!() };
    assert_eq!((store.change, store.flags.len(), store.is_silent), (Change::Replace, 0, false));
}

#[test]
fn search_asks_for_keys() {
    let key = |text: &str| match read(&format!("SEARCH {text}")) {
        Ok(Body::Search(search)) => Ok(search.key),
        Ok(other) => panic!("{other:?}"),
        Err(error) => Err(error),
    };
    let header =
        |name: &str, text: &str| Key::Header { name: name.as_bytes().to_vec(), text: text.to_owned() };
    let unseen = Key::Flag { flag: Flag::Seen, is_set: false };
    assert_eq!(key("ALL"), Ok(Key::All));
    assert_eq!(key("UNSEEN FROM x"), Ok(Key::And(vec![unseen.clone(), header("from", "x")])));
    assert_eq!(
        key("OR NOT UNSEEN (UID 3 HEADER X-Y {0}\r\n)"),
        Ok(Key::Or(
            Box::new(Key::Not(Box::new(unseen))),
            Box::new(Key::And(vec![Key::Uids(one(3)), header("X-Y", "")]))
        ))
    );
    assert_eq!(key("SINCE 7-Feb-1994"), Ok(Key::Received(When::Since, 8803)));
    assert_eq!(key("SENTON \"1-Jan-1970\""), Ok(Key::Sent(When::On, 0)));
    assert_eq!(key("MODSEQ 7"), Ok(Key::ModSeq(7)));
    assert_eq!(key("CHARSET utf-8 BODY {2}\r\n\u{fc}"), Ok(Key::Body("\u{fc}".to_owned())));
    for (text, error) in [
        ("CHARSET latin1 BODY x", CommandError::Charset),
        ("SINCE 31-Feb-1994", CommandError::Syntax),
        ("NONSENSE", CommandError::Syntax),
        (&format!("ALL{}", " ALL".repeat(search::KEYS_MAX)), CommandError::TooManyKeys),
        (&format!("{}ALL{}", "(".repeat(50), ")".repeat(50)), CommandError::Syntax),
        (&format!("{}ALL", "NOT ".repeat(5000)), CommandError::Syntax),
    ] {
        assert_eq!(key(text), Err(error), "{text}");
    }
    let latin1 = Bytes::from_static(b"a SEARCH BODY {1}\r\n\xfc\r\n");
    assert_eq!(parse(&latin1).map_err(|refusal| refusal.error), Err(CommandError::NotInCharset));
}

#[test]
fn search_returns_what_is_asked_for() {
    let returns = |text| match read(text) {
        Ok(Body::Search(search)) => Ok((search.by, search.returns)),
        Ok(other) => panic!("{other:?}"),
        Err(error) => Err(error),
    };
    let all = Returns { all: true, ..Returns::default() };
    assert_eq!(returns("SEARCH ALL"), Ok((By::Number, None)));
    assert_eq!(returns("SEARCH RETURN () ALL"), Ok((By::Number, Some(all))));
    assert_eq!(
        returns("uid search return (MIN count) charset utf-8 all"),
        Ok((By::Uid, Some(Returns { min: true, count: true, ..Returns::default() })))
    );
    assert_eq!(returns("SEARCH RETURN (SAVE) ALL"), Err(CommandError::NotOffered));
    assert_eq!(returns("SEARCH RETURN (MIN)"), Err(CommandError::Syntax));
}

#[test]
fn sort_has_an_order() {
    let Ok(Body::Sort(sort)) = read("UID SORT (REVERSE DATE SUBJECT DATE) UTF-8 ALL") else { panic!() };
    assert_eq!((sort.by, sort.key), (By::Uid, Key::All));
    assert_eq!(sort.order, [(Order::Date, true), (Order::Subject, false)]);
    assert_eq!(read("SORT (DISPLAYFROM) UTF-8 ALL"), Err(CommandError::NotOffered));
    assert_eq!(read("SORT (DATE) KOI8-R ALL"), Err(CommandError::Charset));
}

#[test]
fn what_is_not_offered_is_refused() {
    for text in ["THREAD REFERENCES UTF-8 ALL", "COMPRESS DEFLATE"] {
        assert_eq!(read(text), Err(CommandError::NotOffered), "{text}");
    }
}
