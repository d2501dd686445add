//! What goes to standard output: one thing or a list of them, as text or JSON. Lists are written as they are read, however long they are.

use crate::failure::Failure;
use serde_json::{Map, Value};
use std::io::{self, Write};

/// How many things are read at once.
pub const PAGE: u32 = 500;

/// A thing: names and values, in order.
pub type Thing = Map<String, Value>;

#[derive(Debug)]
pub struct Output {
    is_json: bool,
    /// Of the list that is being written.
    written: usize,
}

impl Output {
    pub fn new(is_json: bool) -> Self {
        Self { is_json, written: 0 }
    }

    pub fn is_json(&self) -> bool {
        self.is_json
    }

    /// One thing.
    pub fn show(&mut self, thing: Thing) -> Result<(), Failure> {
        let mut out = io::stdout().lock();
        if self.is_json {
            writeln!(out, "{:#}", Value::Object(thing))?;
            return Ok(());
        }
        for (name, value) in &thing {
            writeln!(out, "{name}: {}", plain(value))?;
        }
        Ok(())
    }

    /// Something changed: JSON shows what it is now, text says what was done.
    pub fn changed(&mut self, what: &str, thing: Thing) -> Result<(), Failure> {
        if self.is_json {
            return self.show(thing);
        }
        // That nobody listens is no failure of what was done.
        let _ = writeln!(io::stderr(), "{what}");
        Ok(())
    }

    /// The next things of a list.
    pub fn list(&mut self, things: Vec<Thing>) -> Result<(), Failure> {
        let mut out = io::BufWriter::new(io::stdout().lock());
        for thing in things {
            let is_first = self.written == 0;
            if self.is_json {
                out.write_all(if is_first { b"[\n" } else { b",\n" })?;
                write!(out, "{}", Value::Object(thing))?;
            } else {
                if is_first {
                    let names: Vec<_> = thing.keys().map(String::as_str).collect();
                    writeln!(out, "{}", names.join("\t"))?;
                }
                let values: Vec<_> = thing.values().map(plain).collect();
                writeln!(out, "{}", values.join("\t"))?;
            }
            self.written += 1;
        }
        out.flush()?;
        Ok(())
    }

    /// The list is over.
    pub fn end_list(&mut self) -> Result<(), Failure> {
        if self.is_json {
            let end = if self.written == 0 { "[]" } else { "\n]" };
            writeln!(io::stdout(), "{end}")?;
        }
        self.written = 0;
        Ok(())
    }
}

/// A value without quotes.
fn plain(value: &Value) -> String {
    match value {
        Value::Null => "-".to_owned(),
        Value::Bool(true) => "yes".to_owned(),
        Value::Bool(false) => "no".to_owned(),
        Value::String(text) => text.clone(),
        Value::Array(values) if values.is_empty() => "-".to_owned(),
        Value::Array(values) => values.iter().map(plain).collect::<Vec<_>>().join(", "),
        other => other.to_string(),
    }
}

/// A thing with these names and values.
pub fn thing<const N: usize>(fields: [(&str, Value); N]) -> Thing {
    fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

/// A text, of whatever can be written.
pub fn text(value: impl std::fmt::Display) -> Value {
    Value::String(value.to_string())
}

/// A text, or nothing.
pub fn maybe(value: Option<impl std::fmt::Display>) -> Value {
    value.map_or(Value::Null, text)
}

/// Texts.
pub fn texts<T: std::fmt::Display>(values: &[T]) -> Value {
    values.iter().map(text).collect()
}
