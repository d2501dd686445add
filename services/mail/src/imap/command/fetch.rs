//! FETCH (RFC 3501, section 6.4.5; RFC 7162, section 3.1.4).

use super::error::CommandError;
use super::standard::set;
use super::types::By;
use crate::imap::set::Set;
use crate::mime::section::{Section, What};
use imap_codec::imap_types::command::FetchModifier;
use imap_codec::imap_types::core::{AString, Vec1};
use imap_codec::imap_types::fetch::{
    Macro, MacroOrMessageDataItemNames, MessageDataItemName as Name, Part, Section as WireSection,
};
use imap_codec::imap_types::sequence::SequenceSet;

/// Of items in one FETCH, said twice or not: each of them costs something for every message.
pub const ITEMS_MAX: usize = 64;

/// FETCH.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fetch {
    pub by: By,
    pub set: Set,
    /// At least one.
    pub items: Vec<Item>,
    pub changed_since: Option<u64>,
}

/// What is asked of a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Item {
    Body,
    BodyStructure,
    Envelope,
    Flags,
    InternalDate,
    ModSeq,
    Size,
    Uid,
    Octets(Octets),
}

/// `BODY[...]`, or one of the older words for some of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Octets {
    pub form: Form,
    pub section: Section,
    /// From, and how many.
    pub partial: Option<(u32, u32)>,
    /// The message is not seen by that.
    pub is_peek: bool,
}

/// What the answer is called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    Body,
    Rfc822,
    Rfc822Header,
    Rfc822Text,
}

pub(super) fn fetch(
    numbers: &SequenceSet,
    names: MacroOrMessageDataItemNames<'_>,
    by: By,
    modifiers: &[FetchModifier],
) -> Result<Fetch, CommandError> {
    let names = match names {
        MacroOrMessageDataItemNames::Macro(word) => expand(&word),
        MacroOrMessageDataItemNames::MessageDataItemNames(names) => names,
    };
    if names.len() > ITEMS_MAX {
        return Err(CommandError::TooManyItems);
    }
    let mut items = Vec::new();
    for name in names {
        let item = item(name)?;
        if !items.contains(&item) {
            items.push(item);
        }
    }
    if items.is_empty() {
        return Err(CommandError::NothingAsked);
    }
    let mut changed_since = None;
    for modifier in modifiers {
        match modifier {
            FetchModifier::ChangedSince(since) => changed_since = Some(since.get()),
            // QRESYNC's.
            FetchModifier::Vanished => return Err(CommandError::NotOffered),
        }
    }
    Ok(Fetch { by, set: set(numbers), items, changed_since })
}

fn expand(word: &Macro) -> Vec<Name<'static>> {
    let mut names = vec![Name::Flags, Name::InternalDate, Name::Rfc822Size];
    match word {
        Macro::All => names.push(Name::Envelope),
        Macro::Full => names.extend([Name::Envelope, Name::Body]),
        _ => {}
    }
    names
}

fn item(name: Name<'_>) -> Result<Item, CommandError> {
    let older = |form, what, is_peek| {
        Item::Octets(Octets { form, section: Section { path: Vec::new(), what }, partial: None, is_peek })
    };
    Ok(match name {
        Name::Body => Item::Body,
        Name::BodyStructure => Item::BodyStructure,
        Name::Envelope => Item::Envelope,
        Name::Flags => Item::Flags,
        Name::InternalDate => Item::InternalDate,
        Name::ModSeq => Item::ModSeq,
        Name::Rfc822Size => Item::Size,
        Name::Uid => Item::Uid,
        Name::Rfc822 => older(Form::Rfc822, What::Whole, false),
        Name::Rfc822Header => older(Form::Rfc822Header, What::Header, true),
        Name::Rfc822Text => older(Form::Rfc822Text, What::Text, false),
        Name::BodyExt { section: wire, partial, peek } => Item::Octets(Octets {
            form: Form::Body,
            section: section(wire),
            partial: partial.map(|(from, octets)| (from, octets.get())),
            is_peek: peek,
        }),
        // RFC 3516 is not offered.
        Name::Binary { .. } | Name::BinarySize { .. } => return Err(CommandError::NotOffered),
    })
}

fn section(wire: Option<WireSection<'_>>) -> Section {
    let (path, what) = match wire {
        None => (None, What::Whole),
        Some(WireSection::Part(path)) => (Some(path), What::Whole),
        Some(WireSection::Mime(path)) => (Some(path), What::Mime),
        Some(WireSection::Header(path)) => (path, What::Header),
        Some(WireSection::Text(path)) => (path, What::Text),
        Some(WireSection::HeaderFields(path, names)) => (path, fields(&names, false)),
        Some(WireSection::HeaderFieldsNot(path, names)) => (path, fields(&names, true)),
    };
    let numbers = |path: Part| path.0.as_ref().iter().map(|number| number.get()).collect();
    Section { path: path.map(numbers).unwrap_or_default(), what }
}

fn fields(names: &Vec1<AString<'_>>, is_not: bool) -> What {
    What::Fields { names: names.as_ref().iter().map(|name| name.as_ref().to_vec()).collect(), is_not }
}
