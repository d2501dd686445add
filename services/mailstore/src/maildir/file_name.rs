//! Flags in a file's name: `...:2,FS` (Maildir's specification, `info`), and keywords as small letters (as Dovecot writes them).

use crate::flags::{Flags, Keyword};

/// Keywords that have a letter.
pub const KEYWORDS_MAX: usize = 26;

/// The letters of a message, in order. Keywords that have none are left out.
pub fn letters(flags: &Flags, keywords: &mut Vec<Keyword>) -> String {
    let system = [
        (flags.draft, 'D'),
        (flags.flagged, 'F'),
        (flags.answered, 'R'),
        (flags.seen, 'S'),
        (flags.deleted, 'T'),
    ];
    let mut letters: Vec<_> =
        system.iter().filter(|(is_set, _)| *is_set).map(|(_, letter)| *letter).collect();
    letters.extend(flags.keywords.iter().filter_map(|keyword| letter(keyword, keywords)));
    letters.sort_unstable();
    letters.into_iter().collect()
}

fn letter(keyword: &Keyword, keywords: &mut Vec<Keyword>) -> Option<char> {
    let at = keywords.iter().position(|other| other == keyword).unwrap_or(keywords.len());
    if at == keywords.len() && at < KEYWORDS_MAX {
        keywords.push(keyword.clone());
    }
    (at < KEYWORDS_MAX).then(|| char::from(b'a' + at as u8))
}

/// What a file's name says; letters that mean nothing are left out.
pub fn flags(name: &str, keywords: &[Option<Keyword>]) -> Flags {
    let mut flags = Flags::default();
    let Some((_, letters)) = name.rsplit_once(":2,") else { return flags };
    for letter in letters.bytes() {
        match letter {
            b'D' => flags.draft = true,
            b'F' => flags.flagged = true,
            b'R' => flags.answered = true,
            b'S' => flags.seen = true,
            b'T' => flags.deleted = true,
            b'a'..=b'z' => {
                flags.keywords.extend(keywords.get(usize::from(letter - b'a')).cloned().flatten());
            }
            _ => {}
        }
    }
    flags
}

/// `dovecot-keywords`: a number and a name in each line.
pub fn write_keywords(keywords: &[Keyword]) -> String {
    keywords.iter().enumerate().map(|(number, keyword)| format!("{number} {keyword}\n")).collect()
}

pub fn read_keywords(text: &str) -> Vec<Option<Keyword>> {
    let mut keywords = vec![None; KEYWORDS_MAX];
    for (number, name) in text.lines().filter_map(|line| line.split_once(' ')) {
        let place = number.parse::<usize>().ok().and_then(|number| keywords.get_mut(number));
        if let (Some(place), Ok(keyword)) = (place, Keyword::new(name.trim())) {
            *place = Some(keyword);
        }
    }
    keywords
}
