//! Which mailboxes a LIST is about, and what is said of each. Pure.
//!
//! A name that is only above mailboxes is listed as one that cannot be selected, for clients that go down level by level.

use crate::mailbox::{MailboxInfo, MailboxState};
use crate::name::{DELIMITER, MailboxName};
use mail::imap::command::List;
use mail::imap::pattern::matches;
use mail::imap::response::Attribute;
use std::collections::{BTreeMap, BTreeSet};

/// One name that is listed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Row {
    pub(super) name: String,
    pub(super) attributes: Vec<Attribute>,
    pub(super) child_info: Option<&'static str>,
    /// None: there is no such mailbox.
    pub(super) state: Option<MailboxState>,
}

/// All names that an account has anything to do with, sorted.
#[derive(Debug, Default)]
pub(super) struct Tree {
    nodes: BTreeMap<String, Node>,
    /// Names above mailboxes.
    parents: BTreeSet<String>,
}

#[derive(Debug, Default)]
struct Node {
    mailbox: Option<MailboxInfo>,
    is_subscribed: bool,
}

impl Tree {
    pub(super) fn of(mailboxes: Vec<MailboxInfo>, subscriptions: &[MailboxName]) -> Self {
        let mut tree = Self::default();
        for mailbox in mailboxes {
            tree.parents.extend(above(mailbox.name.as_str()));
            let node = tree.nodes.entry(mailbox.name.to_string()).or_default();
            node.mailbox = Some(mailbox);
        }
        for name in subscriptions {
            tree.nodes.entry(name.to_string()).or_default().is_subscribed = true;
        }
        let names: Vec<String> = tree.nodes.keys().flat_map(|name| above(name)).collect();
        for name in names {
            tree.nodes.entry(name).or_default();
        }
        tree
    }

    pub(super) fn list(&self, list: &List) -> Vec<Row> {
        let patterns: Vec<String> =
            list.patterns.iter().map(|pattern| format!("{}{pattern}", list.reference)).collect();
        let chosen = |name: &str, node: &Node| self.is_chosen(list, name, node);
        let above_chosen: BTreeSet<String> = match list.select.recursive_match {
            true => self
                .nodes
                .iter()
                .filter(|(name, node)| chosen(name, node))
                .flat_map(|(n, _)| above(n))
                .collect(),
            false => BTreeSet::new(),
        };
        let mut rows = Vec::new();
        for (name, node) in &self.nodes {
            let is_above = above_chosen.contains(name);
            if (is_above || chosen(name, node)) && is_any(&patterns, name) {
                let word = if list.select.subscribed { "SUBSCRIBED" } else { "SPECIAL-USE" };
                let attributes = self.attributes(list, name, node);
                rows.push(row(name, node, attributes, is_above.then_some(word)));
            }
        }
        rows
    }

    /// Whether a name has what is selected by.
    fn is_chosen(&self, list: &List, name: &str, node: &Node) -> bool {
        let select = &list.select;
        let has_use = node.mailbox.as_ref().is_some_and(|mailbox| mailbox.special_use.is_some());
        if select.subscribed || select.special_use {
            return (!select.subscribed || node.is_subscribed) && (!select.special_use || has_use);
        }
        node.mailbox.is_some() || self.parents.contains(name)
    }

    fn attributes(&self, list: &List, name: &str, node: &Node) -> Vec<Attribute> {
        let mut attributes = Vec::new();
        if node.mailbox.is_none() {
            attributes.push(if list.is_extended { Attribute::NonExistent } else { Attribute::NoSelect });
        }
        let has_children = self.parents.contains(name);
        attributes.push(if has_children { Attribute::HasChildren } else { Attribute::HasNoChildren });
        if node.is_subscribed && (list.select.subscribed || list.returns.subscribed) {
            attributes.push(Attribute::Subscribed);
        }
        attributes.extend(special_use(node));
        attributes
    }

    /// A name above others that are subscribed is listed for `%` (RFC 3501, section 6.3.9).
    pub(super) fn lsub(&self, pattern: &str) -> Vec<Row> {
        let above_subscribed: BTreeSet<String> = match pattern.contains('%') {
            true => {
                self.nodes.iter().filter(|(_, node)| node.is_subscribed).flat_map(|(n, _)| above(n)).collect()
            }
            false => BTreeSet::new(),
        };
        let mut rows = Vec::new();
        for (name, node) in &self.nodes {
            if (node.is_subscribed || above_subscribed.contains(name)) && matches(pattern, name, DELIMITER) {
                let is_selectable = node.is_subscribed && node.mailbox.is_some();
                let no_select = (!is_selectable).then_some(Attribute::NoSelect);
                rows.push(row(name, node, no_select.into_iter().chain(special_use(node)).collect(), None));
            }
        }
        rows
    }
}

fn row(name: &str, node: &Node, attributes: Vec<Attribute>, child_info: Option<&'static str>) -> Row {
    let state = node.mailbox.as_ref().map(|mailbox| mailbox.state);
    Row { name: name.to_owned(), attributes, child_info, state }
}

fn special_use(node: &Node) -> Option<Attribute> {
    let special_use = node.mailbox.as_ref()?.special_use?;
    Some(Attribute::Use(special_use.as_str()))
}

fn is_any(patterns: &[String], name: &str) -> bool {
    patterns.iter().any(|pattern| matches(pattern, name, DELIMITER))
}

/// All names above a name.
fn above(name: &str) -> impl Iterator<Item = String> + '_ {
    name.match_indices(DELIMITER).map(|(at, _)| name[..at].to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mailbox::{MailboxId, SpecialUse};
    use crate::number::{ModSeq, UidValidity};
    use bytes::Bytes;
    use mail::imap::command::{Body, parse};

    fn mailbox(name: &str, special_use: Option<SpecialUse>) -> MailboxInfo {
        let state = MailboxState {
            uid_validity: UidValidity::MIN,
            uid_next: None,
            exists: 0,
            unseen: 0,
            recent: 0,
            highest_modseq: ModSeq::FIRST,
            size: 0,
        };
        let name = MailboxName::new(name).unwrap();
        MailboxInfo { id: MailboxId(1), name, special_use, subscribed: false, state }
    }

    fn tree() -> Tree {
        let mailboxes = vec![
            mailbox("INBOX", None),
            mailbox("Sent", Some(SpecialUse::Sent)),
            mailbox("lists/rust/users", None),
            mailbox("lists/rust", None),
        ];
        let names = ["INBOX", "lists/rust/users", "gone/here"].map(|name| MailboxName::new(name).unwrap());
        Tree::of(mailboxes, &names)
    }

    /// Each row as `name attribute attribute CHILDINFO`.
    fn words(rows: &[Row]) -> Vec<String> {
        let word = |row: &Row| {
            let attributes: String = row
                .attributes
                .iter()
                .filter(|attribute| **attribute != Attribute::HasNoChildren)
                .map(|attribute| format!(" {attribute:?}"))
                .collect();
            format!(
                "{}{attributes}{}",
                row.name,
                row.child_info.map(|word| format!(" +{word}")).unwrap_or_default()
            )
        };
        rows.iter().map(word).collect()
    }

    fn list(arguments: &str) -> Vec<String> {
        let command = parse(&Bytes::from(format!("a LIST {arguments}\r\n"))).unwrap();
        let Body::List(list) = command.body else { panic!("{command:?}") };
        words(&tree().list(&list))
    }

    #[test]
    fn a_list_goes_level_by_level() {
        let all = [
            "INBOX",
            "Sent Use(\"Sent\")",
            "lists NoSelect HasChildren",
            "lists/rust HasChildren",
            "lists/rust/users",
        ];
        assert_eq!(list("\"\" *"), all);
        assert_eq!(list("\"\" %"), all[..3]);
        assert_eq!(list("lists/ %"), all[3..4]);
        assert_eq!(list("\"\" inbox"), all[..1]);
        assert_eq!(
            list("\"\" (Sent lists/*)"),
            ["Sent Use(\"Sent\")", "lists/rust HasChildren", "lists/rust/users"]
        );
    }

    #[test]
    fn a_list_chooses() {
        for (arguments, expected) in [
            ("(SPECIAL-USE) \"\" *", vec!["Sent Use(\"Sent\")"]),
            (
                "(SUBSCRIBED) \"\" *",
                vec!["INBOX Subscribed", "gone/here NonExistent Subscribed", "lists/rust/users Subscribed"],
            ),
            (
                "(SUBSCRIBED RECURSIVEMATCH) \"\" %",
                vec![
                    "INBOX Subscribed",
                    "gone NonExistent +SUBSCRIBED",
                    "lists NonExistent HasChildren +SUBSCRIBED",
                ],
            ),
            ("\"\" INBOX RETURN (SUBSCRIBED)", vec!["INBOX Subscribed"]),
            ("(SUBSCRIBED SPECIAL-USE) \"\" *", vec![]),
        ] {
            assert_eq!(list(arguments), expected, "{arguments}");
        }
    }

    #[test]
    fn lsub_lists_what_is_subscribed() {
        let lsub = |pattern| words(&tree().lsub(pattern));
        assert_eq!(lsub("*"), ["INBOX", "gone/here NoSelect", "lists/rust/users"]);
        assert_eq!(lsub("%"), ["INBOX", "gone NoSelect", "lists NoSelect"]);
    }
}
