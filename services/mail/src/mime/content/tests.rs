use super::*;

fn text(octets: &[u8]) -> String {
    String::from_utf8_lossy(octets).into_owned()
}

/// `type/subtype;name=value`.
fn told(header: &str) -> String {
    let content = Content::of(header.as_bytes(), Unsaid::Text);
    let mut told = format!("{}/{}", text(&content.kind), text(&content.subtype));
    for (name, value) in &content.parameters {
        told += &format!(";{}={}", text(name), text(value));
    }
    told
}

#[test]
fn a_type_is_read_with_its_parameters() {
    for (value, expected) in [
        ("text/html", "text/html"),
        ("Text/HTML; Charset=\"utf-8\"; format=flowed", "Text/HTML;Charset=utf-8;format=flowed"),
        ("multipart/mixed;\r\n\tboundary=\"a b\\\"c\"", "multipart/mixed;boundary=a b\"c"),
        ("multipart/mixed; boundary=--=_a=b?", "multipart/mixed;boundary=--=_a=b?"),
        ("text/plain (a comment) ; charset = us-ascii (Plain text)", "text/plain;charset=us-ascii"),
        ("text/plain; name*0=\"a\"; name*1*=b%20", "text/plain;name*0=a;name*1*=b%20"),
        ("text/plain; ; nothing; empty=; x=y", "text/plain;x=y"),
        ("text/plain;charset=a;", "text/plain;charset=a"),
        ("application/x; name=a(b).txt", "application/x;name=a(b).txt"),
        // No type at all.
        ("text", "text/plain;charset=us-ascii"),
        ("", "text/plain;charset=us-ascii"),
        ("/plain; a=b", "text/plain;charset=us-ascii"),
        ("multipart/; boundary=x", "text/plain;charset=us-ascii"),
    ] {
        assert_eq!(told(&format!("Content-Type: {value}\r\n")), expected, "{value:?}");
    }
}

#[test]
fn a_part_that_says_nothing_is_text_or_in_a_digest_a_message() {
    assert_eq!(told("Subject: x\r\n"), "text/plain;charset=us-ascii");
    let content = Content::of(b"", Unsaid::Message);
    assert!(content.is("Message", "RFC822") && content.is_plain());
    assert_eq!(content.encoding, b"7bit");
}

#[test]
fn the_other_fields_are_read() {
    let content = Content::of(
        b"Content-Transfer-Encoding: BASE64 (really)\r\nContent-ID: <1@x>\r\nContent-Description: a\r\n b\r\n\
          Content-MD5: abc==\r\nContent-Location: http://x/\r\nContent-Language: de, en (English)\r\n\
          Content-Disposition: attachment; filename=\"a;b.txt\"; size=3\r\n",
        Unsaid::Text,
    );
    assert_eq!(text(&content.encoding), "BASE64");
    assert!(!content.is_plain());
    assert_eq!(content.id.as_deref(), Some(&b"<1@x>"[..]));
    assert_eq!(content.description.as_deref(), Some(&b"a b"[..]));
    assert_eq!(content.md5.as_deref(), Some(&b"abc=="[..]));
    assert_eq!(content.location.as_deref(), Some(&b"http://x/"[..]));
    assert_eq!(content.languages, [b"de".to_vec(), b"en".to_vec()]);
    let disposition = content.disposition.unwrap();
    assert_eq!(text(&disposition.kind), "attachment");
    assert_eq!(disposition.parameters[0], (b"filename".to_vec(), b"a;b.txt".to_vec()));
    assert_eq!(disposition.parameters[1], (b"size".to_vec(), b"3".to_vec()));
}

#[test]
fn there_is_an_end_to_parameters() {
    let header = format!("Content-Type: a/b{}\r\n", "; a=b".repeat(PARAMETERS_MAX * 2));
    assert_eq!(Content::of(header.as_bytes(), Unsaid::Text).parameters.len(), PARAMETERS_MAX);
}
