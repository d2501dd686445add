//! Verbs that show a list: a table or JSON, once or again whenever something of it changes.

use super::operator::{ListOptions, Operator};
use super::{Outcome, table, talk};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::io::{self, IsTerminal};
use std::process::ExitCode;
use std::time::Duration;

/// How often `--watch` looks.
const LOOK: Duration = Duration::from_secs(1);

/// What is listed, and how a line of it looks.
pub struct Listing<'a, T> {
    pub path: &'a str,
    pub header: &'a [&'a str],
    /// What to say of a list of nothing.
    pub empty: &'a str,
    pub row: fn(&T) -> Vec<String>,
    /// An element without what changes all the time: that is not news.
    pub news: fn(&T) -> T,
}

impl<T: DeserializeOwned + Serialize + PartialEq> Listing<'_, T> {
    /// Shows it.
    pub fn run(&self, options: &ListOptions) -> Outcome {
        let operator = Operator::find(&options.site)?;
        let mut shown = None;
        loop {
            let list: Vec<T> = operator.get(self.path)?;
            let news: Vec<T> = list.iter().map(self.news).collect();
            if shown.as_ref() != Some(&news) {
                self.show(&list, options);
                shown = Some(news);
            }
            if !options.watch {
                return Ok(ExitCode::SUCCESS);
            }
            std::thread::sleep(LOOK);
        }
    }

    fn show(&self, list: &[T], options: &ListOptions) {
        if options.json {
            return if options.watch { talk::json_line(&list) } else { talk::json(&list) };
        }
        if options.watch && io::stdout().is_terminal() {
            // ECMA-48: cursor home, erase the page.
            talk::data("\u{1b}[H\u{1b}[2J");
        }
        if list.is_empty() {
            return talk::talk(self.empty);
        }
        let rows: Vec<Vec<String>> = list.iter().map(self.row).collect();
        table::lines(self.header, &rows).iter().for_each(|line| talk::data(line));
    }
}

/// A cell of what may be missing.
pub fn or_dash(text: impl Into<String>) -> String {
    let text = text.into();
    if text.is_empty() { "-".to_owned() } else { text }
}
