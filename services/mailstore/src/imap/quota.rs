//! GETQUOTA and GETQUOTAROOT (RFC 9208): an account has one root, whose name is empty.

use super::failure::Failure;
use super::mailboxes::name_of;
use super::session::{Answer, Done, Session};
use crate::error::StoreError;
use crate::name::AccountName;
use mail::imap::response::Quota;

const ROOT: &str = "";

impl Session {
    pub(super) fn quota(&mut self, account: &AccountName, root: &str) -> Answer {
        if root != ROOT {
            return Err(Failure::NoQuotaRoot);
        }
        self.tell_quota(account)?;
        Ok(Done::new("That is its quota"))
    }

    pub(super) fn quota_root(&mut self, account: &AccountName, mailbox: &str) -> Answer {
        let name = name_of(mailbox)?;
        self.parts.store.mailbox(account, &name).map_err(|error| match error {
            StoreError::NoMailbox { .. } => Failure::NoMailbox,
            error => Failure::Store(error),
        })?;
        self.wire.out.quota_root(name.as_str(), ROOT);
        self.tell_quota(account)?;
        Ok(Done::new("That is its quota"))
    }

    fn tell_quota(&mut self, account: &AccountName) -> Result<(), Failure> {
        let quota = self.parts.store.quota(account)?;
        let quota = Quota { used_octets: quota.used, limit_octets: quota.limit };
        self.wire.out.quota(ROOT, quota);
        Ok(())
    }
}
