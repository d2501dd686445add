use super::*;

/// The example of RFC 3501, section 6.4.5, with bodies that say where they stand.
const MESSAGE: &str = "Subject: top\r\nFrom: a@b\r\nContent-Type: multipart/mixed; boundary=o\r\n\r\n\
--o\r\nX: 1\r\n\r\nbody 1\r\n\
--o\r\nContent-Type: application/octet-stream\r\n\r\nbody 2\r\n\
--o\r\nContent-Type: message/rfc822\r\n\r\n\
Subject: three\r\nContent-Type: multipart/mixed; boundary=i\r\n\r\n\
--i\r\n\r\nbody 3.1\r\n--i\r\nY: 2\r\n\r\nbody 3.2\r\n--i--\r\n\
--o\r\nContent-Type: multipart/mixed; boundary=p\r\n\r\n\
--p\r\n\r\nbody 4.1\r\n\
--p\r\nContent-Type: message/rfc822\r\n\r\nSubject: four\r\n\r\nbody 4.2.1\r\n--p--\r\n\
--o--\r\n";

fn section(text: &str) -> Section {
    let mut path = Vec::new();
    let mut what = What::Whole;
    for word in text.split('.').filter(|word| !word.is_empty()) {
        match (word, word.parse()) {
            (_, Ok(number)) => path.push(number),
            ("HEADER", _) => what = What::Header,
            ("TEXT", _) => what = What::Text,
            ("MIME", _) => what = What::Mime,
            (name, _) => {
                let is_not = name.starts_with('!');
                let names = vec![name.trim_start_matches('!').as_bytes().to_vec()];
                what = What::Fields { names, is_not };
            }
        }
    }
    Section { path, what }
}

fn found(message: &str, text: &str) -> Option<String> {
    let root = Part::of(message.as_bytes());
    let found = section(text).find(&root, message.as_bytes())?;
    Some(String::from_utf8_lossy(found.octets(message.as_bytes())).into_owned())
}

#[test]
fn sections_are_those_of_the_rfc() {
    for (text, expected) in [
        ("1", Some("body 1")),
        ("2", Some("body 2")),
        ("3.1", Some("body 3.1")),
        ("3.2", Some("body 3.2")),
        ("4.1", Some("body 4.1")),
        ("4.2", Some("Subject: four\r\n\r\nbody 4.2.1")),
        ("4.2.1", Some("body 4.2.1")),
        ("4.2.TEXT", Some("body 4.2.1")),
        ("4.2.HEADER", Some("Subject: four\r\n\r\n")),
        ("4.2.1.MIME", Some("Subject: four\r\n\r\n")),
        ("1.MIME", Some("X: 1\r\n\r\n")),
        ("3.2.MIME", Some("Y: 2\r\n\r\n")),
        ("3.MIME", Some("Content-Type: message/rfc822\r\n\r\n")),
        ("3.subject", Some("Subject: three\r\n\r\n")),
        ("SUBJECT", Some("Subject: top\r\n\r\n")),
        ("!content-type", Some("Subject: top\r\nFrom: a@b\r\n\r\n")),
        ("nothing", Some("\r\n")),
        ("5", None),
        ("0", None),
        ("1.1", None),
        ("1.HEADER", None),
        ("2.TEXT", None),
        ("MIME", None),
        ("4.2.2", None),
        ("4.HEADER", None),
    ] {
        assert_eq!(found(MESSAGE, text).as_deref(), expected, "{text}");
    }
}

#[test]
fn the_message_itself_is_header_and_text() {
    let (whole, header) = (found(MESSAGE, "").unwrap(), found(MESSAGE, "HEADER").unwrap());
    assert_eq!(whole, MESSAGE);
    assert!(header.ends_with("boundary=o\r\n\r\n"));
    assert_eq!(header + &found(MESSAGE, "TEXT").unwrap(), MESSAGE);
    assert!(found(MESSAGE, "4").unwrap().starts_with("--p\r\n"));
}

#[test]
fn a_message_without_parts_has_one() {
    let message = "A: b\r\n\r\nbody\r\n";
    assert_eq!(found(message, "1").as_deref(), Some("body\r\n"));
    assert_eq!(found(message, "1.MIME").as_deref(), Some("A: b\r\n\r\n"));
    assert_eq!(found(message, "2"), None);
    assert_eq!(found("A: b", "a").as_deref(), Some("A: b\r\n\r\n"));
}

#[test]
fn a_header_is_enough_for_its_fields() {
    for text in ["HEADER", "subject", "!subject"] {
        let section = section(text);
        assert!(section.is_in_header());
        let root = Part::of(MESSAGE.as_bytes());
        let header = &MESSAGE.as_bytes()[root.header.clone()];
        assert_eq!(section.find_in_header(header), section.find(&root, MESSAGE.as_bytes()), "{text}");
    }
    assert!(!section("3.HEADER").is_in_header() && !section("TEXT").is_in_header());
    assert_eq!(section("3.HEADER").find_in_header(MESSAGE.as_bytes()), None);
}
