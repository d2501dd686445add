//! A store on this computer's disk, and on disks that fail.

mod behaviour;
mod full_disk;
mod histories;
mod mailboxes;
mod power;

use super::{Config, Store};
use crate::disk::simulated::SimulatedDisk;
use crate::flags::Flags;
use crate::message::{Delivery, DeliveryKey};
use crate::name::{AccountName, MailboxName};
use jiff::Timestamp;
use std::sync::Arc;
use tempfile::TempDir;

const MEMORY: &str = "/dev/shm";
const NOON: i64 = 1_700_000_000;

struct Lab {
    folder: TempDir,
    config: Config,
}

impl Lab {
    fn new() -> Self {
        Self::at(tempfile::tempdir().unwrap())
    }

    fn at(folder: TempDir) -> Self {
        let mut config = Config::new(folder.path());
        config.segment_octets_max = 2000;
        Self { folder, config }
    }

    /// The journal is on that disk. The index is in this computer's memory, where it has a place there: it is not what loses power, and its
    /// syncs are most of the time.
    fn on(disk: &SimulatedDisk) -> Self {
        let folder = tempfile::tempdir_in(MEMORY).or_else(|_| tempfile::tempdir());
        let mut lab = Self::at(folder.unwrap());
        lab.config.disk = Arc::new(disk.clone());
        lab
    }

    fn open(&self) -> Store {
        Store::open(&self.config).unwrap()
    }

    fn remove_index(&self) {
        std::fs::remove_dir_all(self.folder.path().join("index")).unwrap();
    }
}

fn account(name: &str) -> AccountName {
    AccountName::new(name).unwrap()
}

fn name(name: &str) -> MailboxName {
    MailboxName::new(name).unwrap()
}

/// To ann's INBOX.
fn mail(text: &str) -> Delivery {
    Delivery {
        account: account("ann"),
        mailbox: MailboxName::inbox(),
        content: text.to_owned().into(),
        received: Timestamp::from_second(NOON).unwrap(),
        flags: Flags::default(),
        key: None,
    }
}

fn key(number: u8) -> Option<DeliveryKey> {
    Some(DeliveryKey([number; 32]))
}

fn run<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
}
