//! LIST with selection and return options (RFC 5258, RFC 5819, RFC 6154), and CREATE with a use (RFC 6154, section 3).

use super::cursor::Cursor;
use super::error::CommandError;
use super::types::Body;
use crate::imap::name;

/// Of patterns in one LIST.
const PATTERNS_MAX: usize = 32;

/// LIST.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct List {
    pub reference: String,
    pub patterns: Vec<String>,
    pub select: ListSelect,
    pub returns: ListReturn,
    /// Whether it has anything that RFC 3501 does not know: then no pattern asks for the delimiter (RFC 5258, section 3).
    pub is_extended: bool,
}

/// Which mailboxes are told of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ListSelect {
    pub subscribed: bool,
    pub special_use: bool,
    /// Also those that have such below them.
    pub recursive_match: bool,
}

/// What is told of them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ListReturn {
    pub subscribed: bool,
    pub children: bool,
    pub special_use: bool,
    pub status: Vec<StatusItem>,
}

/// What STATUS tells of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StatusItem {
    Messages,
    Recent,
    UidNext,
    UidValidity,
    Unseen,
    Size,
    HighestModSeq,
}

impl StatusItem {
    pub const ALL: [Self; 7] = [
        Self::Messages,
        Self::Recent,
        Self::UidNext,
        Self::UidValidity,
        Self::Unseen,
        Self::Size,
        Self::HighestModSeq,
    ];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Messages => "MESSAGES",
            Self::Recent => "RECENT",
            Self::UidNext => "UIDNEXT",
            Self::UidValidity => "UIDVALIDITY",
            Self::Unseen => "UNSEEN",
            Self::Size => "SIZE",
            Self::HighestModSeq => "HIGHESTMODSEQ",
        }
    }

    fn read(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|item| item.as_str() == word)
    }
}

/// Behind the verb.
pub(super) fn read(cursor: &mut Cursor<'_>) -> Result<Body, CommandError> {
    let mut list = List::default();
    cursor.space().ok_or(CommandError::Syntax)?;
    let options = cursor.clone().octet(b'(').is_some();
    if options {
        list.select = select(cursor).ok_or(CommandError::NotOffered)?;
        cursor.space().ok_or(CommandError::Syntax)?;
    }
    let reference = cursor.astring().ok_or(CommandError::Syntax)?;
    list.reference = name::decode(&reference).ok_or(CommandError::MailboxName)?;
    cursor.space().ok_or(CommandError::Syntax)?;
    let many = cursor.clone().octet(b'(').is_some();
    let patterns = match many {
        true => cursor.list(Cursor::pattern).filter(|all| (1..=PATTERNS_MAX).contains(&all.len())),
        false => cursor.pattern().map(|pattern| vec![pattern]),
    };
    for pattern in patterns.ok_or(CommandError::Syntax)? {
        list.patterns.push(name::decode(&pattern).ok_or(CommandError::MailboxName)?);
    }
    let returns = cursor.words(&["RETURN"]).is_some();
    if returns {
        list.returns = returned(cursor).ok_or(CommandError::NotOffered)?;
    }
    cursor.end().ok_or(CommandError::Syntax)?;
    list.is_extended = options || many || returns;
    Ok(Body::List(list))
}

fn select(cursor: &mut Cursor<'_>) -> Option<ListSelect> {
    let mut select = ListSelect::default();
    for word in cursor.list(Cursor::atom)? {
        match word.as_str() {
            "SUBSCRIBED" => select.subscribed = true,
            "SPECIAL-USE" => select.special_use = true,
            "RECURSIVEMATCH" => select.recursive_match = true,
            // There are none.
            "REMOTE" => {}
            _ => return None,
        }
    }
    // It says nothing alone (RFC 5258, section 3).
    (!select.recursive_match || select.subscribed || select.special_use).then_some(select)
}

fn returned(cursor: &mut Cursor<'_>) -> Option<ListReturn> {
    let mut returns = ListReturn::default();
    cursor.space()?;
    let all = cursor.list(|cursor| {
        let word = cursor.atom()?;
        let items = if word == "STATUS" { status_items(cursor)? } else { Vec::new() };
        Some((word, items))
    })?;
    for (word, items) in all {
        match word.as_str() {
            "SUBSCRIBED" => returns.subscribed = true,
            "CHILDREN" => returns.children = true,
            "SPECIAL-USE" => returns.special_use = true,
            "STATUS" => returns.status = items,
            _ => return None,
        }
    }
    Some(returns)
}

fn status_items(cursor: &mut Cursor<'_>) -> Option<Vec<StatusItem>> {
    cursor.space()?;
    let mut items = Vec::new();
    for word in cursor.list(Cursor::atom)? {
        let item = StatusItem::read(&word)?;
        if !items.contains(&item) {
            items.push(item);
        }
    }
    (!items.is_empty()).then_some(items)
}

/// Behind the verb.
pub(super) fn read_create(cursor: &mut Cursor<'_>) -> Result<Body, CommandError> {
    cursor.space().ok_or(CommandError::Syntax)?;
    let wire = cursor.astring().ok_or(CommandError::Syntax)?;
    let mailbox = name::decode(&wire).ok_or(CommandError::MailboxName)?;
    let mut special_use = None;
    if cursor.space().is_some() {
        let uses = create_uses(cursor).ok_or(CommandError::NotOffered)?;
        special_use = match uses.len() {
            0 => None,
            1 => uses.into_iter().next(),
            // A mailbox has one here.
            _ => return Err(CommandError::NotOffered),
        };
    }
    cursor.end().ok_or(CommandError::Syntax)?;
    Ok(Body::Create { mailbox, special_use })
}

/// `(USE (\Sent))`.
fn create_uses(cursor: &mut Cursor<'_>) -> Option<Vec<String>> {
    cursor.octet(b'(')?;
    (cursor.atom()? == "USE").then_some(())?;
    cursor.space()?;
    let uses = cursor.list(|cursor| {
        cursor.octet(b'\\')?;
        cursor.atom()
    })?;
    cursor.octet(b')')?;
    Some(uses)
}
