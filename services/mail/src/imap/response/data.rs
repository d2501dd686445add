//! Data about the server and about mailboxes (RFC 3501, sections 7.2 and 7.3; RFC 2087, 4731, 5161, 5256, 5258).

use super::Writer;
use crate::imap::command::search::Returns;
use crate::imap::command::{By, Flag, StatusItem, Tag};
use crate::imap::set::{Ranges, compact};

/// LIST or LSUB.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ListVerb {
    List,
    Lsub,
}

/// What is said of a mailbox in a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Attribute {
    HasChildren,
    HasNoChildren,
    NonExistent,
    NoSelect,
    Subscribed,
    /// Such as `Sent`, without its backslash.
    Use(&'static str),
}

/// A mailbox in a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListRow<'a> {
    pub attributes: Vec<Attribute>,
    /// None for a flat name.
    pub delimiter: Option<char>,
    /// In UTF-8.
    pub name: &'a str,
    /// What makes it a row is below it: subscribed, say (RFC 5258, section 3.5).
    pub child_info: Option<&'static str>,
}

/// What may be kept, and what is (RFC 9208).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quota {
    pub used_octets: u64,
    /// None: there is no limit.
    pub limit_octets: Option<u64>,
}

/// STORAGE is in units of 1024 octets (RFC 9208, section 5.1).
const STORAGE_OCTETS: u64 = 1024;

impl Writer {
    pub fn capability(&mut self, words: &str) {
        self.line(&format!("CAPABILITY {words}"));
    }

    pub fn enabled(&mut self, words: &[&str]) {
        self.line(["ENABLED"].iter().chain(words).copied().collect::<Vec<_>>().join(" ").as_str());
    }

    /// Name and version of this server.
    pub fn id(&mut self, name: &str, version: &str) {
        self.push("* ID (\"name\" ");
        self.string(name.as_bytes());
        self.push(" \"version\" ");
        self.string(version.as_bytes());
        self.push(")\r\n");
    }

    /// Everybody has mailboxes of their own, and no others.
    pub fn namespace(&mut self, delimiter: char) {
        self.push("* NAMESPACE ((\"\" ");
        self.string(delimiter.to_string().as_bytes());
        self.push(")) NIL NIL\r\n");
    }

    pub fn exists(&mut self, messages: u32) {
        self.line(&format!("{messages} EXISTS"));
    }

    pub fn recent(&mut self, messages: u32) {
        self.line(&format!("{messages} RECENT"));
    }

    pub fn expunge(&mut self, number: u32) {
        self.line(&format!("{number} EXPUNGE"));
    }

    pub fn flags(&mut self, flags: &[Flag]) {
        self.push("* FLAGS ");
        self.flag_list(flags, None);
        self.end();
    }

    pub fn list(&mut self, verb: ListVerb, row: &ListRow<'_>) {
        self.push(match verb {
            ListVerb::List => "* LIST (",
            ListVerb::Lsub => "* LSUB (",
        });
        for (at, attribute) in row.attributes.iter().enumerate() {
            self.push(if at == 0 { "\\" } else { " \\" });
            self.push(attribute.as_str());
        }
        self.push(") ");
        self.nstring(row.delimiter.map(String::from).as_deref().map(str::as_bytes));
        self.push(" ");
        self.mailbox(row.name);
        if let Some(child_info) = row.child_info {
            self.push(&format!(" (\"CHILDINFO\" (\"{child_info}\"))"));
        }
        self.end();
    }

    /// Items with their numbers.
    pub fn status(&mut self, mailbox: &str, items: &[(StatusItem, u64)]) {
        self.push("* STATUS ");
        self.mailbox(mailbox);
        self.push(" (");
        for (at, (item, number)) in items.iter().enumerate() {
            self.push(if at == 0 { "" } else { " " });
            self.push(item.as_str());
            self.push(" ");
            self.number(*number);
        }
        self.push(")\r\n");
    }

    /// Numbers or UIDs; the highest MODSEQ of them if MODSEQ was searched for (RFC 7162, section 3.1.5).
    pub fn search(&mut self, found: &[u32], modseq: Option<u64>) {
        self.numbers("* SEARCH", found);
        if let Some(modseq) = modseq.filter(|_| !found.is_empty()) {
            self.push(&format!(" (MODSEQ {modseq})"));
        }
        self.end();
    }

    /// In their order.
    pub fn sort(&mut self, found: &[u32]) {
        self.numbers("* SORT", found);
        self.end();
    }

    fn numbers(&mut self, verb: &str, found: &[u32]) {
        self.push(verb);
        for number in found {
            self.push(" ");
            self.number(u64::from(*number));
        }
    }

    /// Ascending numbers or UIDs.
    pub fn esearch(&mut self, tag: &Tag, by: By, returns: Returns, found: &[u32], modseq: Option<u64>) {
        self.push("* ESEARCH (TAG ");
        self.string(tag.as_str().as_bytes());
        self.push(if by == By::Uid { ") UID" } else { ")" });
        if let (Some(min), Some(max)) = (found.first(), found.last()) {
            if returns.min {
                self.push(&format!(" MIN {min}"));
            }
            if returns.max {
                self.push(&format!(" MAX {max}"));
            }
            if returns.all {
                let all: Ranges = compact(found.iter().copied());
                self.push(&format!(" ALL {all}"));
            }
        }
        if returns.count {
            self.push(&format!(" COUNT {}", found.len()));
        }
        if let Some(modseq) = modseq.filter(|_| !found.is_empty()) {
            self.push(&format!(" MODSEQ {modseq}"));
        }
        self.end();
    }

    pub fn quota(&mut self, root: &str, quota: Quota) {
        self.push("* QUOTA ");
        self.string(root.as_bytes());
        self.push(" (");
        if let Some(limit) = quota.limit_octets {
            let used = quota.used_octets.div_ceil(STORAGE_OCTETS);
            self.push(&format!("STORAGE {used} {}", limit / STORAGE_OCTETS));
        }
        self.push(")\r\n");
    }

    pub fn quota_root(&mut self, mailbox: &str, root: &str) {
        self.push("* QUOTAROOT ");
        self.mailbox(mailbox);
        self.push(" ");
        self.string(root.as_bytes());
        self.end();
    }

    fn line(&mut self, text: &str) {
        self.push("* ");
        self.push(text);
        self.end();
    }
}

impl Attribute {
    const fn as_str(self) -> &'static str {
        match self {
            Self::HasChildren => "HasChildren",
            Self::HasNoChildren => "HasNoChildren",
            Self::NonExistent => "NonExistent",
            Self::NoSelect => "Noselect",
            Self::Subscribed => "Subscribed",
            Self::Use(word) => word,
        }
    }
}
