//! LIST and LSUB (RFC 3501, sections 6.3.8 and 6.3.9; RFC 5258; RFC 5819; RFC 6154).

mod rows;

use super::session::{Answer, Done, Session};
use super::status;
use crate::mailbox::MailboxInfo;
use crate::name::{AccountName, DELIMITER, MailboxName};
use mail::imap::command::{List, StatusItem};
use mail::imap::response::{Attribute, ListRow, ListVerb};
use rows::{Row, Tree};

impl Session {
    pub(super) async fn list(&mut self, account: &AccountName, list: List) -> Answer {
        if !list.is_extended && list.patterns.iter().all(String::is_empty) {
            self.tell_delimiter(ListVerb::List);
            return Ok(Done::new("That is the delimiter"));
        }
        let status = list.returns.status.clone();
        let rows = self.rows(account, move |tree| tree.list(&list)).await?;
        if status.contains(&StatusItem::HighestModSeq) {
            self.begin_condstore();
        }
        for row in rows {
            self.tell_row(ListVerb::List, &row);
            if let Some(state) = row.state.filter(|_| !status.is_empty()) {
                self.wire.out.status(&row.name, &status::numbers(&state, &status));
            }
            self.wire.flush_much().await.map_err(super::failure::Failure::Ended)?;
        }
        Ok(Done::new("Those are all"))
    }

    pub(super) async fn lsub(&mut self, account: &AccountName, reference: &str, pattern: &str) -> Answer {
        if pattern.is_empty() {
            self.tell_delimiter(ListVerb::Lsub);
            return Ok(Done::new("That is the delimiter"));
        }
        let pattern = format!("{reference}{pattern}");
        for row in self.rows(account, move |tree| tree.lsub(&pattern)).await? {
            self.tell_row(ListVerb::Lsub, &row);
            self.wire.flush_much().await.map_err(super::failure::Failure::Ended)?;
        }
        Ok(Done::new("Those are all"))
    }

    /// Many patterns over many names take their time.
    async fn rows(
        &self,
        account: &AccountName,
        choose: impl FnOnce(&Tree) -> Vec<Row> + Send + 'static,
    ) -> Result<Vec<Row>, super::failure::Failure> {
        let (store, account) = (self.parts.store.clone(), account.clone());
        let read = move || {
            let mailboxes: Vec<MailboxInfo> = store.mailboxes(&account)?;
            let subscriptions: Vec<MailboxName> = store.subscriptions(&account)?;
            Ok(choose(&Tree::of(mailboxes, &subscriptions)))
        };
        self.parts.work(read).await
    }

    fn tell_delimiter(&mut self, verb: ListVerb) {
        let attributes = vec![Attribute::NoSelect];
        let row = ListRow { attributes, delimiter: Some(DELIMITER), name: "", child_info: None };
        self.wire.out.list(verb, &row);
    }

    fn tell_row(&mut self, verb: ListVerb, row: &Row) {
        let Row { name, attributes, child_info, .. } = row;
        let row = ListRow {
            attributes: attributes.clone(),
            delimiter: Some(DELIMITER),
            name,
            child_info: *child_info,
        };
        self.wire.out.list(verb, &row);
    }
}
