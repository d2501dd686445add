//! One file for each word of the command line.

pub mod account;
pub mod alias;
pub mod domain;
pub mod mailbox;
pub mod pair;
pub mod resolve;
pub mod schema;

use crate::failure::Failure;
use crate::output::{Output, PAGE, Thing, text, thing};
use mail::directory::changes::Page;
use mail::directory::{DirectoryError, Kind};

/// What there is not.
fn missing(kind: Kind, name: impl std::fmt::Display) -> Failure {
    DirectoryError::NoSuch { kind, name: name.to_string() }.into()
}

/// Says that something is gone.
fn removed(output: &mut Output, kind: Kind, name: impl std::fmt::Display) -> Result<(), Failure> {
    output.changed(&format!("removed {kind} {name}"), thing([("removed", text(name))]))
}

/// Lists page after page. `read` gives things, and the name of the last one.
async fn list(
    output: &mut Output,
    mut read: impl AsyncFnMut(Page) -> Result<Vec<(String, Thing)>, Failure>,
) -> Result<(), Failure> {
    let mut page = Page { after: String::new(), entries_max: PAGE };
    loop {
        let things = read(page.clone()).await?;
        let is_last = things.len() < PAGE as usize;
        if let Some((name, _)) = things.last() {
            page.after = name.clone();
        }
        output.list(things.into_iter().map(|(_, thing)| thing).collect())?;
        if is_last {
            return output.end_list();
        }
    }
}
