use super::*;
use proptest::prelude::*;

/// The tree, with the body of each leaf.
fn told(part: &Part, octets: &[u8]) -> String {
    let kind = String::from_utf8_lossy(&part.content.kind).to_lowercase();
    let body = String::from_utf8_lossy(&octets[part.body.clone()]).into_owned();
    match &part.kind {
        Kind::Single => format!("{kind}:{body:?}"),
        Kind::Message { message, .. } => format!("message<{}>", told(message, octets)),
        Kind::Multipart(parts) => {
            let parts: Vec<_> = parts.iter().map(|part| told(part, octets)).collect();
            format!("[{}]", parts.join(" "))
        }
    }
}

fn tree(message: &str) -> String {
    told(&Part::of(message.as_bytes()), message.as_bytes())
}

fn multipart(body: &str) -> String {
    tree(&format!("Content-Type: multipart/mixed; boundary=b\r\n\r\n{body}"))
}

#[test]
fn a_message_without_parts_is_one() {
    assert_eq!(tree("A: b\r\n\r\nhello\r\n"), r#"text:"hello\r\n""#);
    assert_eq!(tree("A: b\r\n"), r#"text:"""#);
    assert_eq!(tree(""), r#"text:"""#);
    let part = Part::of(b"A: b\r\n\r\none\r\ntwo");
    assert_eq!((part.header, part.body, part.lines), (0..8, 8..16, 1));
}

#[test]
fn parts_are_told_apart() {
    for (body, expected) in [
        ("preamble\r\n--b\r\n\r\none\r\n--b\r\n\r\ntwo\r\n--b--\r\nepilogue", r#"[text:"one" text:"two"]"#),
        // The first boundary may begin the body, and lines may end with LF.
        ("--b\n\none\n\n--b--", r#"[text:"one\n"]"#),
        // Not closed, and closed at once.
        ("--b\r\n\r\none\r\n", r#"[text:"one\r\n"]"#),
        ("--b\r\nA: b\r\n\r\n\r\n--b--\r\n", r#"[text:""]"#),
        // No line between two boundaries.
        ("--b\r\n--b\r\n\r\nx\r\n--b--", r#"[text:"" text:"x"]"#),
        // Padding is allowed; another boundary is not this one; in the middle of a line there is none.
        ("--b \t\r\n\r\nx --b\r\n--bc\r\n--b--x\r\n--b--", r#"[text:"x --b\r\n--bc\r\n--b--x"]"#),
        // None at all: text.
        ("nothing", r#"text:"nothing""#),
        ("--b--\r\n", r#"text:"--b--\r\n""#),
    ] {
        assert_eq!(multipart(body), expected, "{body:?}");
    }
}

#[test]
fn a_type_without_a_boundary_is_text() {
    assert_eq!(tree("Content-Type: multipart/mixed\r\n\r\n--\r\n\r\nx"), r#"text:"--\r\n\r\nx""#);
}

#[test]
fn parts_are_in_parts() {
    let inner = "Content-Type: multipart/alternative; boundary=bb\r\n\r\n--bb\r\n\r\n1\r\n--bb\r\n\r\n2\r\n--bb--\r\n";
    let body = format!("--b\r\n{inner}\r\n--b\r\nContent-Type: message/rfc822\r\n\r\n{inner}\r\n--b--");
    assert_eq!(multipart(&body), r#"[[text:"1" text:"2"] message<[text:"1" text:"2"]>]"#);
}

#[test]
fn the_outer_boundary_ends_what_the_inner_left_open() {
    let body =
        "--b\r\nContent-Type: multipart/x; boundary=i\r\n\r\n--i\r\n\r\n1\r\n--b\r\n\r\n2\r\n--b--\r\n--i--";
    assert_eq!(multipart(body), r#"[[text:"1"] text:"2"]"#);
}

#[test]
fn a_digest_is_made_of_messages() {
    let message = "Content-Type: multipart/digest; boundary=b\r\n\r\n--b\r\n\r\nSubject: x\r\n\r\n1\r\n--b--";
    assert_eq!(tree(message), r#"[message<text:"1">]"#);
    let Kind::Multipart(parts) = Part::of(message.as_bytes()).kind else { panic!("no parts") };
    let Kind::Message { envelope, .. } = &parts[0].kind else { panic!("no message") };
    assert_eq!(envelope.subject.as_deref(), Some(&b"x"[..]));
}

#[test]
fn an_encoded_message_is_octets() {
    let message = "Content-Type: message/rfc822\r\nContent-Transfer-Encoding: base64\r\n\r\nQQ==";
    assert_eq!(tree(message), r#"application:"QQ==""#);
}

#[test]
fn depth_has_a_limit() {
    let mut deepest = 0;
    let message = "Content-Type: message/rfc822\r\n\r\n".repeat(100_000);
    let mut part = &Part::of(message.as_bytes());
    while let Kind::Message { message, .. } = &part.kind {
        deepest += 1;
        part = message;
    }
    assert_eq!(deepest, DEPTH_MAX);
    assert!(part.content.is("application", "octet-stream"));
}

#[test]
fn parts_have_a_limit() {
    let body = format!("{}--b--", "--b\r\n\r\nx\r\n".repeat(PARTS_MAX * 2));
    let part = Part::of(format!("Content-Type: multipart/mixed; boundary=b\r\n\r\n{body}").as_bytes());
    let Kind::Multipart(parts) = part.kind else { panic!("no parts") };
    assert_eq!(parts.len(), PARTS_MAX - 1);
}

/// Parts lie inside of their parent, in order, and do not overlap.
pub(crate) fn check(part: &Part, place: &Range<usize>, depth: usize) -> usize {
    assert!(depth <= DEPTH_MAX);
    assert!(place.start <= part.header.start && part.header.start <= part.header.end);
    assert!(part.header.end == part.body.start && part.body.start <= part.body.end);
    assert!(part.body.end <= place.end);
    match &part.kind {
        Kind::Single => 1,
        Kind::Message { message, .. } => 1 + check(message, &part.body, depth + 1),
        Kind::Multipart(parts) => {
            let mut rest = part.body.clone();
            let mut count = 1;
            for part in parts {
                count += check(part, &rest, depth + 1);
                rest.start = part.body.end;
            }
            count
        }
    }
}

proptest! {
    #[test]
    fn parts_lie_in_their_parents(
        lines in prop::collection::vec(
            prop::sample::select(vec![
                "--a\r\n", "--a--\r\n", "--b\n", "--b--\n", "--ab\r\n", "\r\n", "\n", "x", "A: b\r\n",
                "Content-Type: multipart/mixed; boundary=a\r\n", "Content-Type: multipart/digest; boundary=b\n",
                "Content-Type: message/rfc822\r\n", "Content-Type: multipart/x; boundary=ab\r\n",
            ]),
            0..40,
        ),
    ) {
        let message = lines.concat();
        let part = Part::of(message.as_bytes());
        prop_assert_eq!(part.whole(), 0..message.len());
        check(&part, &(0..message.len()), 0);
    }
}
