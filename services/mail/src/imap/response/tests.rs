//! What is written is read by somebody else's parser.

use super::*;
use crate::imap::command::fetch::{Form, Octets};
use crate::imap::command::search::Returns;
use crate::imap::command::{By, Flag, StatusItem};
use crate::imap::set::compact;
use crate::mime::section::{Section, What};
use crate::mime::{Envelope, Kind, Part};
use imap_codec::ResponseCodec;
use imap_codec::decode::Decoder;
use imap_codec::imap_types::fetch::MessageDataItem;
use imap_codec::imap_types::response::{Data, Response};
use proptest::prelude::*;

fn tag() -> Tag {
    Tag::new(b"a1").unwrap()
}

fn written(write: impl FnOnce(&mut Writer)) -> String {
    let mut writer = Writer::new();
    write(&mut writer);
    String::from_utf8_lossy(writer.octets()).into_owned()
}

/// One response and nothing behind it.
fn parsed(octets: &[u8]) -> Response<'_> {
    match ResponseCodec::default().decode(octets) {
        Ok(([], response)) => response,
        other => panic!("{:?} of {}", other, String::from_utf8_lossy(octets)),
    }
}

#[test]
fn conditions_have_codes_and_text() {
    for (line, expected) in [
        (
            written(|w| w.tagged(&tag(), Condition::Ok, Some(&Code::READ_WRITE), "done")),
            "a1 OK [READ-WRITE] done\r\n",
        ),
        (written(|w| w.untagged(Condition::Bye, None, "a\r\n* b\u{fc}")), "* BYE a??* b?\r\n"),
        (written(|w| w.untagged(Condition::No, None, "[ALERT] x")), "* NO (ALERT] x\r\n"),
        (written(|w| w.untagged(Condition::Ok, None, "")), "* OK -\r\n"),
        (
            written(|w| {
                let code = Code::CopyUid { uid_validity: 5, from: compact([1, 2, 3]), to: compact([9, 7]) };
                w.tagged(&tag(), Condition::Ok, Some(&code), "x");
            }),
            "a1 OK [COPYUID 5 1:3 7,9] x\r\n",
        ),
        (
            written(|w| {
                let code = Code::PermanentFlags { flags: vec![Flag::Seen], may_add: true };
                w.untagged(Condition::Ok, Some(&code), "x");
            }),
            "* OK [PERMANENTFLAGS (\\Seen \\*)] x\r\n",
        ),
    ] {
        assert_eq!(line, expected);
        parsed(line.as_bytes());
    }
    assert_eq!(written(|w| w.challenge()), "+ \r\n");
    assert_eq!(written(|w| w.go_on("idling")), "+ idling\r\n");
}

#[test]
fn data_is_written_as_the_rfcs_have_it() {
    let row = ListRow {
        attributes: vec![Attribute::HasNoChildren, Attribute::Use("Sent")],
        delimiter: Some('/'),
        name: "Entw\u{fc}rfe \"x\"",
        child_info: None,
    };
    let all = Returns { min: true, max: true, all: true, count: true };
    for (line, expected) in [
        (
            written(|w| w.list(ListVerb::List, &row)),
            "* LIST (\\HasNoChildren \\Sent) \"/\" \"Entw&APw-rfe \\\"x\\\"\"\r\n",
        ),
        (
            written(|w| w.status("INBOX", &[(StatusItem::Messages, 3), (StatusItem::Size, 5_000_000_000)])),
            "* STATUS \"INBOX\" (MESSAGES 3 SIZE 5000000000)\r\n",
        ),
        (written(|w| w.search(&[], Some(3))), "* SEARCH\r\n"),
        (written(|w| w.search(&[2, 4], Some(3))), "* SEARCH 2 4 (MODSEQ 3)\r\n"),
        (written(|w| w.sort(&[4, 2])), "* SORT 4 2\r\n"),
        (
            written(|w| w.esearch(&tag(), By::Uid, all, &[1, 2, 3, 9], None)),
            "* ESEARCH (TAG \"a1\") UID MIN 1 MAX 9 ALL 1:3,9 COUNT 4\r\n",
        ),
        (written(|w| w.esearch(&tag(), By::Number, all, &[], None)), "* ESEARCH (TAG \"a1\") COUNT 0\r\n"),
        (
            written(|w| w.quota("", Quota { used_octets: 1025, limit_octets: Some(10_240) })),
            "* QUOTA \"\" (STORAGE 2 10)\r\n",
        ),
        (written(|w| w.quota_root("INBOX", "")), "* QUOTAROOT \"INBOX\" \"\"\r\n"),
        (written(|w| w.namespace('/')), "* NAMESPACE ((\"\" \"/\")) NIL NIL\r\n"),
        (written(|w| w.enabled(&["CONDSTORE"])), "* ENABLED CONDSTORE\r\n"),
        (written(|w| w.id("x", "1")), "* ID (\"name\" \"x\" \"version\" \"1\")\r\n"),
    ] {
        assert_eq!(line, expected);
    }
}

#[test]
fn a_message_is_told_item_by_item() {
    let section = Section {
        path: vec![1, 2],
        what: What::Fields { names: vec![b"Subject".to_vec(), b"a b".to_vec()], is_not: false },
    };
    let wanted = Octets { form: Form::Body, section, partial: Some((3, 9)), is_peek: false };
    let line = written(|w| {
        let mut fetch = w.fetch(7);
        fetch.uid(9);
        fetch.flags(&[Flag::Seen, Flag::Keyword("$X".to_owned())], true);
        fetch.internal_date(760_686_745);
        fetch.size(4);
        fetch.modseq(12);
        fetch.octets(&wanted, Some(b"a\0\xff"));
        fetch.end();
    });
    let head = "* 7 FETCH (UID 9 FLAGS (\\Seen $X \\Recent) INTERNALDATE \" 8-Feb-1994 05:52:25 +0000\" RFC822.SIZE 4 \
                MODSEQ (12) BODY[1.2.HEADER.FIELDS (Subject \"a b\")]<3> {3}\r\na";
    assert!(line.starts_with(head), "{line}");
    assert!(line.ends_with(")\r\n") && !line.contains('\0'));
    assert!(written(|w| w.fetch(1).octets(&wanted, None)).ends_with("<3> NIL"));
}

#[test]
fn a_structure_is_that_of_the_rfc() {
    let message = b"Subject: x\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\n1\r\n\r\n--b\r\n\
        Content-Type: message/rfc822\r\nContent-Disposition: inline\r\n\r\nFrom: A <a@b>\r\n\r\n2\r\n--b\r\n\
        Content-Type: image/png\r\nContent-Language: de\r\nContent-Transfer-Encoding: base64\r\n\r\nQQ==\r\n--b--\r\n";
    let part = Part::of(message);
    assert_eq!(
        written(|w| w.body(&part, false)),
        "((\"text\" \"plain\" (\"charset\" \"us-ascii\") NIL NIL \"7bit\" 3 1)\
         (\"message\" \"rfc822\" NIL NIL NIL \"7bit\" 18 \
         (NIL NIL ((\"A\" NIL \"a\" \"b\")) ((\"A\" NIL \"a\" \"b\")) ((\"A\" NIL \"a\" \"b\")) NIL NIL NIL NIL NIL) \
         (\"text\" \"plain\" (\"charset\" \"us-ascii\") NIL NIL \"7bit\" 1 0) 2)\
         (\"image\" \"png\" NIL NIL NIL \"base64\" 4) \"mixed\")"
    );
    assert!(written(|w| w.body(&part, true)).ends_with(
        "NIL (\"inline\" NIL) NIL NIL)(\"image\" \"png\" NIL NIL NIL \"base64\" 4 NIL NIL (\"de\") NIL) \
         \"mixed\" (\"boundary\" \"b\") NIL NIL NIL)"
    ));
}

/// imap-codec reads structures of six levels.
fn depth(part: &Part) -> usize {
    1 + match &part.kind {
        Kind::Single => 0,
        Kind::Message { message, .. } => depth(message),
        Kind::Multipart(parts) => parts.iter().map(depth).max().unwrap_or(0),
    }
}

/// What stands in strangers' messages.
fn message() -> impl Strategy<Value = Vec<u8>> {
    let line = prop_oneof![
        Just("Content-Type: multipart/mixed; boundary=b\r\n".to_owned()),
        Just("Content-Type: message/rfc822\r\n".to_owned()),
        Just("Content-Disposition: attachment; filename=\"a\\\"b\"\r\n".to_owned()),
        Just("Content-Language: de, en\r\n".to_owned()),
        Just("--b\r\n".to_owned()),
        Just("--b--\r\n".to_owned()),
        Just("\r\n".to_owned()),
        "(Subject|From|To|Content-Type|Content-ID|Date): [ -~\u{fc}\u{0}\t]{0,30}\r\n",
        "[ -~]{0,20}\r\n",
    ];
    prop::collection::vec(line, 0..25).prop_map(|lines| lines.concat().into_bytes())
}

proptest! {
    #[test]
    fn a_message_is_one_response(message in message()) {
        let part = Part::of(&message);
        prop_assume!(depth(&part) <= 6);
        let envelope = Envelope::of(&message);
        let mut writer = Writer::new();
        let mut fetch = writer.fetch(1);
        fetch.envelope(&envelope);
        fetch.body(&part);
        fetch.body_structure(&part);
        let section = Section { path: Vec::new(), what: What::Whole };
        fetch.octets(&Octets { form: Form::Body, section, partial: None, is_peek: true }, Some(&message));
        fetch.end();
        let Response::Data(Data::Fetch { items, .. }) = parsed(writer.octets()) else { panic!("no FETCH") };
        prop_assert_eq!(items.as_ref().len(), 4);
        let is_whole = matches!(&items.as_ref()[3], MessageDataItem::BodyExt { .. });
        prop_assert!(is_whole);
    }

    #[test]
    fn a_name_is_one_string(name in "\\PC{1,30}", text in "\\PC{0,30}") {
        let row = ListRow { attributes: Vec::new(), delimiter: Some('/'), name: &name, child_info: None };
        let line = written(|w| w.list(ListVerb::List, &row));
        let Response::Data(Data::List { mailbox, .. }) = parsed(line.as_bytes()) else { panic!("no LIST") };
        let wire = match &mailbox {
            imap_codec::imap_types::mailbox::Mailbox::Inbox => b"INBOX".to_vec(),
            imap_codec::imap_types::mailbox::Mailbox::Other(other) => other.as_ref().to_vec(),
        };
        prop_assert_eq!(crate::imap::name::decode(&wire), Some(name));
        let line = written(|w| w.tagged(&tag(), Condition::No, None, &text));
        parsed(line.as_bytes());
    }
}
