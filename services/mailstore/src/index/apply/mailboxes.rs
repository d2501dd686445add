//! Accounts, mailboxes, subscriptions, quota.

use super::{ApplyError, one_row};
use crate::event::{AccountId, NewMailbox};
use crate::mailbox::MailboxId;
use crate::name::{AccountName, MailboxName};
use rusqlite::{Connection, OptionalExtension};

pub fn create_account(
    index: &Connection,
    account: AccountId,
    name: &AccountName,
    mailboxes: &[NewMailbox],
) -> Result<(), ApplyError> {
    index
        .prepare_cached("INSERT INTO accounts (id, name) VALUES (?1, ?2)")?
        .execute((account.0, name.as_str()))?;
    use_id(index, account.0)?;
    for mailbox in mailboxes {
        create(index, account, mailbox)?;
        subscribe(index, account, &mailbox.name, true)?;
    }
    Ok(())
}

pub fn create(index: &Connection, account: AccountId, mailbox: &NewMailbox) -> Result<(), ApplyError> {
    let validity = mailbox.uid_validity.get();
    let sql = "UPDATE accounts SET last_uid_validity = max(last_uid_validity, ?2) WHERE id = ?1";
    one_row(index, sql, (account.0, validity), || ApplyError::NoAccount(account))?;
    let sql =
        "INSERT INTO mailboxes (id, account, name, special_use, uid_validity) VALUES (?1, ?2, ?3, ?4, ?5)";
    let special_use = mailbox.special_use.map(|special_use| special_use.as_str());
    let row = (mailbox.id.0, account.0, mailbox.name.as_str(), special_use, validity);
    index.prepare_cached(sql)?.execute(row)?;
    use_id(index, mailbox.id.0)
}

pub fn delete(index: &Connection, mailbox: MailboxId) -> Result<(), ApplyError> {
    super::messages::release(index, mailbox, (1, u32::MAX))?;
    let sql = "DELETE FROM mailboxes WHERE id = ?1 RETURNING account, messages, octets";
    let row = index.prepare_cached(sql)?.query_row([mailbox.0], |row| {
        Ok((row.get::<_, u64>(0)?, row.get::<_, u64>(1)?, row.get::<_, u64>(2)?))
    });
    let (account, messages, octets) = row.optional()?.ok_or(ApplyError::NoMailbox(mailbox))?;
    let sql = "UPDATE accounts SET messages = messages - ?2, octets = octets - ?3 WHERE id = ?1";
    one_row(index, sql, (account, messages, octets), || ApplyError::NoAccount(AccountId(account)))?;
    index.prepare_cached("DELETE FROM messages WHERE mailbox = ?1")?.execute([mailbox.0])?;
    index.prepare_cached("DELETE FROM vanished WHERE mailbox = ?1")?.execute([mailbox.0])?;
    Ok(())
}

/// Names can change places: all of them leave before the first one gets its new one.
pub fn rename(index: &Connection, names: &[(MailboxId, MailboxName)]) -> Result<(), ApplyError> {
    for (mailbox, _) in names {
        // No name has a control character.
        let sql = "UPDATE mailboxes SET name = char(1) || id WHERE id = ?1";
        one_row(index, sql, [mailbox.0], || ApplyError::NoMailbox(*mailbox))?;
    }
    for (mailbox, name) in names {
        let sql = "UPDATE mailboxes SET name = ?2 WHERE id = ?1";
        one_row(index, sql, (mailbox.0, name.as_str()), || ApplyError::NoMailbox(*mailbox))?;
    }
    Ok(())
}

pub fn subscribe(
    index: &Connection,
    account: AccountId,
    name: &MailboxName,
    is_subscribed: bool,
) -> Result<(), ApplyError> {
    let sql = match is_subscribed {
        true => "INSERT OR IGNORE INTO subscriptions (account, name) VALUES (?1, ?2)",
        false => "DELETE FROM subscriptions WHERE account = ?1 AND name = ?2",
    };
    index.prepare_cached(sql)?.execute((account.0, name.as_str()))?;
    Ok(())
}

pub fn set_quota(index: &Connection, account: AccountId, limit: Option<u64>) -> Result<(), ApplyError> {
    let sql = "UPDATE accounts SET quota = ?2 WHERE id = ?1";
    one_row(index, sql, (account.0, limit), || ApplyError::NoAccount(account))
}

fn use_id(index: &Connection, id: u64) -> Result<(), ApplyError> {
    index.prepare_cached("UPDATE volume SET next_id = max(next_id, ?1 + 1)")?.execute([id])?;
    Ok(())
}
