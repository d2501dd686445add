//! On which line of a TOML file a key is.

use super::{Finding, Problem};
use serde_ignored::Path;
use std::ops::Range;
use toml::de::{DeTable, DeValue};

/// Every key of a file, such as `smtp.listen[0]`.
#[derive(Debug)]
pub struct Places<'a> {
    text: &'a str,
    places: Vec<Place>,
}

#[derive(Debug)]
struct Place {
    key: String,
    /// Of the key; of an array's element, itself.
    name: Range<usize>,
    value: Range<usize>,
}

impl<'a> Places<'a> {
    pub fn read(text: &'a str) -> Result<Self, toml::de::Error> {
        let table = DeTable::parse(text)?;
        let mut places = Vec::new();
        of_table(table.get_ref(), "", &mut places);
        Ok(Self { text, places })
    }

    /// Where a problem is: at its key, else at the innermost table around it.
    pub fn finding(&self, problem: Problem) -> Finding {
        let mut key = problem.key.as_str();
        let line = loop {
            if let Some(place) = self.places.iter().find(|place| place.key == key) {
                break line_of(self.text, place.name.start);
            }
            match key.rfind(['.', '[']) {
                Some(end) => key = &key[..end],
                None => break 1,
            }
        };
        Finding { line, problem }
    }

    /// What an error is about: the very value, or else the innermost that it begins in.
    pub(super) fn key_at(&self, span: &Range<usize>) -> Option<&str> {
        let is_it = |place: &&Place| place.value == *span || place.name == *span;
        let holds = |place: &&Place| place.name.contains(&span.start) || place.value.contains(&span.start);
        // An outer one stands before its inner ones. The file itself is nobody's value.
        let is_file = span.start == 0 && span.end >= self.text.trim_end().len();
        let inner = || self.places.iter().rfind(holds).filter(|_| !is_file);
        self.places.iter().rfind(is_it).or_else(inner).map(|place| place.key.as_str())
    }
}

fn of_table(table: &DeTable<'_>, outer: &str, places: &mut Vec<Place>) {
    for (name, value) in table {
        let key = inner(outer, name.get_ref());
        places.push(Place { key: key.clone(), name: name.span(), value: value.span() });
        of_value(value.get_ref(), &key, places);
    }
}

fn of_value(value: &DeValue<'_>, key: &str, places: &mut Vec<Place>) {
    match value {
        DeValue::Table(table) => of_table(table, key, places),
        DeValue::Array(array) => {
            for (index, value) in array.iter().enumerate() {
                let key = format!("{key}[{index}]");
                places.push(Place { key: key.clone(), name: value.span(), value: value.span() });
                of_value(value.get_ref(), &key, places);
            }
        }
        _ => {}
    }
}

fn inner(outer: &str, name: &str) -> String {
    if outer.is_empty() { name.to_owned() } else { format!("{outer}.{name}") }
}

/// The key in this module's words.
pub(super) fn key_of(path: &Path<'_>) -> String {
    match path {
        Path::Root => String::new(),
        Path::Map { parent, key } => inner(&key_of(parent), key),
        Path::Seq { parent, index } => format!("{}[{index}]", key_of(parent)),
        Path::Some { parent } | Path::NewtypeStruct { parent } | Path::NewtypeVariant { parent } => {
            key_of(parent)
        }
    }
}

/// The first is 1.
pub(super) fn line_of(text: &str, at: usize) -> usize {
    1 + text.as_bytes().iter().take(at).filter(|&&octet| octet == b'\n').count()
}
