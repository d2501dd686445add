//! Tables are made, made again, and refused where they are not this program's.

use crate::{Book, on_both};
use mail::directory::DirectoryError;
use mail::directory::database::migrations::VERSION;
use mail::directory::database::{SchemaError, Statement};

on_both!(tables_are_made_once, a_newer_schema_is_left_alone, several_programs_upgrade_at_once);

fn schema_error(result: Result<(), DirectoryError>) -> Option<SchemaError> {
    match result {
        Ok(()) => None,
        Err(DirectoryError::Schema(error)) => Some(error),
        Err(other) => panic!("{other:?}"),
    }
}

async fn tables_are_made_once(book: Book) {
    assert_eq!(schema_error(book.records.check().await), Some(SchemaError::Missing));
    for _ in 0..2 {
        book.records.upgrade().await.unwrap();
        assert_eq!(schema_error(book.records.check().await), None);
    }
    // As if it had stopped before it said that it was done.
    let forget = Statement::any("DELETE FROM schema_versions", Vec::new());
    book.database.change(vec![forget]).await.unwrap();
    assert_eq!(schema_error(book.records.check().await), Some(SchemaError::Missing));
    book.records.upgrade().await.unwrap();
    assert_eq!(schema_error(book.records.check().await), None);
}

async fn a_newer_schema_is_left_alone(book: Book) {
    book.records.upgrade().await.unwrap();
    let sql = "INSERT INTO schema_versions (version, readable_by) VALUES (?, ?)";
    let newer =
        |version: i64, readable_by: i64| vec![Statement::one(sql, vec![version.into(), readable_by.into()])];
    book.database.change(newer(VERSION + 1, VERSION)).await.unwrap();
    assert_eq!(schema_error(book.records.check().await), None, "it says that this program understands it");
    book.database.change(newer(VERSION + 2, VERSION + 2)).await.unwrap();
    let too_new = Some(SchemaError::TooNew { readable_by: VERSION + 2 });
    assert_eq!(schema_error(book.records.check().await), too_new);
    assert_eq!(schema_error(book.records.upgrade().await), too_new);
}

async fn several_programs_upgrade_at_once(book: Book) {
    let upgrades: Vec<_> = (0..4)
        .map(|_| {
            let records = book.records.clone();
            tokio::spawn(async move { records.upgrade().await })
        })
        .collect();
    for upgrade in upgrades {
        upgrade.await.unwrap().unwrap();
    }
    assert_eq!(schema_error(book.records.check().await), None);
}
