//! Fields that only we write, and that somebody else wrote: Authentication-Results in our name (RFC 8601, section 5), and the fields of
//! our filters. They are taken out, for whoever reads the message believes them.
//!
//! Entry point: [`places`].

use mail::address::Domain;
use mail::mime::header::Fields;
use std::ops::Range;

const FIELD: &[u8] = b"Authentication-Results";

/// Where they stand, in order. `names` are ours in the form in which domains are looked up; `fields` are those of our filters.
pub fn places(header: &[u8], names: &[Domain], fields: &[&str]) -> Vec<Range<u64>> {
    let is_forged = |name: &[u8], value: &[u8]| {
        let is_results = name.eq_ignore_ascii_case(FIELD);
        let is_filters = || fields.iter().any(|field| name.eq_ignore_ascii_case(field.as_bytes()));
        (is_results && is_ours(value, names)) || is_filters()
    };
    Fields::of(header)
        .filter(|field| is_forged(field.name, field.value))
        .map(|field| field.place.start as u64..field.place.end as u64)
        .collect()
}

/// Whether one of our names is the authserv-id (`authres-payload` in RFC 8601, section 2.2).
fn is_ours(value: &[u8], names: &[Domain]) -> bool {
    let text = String::from_utf8_lossy(value);
    let id = authserv_id(&text);
    match id.parse::<Domain>() {
        Ok(domain) => names.contains(&domain.normal()),
        Err(_) => false,
    }
}

/// A word or a quoted string, behind comments and spaces, without the dot that may end a name.
fn authserv_id(text: &str) -> String {
    let rest = without_comments(text);
    let id = match rest.strip_prefix('"') {
        Some(quoted) => unquoted(quoted),
        None => rest.split([';', '(', ' ', '\t', '\r', '\n']).next().unwrap_or_default().to_owned(),
    };
    id.trim().trim_end_matches('.').to_owned()
}

fn unquoted(text: &str) -> String {
    let (mut id, mut letters) = (String::new(), text.chars());
    while let Some(letter) = letters.next() {
        match letter {
            '"' => break,
            '\\' => id.extend(letters.next()),
            letter => id.push(letter),
        }
    }
    id
}

/// What stands behind comments, which may hold others (RFC 5322, section 3.2.2), and spaces.
fn without_comments(text: &str) -> &str {
    let (mut depth, mut is_quoted) = (0_usize, false);
    for (at, letter) in text.char_indices() {
        match letter {
            _ if is_quoted => is_quoted = false,
            '\\' if depth > 0 => is_quoted = true,
            '(' => depth += 1,
            ')' if depth > 0 => depth -= 1,
            letter if depth == 0 && !letter.is_ascii_whitespace() => return &text[at..],
            _ => {}
        }
    }
    ""
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn left(header: &str) -> String {
        let names = ["mx1.example".parse().unwrap(), "xn--bcher-kva.example".parse().unwrap()];
        let mut left = header.to_owned();
        for place in places(header.as_bytes(), &names, &["X-Spam"]).into_iter().rev() {
            left.replace_range(place.start as usize..place.end as usize, "");
        }
        left
    }

    /// Catches a reader of authserv-ids who is not as lenient as those who believe them.
    #[test]
    fn our_name_is_found_however_it_is_written() {
        for forged in [
            "mx1.example; spf=pass",
            " MX1.Example 1; spf=pass",
            "\r\n\tmx1.example;\r\n\tspf=pass",
            " (a (nested\\) ) comment) mx1.example (x); spf=pass",
            " \"mx1.example\"; spf=pass",
            " \"mx1\\.example\"; spf=pass",
            "mx1.example.; spf=pass",
            "mx1.example",
            " b\u{fc}cher.example; spf=pass",
            " xn--BCHER-kva.example; spf=pass",
        ] {
            let header = format!("A: b\r\nauthentication-results :{forged}\r\nC: d\r\n\r\n");
            assert_eq!(left(&header), "A: b\r\nC: d\r\n\r\n", "{forged}");
        }
    }

    #[test]
    fn others_keep_theirs() {
        for fine in [
            "Authentication-Results: mx2.example; spf=pass",
            "Authentication-Results: mx1.example.org; spf=pass",
            "Authentication-Results: (mx1.example) other.example; spf=pass",
            "Authentication-Results: ; mx1.example",
            "ARC-Authentication-Results: i=1; mx1.example; spf=pass",
            "X-Authentication-Results: mx1.example; spf=pass",
            "Authentication-Results:",
            "Authentication-Results: (((",
        ] {
            let header = format!("A: b\r\n{fine}\r\nC: d\r\n\r\nAuthentication-Results: mx1.example; x\r\n");
            assert_eq!(left(&header), header, "{fine}");
        }
    }

    #[test]
    fn what_a_filter_writes_nobody_else_does() {
        assert_eq!(
            left("x-spam: no\r\nA: b\r\nX-Spam: No\r\nX-Spam-Not: x\r\n"),
            "A: b\r\nX-Spam-Not: x\r\n"
        );
    }

    proptest! {
        /// Catches a forged field that appears because another one was taken out, and a place that is none.
        #[test]
        fn nothing_forged_is_left(header in "(([Aa]uthentication-[Rr]esults|X|X-Spam)[ :;]{0,2}([ \\t\\r\\n(\"]{0,3}(mx1\\.example|other|\\)|\\\\|;)){0,3}\r?\n){0,6}") {
            let left = left(&header);
            let names = ["mx1.example".parse().unwrap(), "xn--bcher-kva.example".parse().unwrap()];
            prop_assert!(places(left.as_bytes(), &names, &["X-Spam"]).is_empty(), "{left:?}");
        }

        #[test]
        fn any_octets_have_places_in_order(header in proptest::collection::vec(prop_oneof![Just(b'\n'), Just(b':'), Just(b'('), any::<u8>()], 0..200)) {
            let header = [b"Authentication-Results:", &header[..]].concat();
            let mut end = 0;
            for place in places(&header, &["a".parse().unwrap()], &["b"]) {
                prop_assert!(place.start >= end && place.end > place.start && place.end <= header.len() as u64);
                end = place.end;
            }
        }
    }
}
