//! Patterns of LIST (RFC 3501, section 6.3.8): `*` stands for anything, `%` for anything without the delimiter.
//!
//! The time is that of pattern times name, whatever is in them. Entry point: [`matches`].

/// Of a pattern. A longer one matches nothing.
pub const PATTERN_OCTETS_MAX: usize = 1024;

/// Whether a pattern stands for a name. INBOX is one name in any case, alone and as the first level.
pub fn matches(pattern: &str, name: &str, delimiter: char) -> bool {
    if pattern.len() > PATTERN_OCTETS_MAX {
        return false;
    }
    let inbox =
        name.split(delimiter).next().filter(|first| first.eq_ignore_ascii_case("INBOX")).map_or(0, str::len);
    let letters: Vec<char> = name.chars().collect();
    // `reached[n]`: the pattern so far stands for the first n letters.
    let mut reached = vec![false; letters.len() + 1];
    reached[0] = true;
    for wanted in pattern.chars() {
        match wanted {
            '*' | '%' => {
                for at in 0..letters.len() {
                    reached[at + 1] |= reached[at] && (wanted == '*' || letters[at] != delimiter);
                }
            }
            _ => {
                for at in (0..letters.len()).rev() {
                    let is_same =
                        letters[at] == wanted || at < inbox && letters[at].eq_ignore_ascii_case(&wanted);
                    reached[at + 1] = reached[at] && is_same;
                }
                reached[0] = false;
            }
        }
    }
    reached[letters.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_stand_for_names() {
        for (pattern, name, expected) in [
            ("*", "a/b", true),
            ("*", "", true),
            ("%", "a", true),
            ("%", "a/b", false),
            ("%/%", "a/b", true),
            ("a/%", "a/b", true),
            ("a/%", "a", false),
            ("a*", "a/b/c", true),
            ("*c", "a/b/c", true),
            ("a%c", "abbc", true),
            ("a%c", "a/c", false),
            ("a*%b", "a/x/b", true),
            ("b", "a", false),
            ("", "", true),
            ("", "a", false),
            ("\u{fc}%", "\u{fc}x", true),
            ("inbox", "INBOX", true),
            ("InB%", "INBOX", true),
            ("inbox/%", "INBOX/x", true),
            ("inbox/X", "INBOX/x", false),
            ("inboxes", "INBOXES", false),
        ] {
            assert_eq!(matches(pattern, name, '/'), expected, "{pattern} {name}");
        }
    }

    #[test]
    fn a_pattern_of_stars_takes_no_time() {
        let pattern = "*a".repeat(PATTERN_OCTETS_MAX / 2);
        assert!(!matches(&pattern, &"a".repeat(500), '/'));
        assert!(!matches(&"*".repeat(PATTERN_OCTETS_MAX + 1), "a", '/'));
    }
}
