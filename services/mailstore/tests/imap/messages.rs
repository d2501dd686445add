//! What each command says of messages, octet by octet.

use crate::client::Raw;
use crate::house::{House, Plan, message};
use mailstore::Flags;

const MIXED: &str = "From: Ann <ann@example.org>\r\nSubject: mixed\r\nMIME-Version: 1.0\r\n\
    Content-Type: multipart/mixed; boundary=b\r\n\r\npreamble\r\n--b\r\nContent-Type: text/plain\r\n\r\none\r\n--b\r\n\
    Content-Type: text/html\r\nContent-Disposition: attachment; filename=x.html\r\n\r\n<b>two</b>\r\n--b--\r\n";

#[tokio::test(flavor = "multi_thread")]
async fn select_tells_where_a_mailbox_stands() {
    let house = House::open(Plan::default()).await;
    house.put("INBOX", Flags::seen(), message(1, "x")).await;
    house.put("INBOX", Flags::default(), message(2, "x")).await;
    let mut client = Raw::ann(house.address).await;
    let said = client.ok("EXAMINE INBOX").await;
    for expected in [
        "* FLAGS (\\Answered \\Flagged \\Deleted \\Seen \\Draft)",
        "* 2 EXISTS",
        "* 2 RECENT",
        "* OK [UNSEEN 2] The first one that is not seen",
        "* OK [PERMANENTFLAGS ()] Flags that stay",
        "* OK [UIDNEXT 3] The next UID",
        "* OK [HIGHESTMODSEQ 3] Highest",
    ] {
        assert!(said.iter().any(|line| line == expected), "no {expected} in {said:?}");
    }
    assert_eq!(
        client.answer("STORE 1 +FLAGS (\\Seen)").await,
        "NO [READ-ONLY] The mailbox is open for reading only"
    );
    // EXAMINE has left them recent.
    assert!(client.ok("SELECT inbox").await.contains(&"* 2 RECENT".to_owned()));
    assert!(client.ok("SELECT INBOX").await.contains(&"* 0 RECENT".to_owned()));
    assert_eq!(client.answer("SELECT nothing").await, "NO [NONEXISTENT] No such mailbox");
    assert_eq!(client.answer("FETCH 1 FLAGS").await, "BAD Select a mailbox first");
}

#[tokio::test(flavor = "multi_thread")]
async fn fetch_tells_what_is_asked() {
    let house = House::open(Plan::default()).await;
    house.put("INBOX", Flags::default(), MIXED).await;
    let mut client = Raw::selected(house.address, "INBOX").await;
    for (items, expected) in [
        ("RFC822.SIZE", format!("RFC822.SIZE {}", MIXED.len())),
        ("INTERNALDATE", "INTERNALDATE \" 9-Sep-2001 01:46:40 +0000\"".to_owned()),
        ("BODY.PEEK[1]", "BODY[1] {3}|one".to_owned()),
        ("BODY.PEEK[2.MIME]<0.14>", "BODY[2.MIME]<0> {14}|Content-Type: ".to_owned()),
        ("BODY.PEEK[HEADER.FIELDS (subject)]", "BODY[HEADER.FIELDS (subject)] {18}|Subject: mixed||".to_owned()),
        ("BODY.PEEK[3]", "BODY[3] NIL".to_owned()),
        ("BODY.PEEK[TEXT]<0.8>", "BODY[TEXT]<0> {8}|preamble".to_owned()),
        (
            "BODY",
            "BODY ((\"text\" \"plain\" NIL NIL NIL \"7bit\" 3 0)(\"text\" \"html\" NIL NIL NIL \"7bit\" 10 0) \"mixed\")".to_owned(),
        ),
        (
            "(UID BODY.PEEK[1] BODY.PEEK[2] FLAGS)",
            "UID 1 FLAGS (\\Recent) BODY[1] {3}|one BODY[2] {10}|<b>two</b>".to_owned(),
        ),
        // It is seen by that, and the client is told.
        ("BODY[1]", "FLAGS (\\Seen \\Recent) BODY[1] {3}|one".to_owned()),
        ("BODY[1]", "BODY[1] {3}|one".to_owned()),
    ] {
        let said = client.ok(&format!("FETCH 1 {items}")).await.join("|");
        assert_eq!(said, format!("* 1 FETCH ({expected})"), "{items}");
    }
    let whole = client.ok("UID FETCH 1:* (BODY[] ENVELOPE)").await.join("\r\n");
    assert!(whole.contains(&format!("BODY[] {{{}}}\r\n{MIXED})", MIXED.len())), "{whole}");
    assert!(client.answer("FETCH 2 FLAGS").await.starts_with("BAD There is no message"));
    assert!(client.ok("UID FETCH 2 FLAGS").await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn store_copy_move_and_expunge_do_what_they_say() {
    let house = House::open(Plan::default()).await;
    for number in 1..=4 {
        house.put("INBOX", Flags::default(), message(number, "x")).await;
    }
    let mut client = Raw::selected(house.address, "INBOX").await;
    assert_eq!(
        client.ok("STORE 1:2 +FLAGS (\\Deleted $Work)").await,
        [
            "* FLAGS (\\Answered \\Flagged \\Deleted \\Seen \\Draft $Work)",
            "* OK [PERMANENTFLAGS (\\Answered \\Flagged \\Deleted \\Seen \\Draft $Work \\*)] Flags that stay",
            "* 1 FETCH (FLAGS (\\Deleted $Work \\Recent))",
            "* 2 FETCH (FLAGS (\\Deleted $Work \\Recent))",
        ]
    );
    assert!(client.ok("UID STORE 3 FLAGS.SILENT (\\Flagged)").await.is_empty());
    let copied = client.answer("COPY 1,3 Archive").await;
    assert!(copied.starts_with("OK [COPYUID ") && copied.contains(" 1,3 1:2] "), "{copied}");
    assert_eq!(client.answer("COPY 1 nothing").await, "NO [TRYCREATE] No such mailbox; create it first");
    let moved = client.ok("UID MOVE 4 Archive").await;
    assert!(moved[0].starts_with("* OK [COPYUID ") && moved[0].contains(" 4 3] "), "{moved:?}");
    assert_eq!(moved[1..], ["* 4 EXPUNGE"]);
    assert_eq!(client.ok("UID EXPUNGE 2:9").await, ["* 2 EXPUNGE"]);
    assert_eq!(client.ok("EXPUNGE").await, ["* 1 EXPUNGE"]);
    assert_eq!(client.ok("FETCH 1:* (UID FLAGS)").await, ["* 1 FETCH (UID 3 FLAGS (\\Flagged \\Recent))"]);
    client.ok("STORE 1 +FLAGS (\\Deleted)").await;
    assert!(client.ok("CLOSE").await.is_empty());
    assert_eq!(
        client.ok("STATUS INBOX (MESSAGES UIDNEXT SIZE)").await,
        ["* STATUS \"INBOX\" (MESSAGES 0 UIDNEXT 5 SIZE 0)"]
    );
    assert_eq!(
        client.ok("STATUS Archive (MESSAGES UNSEEN)").await,
        ["* STATUS \"Archive\" (MESSAGES 3 UNSEEN 3)"]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn append_says_where_a_message_is() {
    let house = House::open(Plan { message_octets_max: 1000, ..Plan::default() }).await;
    let mut client = Raw::selected(house.address, "INBOX").await;
    client.send("x APPEND INBOX (\\Seen) \" 7-Feb-1994 21:52:25 -0800\" {4}\r\n").await;
    assert_eq!(client.line().await, "+ Go on");
    client.send("a\r\nb\r\n").await;
    let said = client.until_answer("x").await;
    assert_eq!(said[..2], ["* 1 EXISTS", "* 1 RECENT"]);
    assert!(said[2].starts_with("OK [APPENDUID ") && said[2].ends_with(" 1] Kept"), "{said:?}");
    assert_eq!(
        client.ok("FETCH 1 (FLAGS INTERNALDATE BODY.PEEK[])").await.join("|"),
        "* 1 FETCH (FLAGS (\\Seen \\Recent) INTERNALDATE \" 8-Feb-1994 05:52:25 +0000\" BODY[] {4}|a|b)"
    );
    assert_eq!(client.append("nothing", "", "x").await, "NO [TRYCREATE] No such mailbox; create it first");
    assert_eq!(client.append("INBOX", "", "").await, "NO [CANNOT] A message without octets is not kept");
    let large = "x".repeat(1001);
    assert_eq!(client.append("INBOX", "", &large).await, "NO [TOOBIG] a message may have 1000 octets");
    assert_eq!(client.ask("APPEND INBOX {1001}").await, ["NO [TOOBIG] a message may have 1000 octets"]);
    let account = crate::house::account_of("ann");
    house.store.set_quota(&account, Some(4)).await.unwrap();
    assert_eq!(
        client.append("INBOX", "", "x").await,
        "NO [OVERQUOTA] There is no room for that in the quota"
    );
    let quota = client.ok("GETQUOTAROOT INBOX").await;
    assert_eq!(quota, ["* QUOTAROOT \"INBOX\" \"\"", "* QUOTA \"\" (STORAGE 1 0)"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn search_and_sort_find_messages() {
    let house = House::open(Plan::default()).await;
    house.put("INBOX", Flags::default(), message(30, "Gr\u{fc}\u{df}e")).await;
    house.put("INBOX", Flags::seen(), message(10, "nothing")).await;
    house.put("INBOX", Flags::default(), MIXED).await;
    house.put("INBOX", Flags::default(), message(20, "nothing")).await;
    let mut client = Raw::selected(house.address, "INBOX").await;
    client.ok("STORE 2 +FLAGS (\\Deleted)").await;
    client.ok("EXPUNGE").await;
    for (command, expected) in [
        ("SEARCH ALL", "* SEARCH 1 2 3"),
        ("UID SEARCH ALL", "* SEARCH 1 3 4"),
        ("SEARCH SUBJECT mixed", "* SEARCH 2"),
        ("UID SEARCH CHARSET UTF-8 BODY {7+}\r\ngr\u{fc}\u{df}e", "* SEARCH 1"),
        ("SEARCH TEXT two", "* SEARCH 2"),
        ("SEARCH UID 2:3", "* SEARCH 2"),
        ("SEARCH 2:* NOT SUBJECT message", "* SEARCH 2"),
        ("SEARCH SEEN", "* SEARCH"),
        ("SEARCH RETURN (MIN MAX COUNT ALL) UNSEEN", "* ESEARCH (TAG \"TAG\") MIN 1 MAX 3 ALL 1:3 COUNT 3"),
        ("UID SEARCH RETURN () ALL", "* ESEARCH (TAG \"TAG\") UID ALL 1,3:4"),
        ("SORT (DATE) UTF-8 ALL", "* SORT 3 1 2"),
        ("UID SORT (REVERSE SUBJECT) UTF-8 ALL", "* SORT 3 1 4"),
        ("SORT (REVERSE SIZE) UTF-8 SUBJECT message", "* SORT 1 3"),
    ] {
        let said = client.ok(command).await.join("|");
        let start = said.find("(TAG \"").map(|at| (at + 6, at + 6 + said[at + 6..].find('"').unwrap()));
        let said = start.map_or(said.clone(), |(from, to)| format!("{}TAG{}", &said[..from], &said[to..]));
        assert_eq!(said, expected, "{command}");
    }
    assert_eq!(
        client.answer("SEARCH CHARSET KOI8-R ALL").await.split(" a ").next(),
        Some("NO [BADCHARSET (UTF-8 US-ASCII)]")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn mailboxes_are_made_listed_and_renamed() {
    let house = House::open(Plan::default()).await;
    let mut client = Raw::ann(house.address).await;
    assert_eq!(client.ok("LIST \"\" \"\"").await, ["* LIST (\\Noselect) \"/\" \"\""]);
    client.ok("CREATE lists/rust").await;
    client.ok("CREATE Starred (USE (\\Flagged))").await;
    assert_eq!(
        client.answer("CREATE Sent2 (USE (\\Sent))").await,
        "NO [USEATTR] Another mailbox is there for Sent"
    );
    assert_eq!(
        client.answer("CREATE lists/rust").await,
        "NO [ALREADYEXISTS] There is such a mailbox already"
    );
    assert_eq!(client.answer("CREATE a//b").await, "NO [CANNOT] That cannot be the name of a mailbox");
    client.ok("SUBSCRIBE lists/rust").await;
    assert_eq!(
        client.ok("LIST (SUBSCRIBED) \"\" lists/* RETURN (STATUS (MESSAGES))").await,
        [
            "* LIST (\\HasNoChildren \\Subscribed) \"/\" \"lists/rust\"",
            "* STATUS \"lists/rust\" (MESSAGES 0)"
        ]
    );
    assert_eq!(
        client.ok("LIST \"\" % RETURN (SPECIAL-USE)").await,
        [
            "* LIST (\\HasNoChildren \\Archive) \"/\" \"Archive\"",
            "* LIST (\\HasNoChildren \\Drafts) \"/\" \"Drafts\"",
            "* LIST (\\HasNoChildren) \"/\" \"INBOX\"",
            "* LIST (\\HasNoChildren \\Junk) \"/\" \"Junk\"",
            "* LIST (\\HasNoChildren \\Sent) \"/\" \"Sent\"",
            "* LIST (\\HasNoChildren \\Flagged) \"/\" \"Starred\"",
            "* LIST (\\HasNoChildren \\Trash) \"/\" \"Trash\"",
            "* LIST (\\NonExistent \\HasChildren) \"/\" \"lists\"",
        ]
    );
    client.ok("RENAME lists/rust \"&AOY-rlig\"").await;
    assert_eq!(client.ok("LSUB \"\" lists/*").await, ["* LSUB (\\Noselect) \"/\" \"lists/rust\""]);
    client.ok("SELECT &AOY-rlig").await;
    client.ok("DELETE &AOY-rlig").await;
    assert_eq!(client.answer("CHECK").await, "BAD Select a mailbox first");
    assert_eq!(client.answer("DELETE INBOX").await, "NO [CANNOT] INBOX cannot be deleted");
    assert_eq!(client.ok("NAMESPACE").await, ["* NAMESPACE ((\"\" \"/\")) NIL NIL"]);
    assert!(client.ok("ID NIL").await[0].starts_with("* ID (\"name\" \"understudy\""));
}
