//! One message, for one of its recipients.

use super::replies;
use super::trace::Trace;
use crate::delivery_key::{Handed, first_client};
use crate::error::StoreError;
use crate::flags::Flags;
use crate::message::{Delivery, DeliveryKey};
use crate::name::{AccountName, MailboxName};
use crate::store::Store;
use bytes::Bytes;
use jiff::Timestamp;
use mail::address::{Domain, ReversePath};
use mail::command::Rcpt;
use mail::engine::Envelope;
use mail::message_id::MessageId;
use mail::observe::Counter;
use mail::reply::{Refusal, Text};
use std::net::IpAddr;
use std::sync::Arc;
use tokio::sync::OwnedSemaphorePermit;
use tracing::{debug, error, info, warn};

/// What all deliveries of a message share.
pub struct Message {
    pub store: Store,
    pub host: Domain,
    pub own_names: Arc<[String]>,
    pub duplicates: Arc<Counter>,
    pub client: IpAddr,
    pub id: MessageId,
    pub envelope: Envelope,
    pub content: Bytes,
    pub _room: OwnedSemaphorePermit,
}

impl Message {
    /// It is durable when this says so.
    pub async fn deliver(self: Arc<Self>, rcpt: Rcpt, account: Option<AccountName>) -> Result<Text, Refusal> {
        let account = account.ok_or(replies::NO_SUCH_USER)?;
        let (message, name) = (Arc::clone(&self), account.clone());
        let prepared = tokio::task::spawn_blocking(move || message.prepare(&rcpt, name)).await;
        let delivery = prepared.map_err(|error| {
            error!(%error, mail = %self.id, "a delivery broke");
            replies::FAILED
        })?;
        let octets = delivery.content.len() as u64;
        match self.store.deliver(delivery).await {
            Ok(delivered) if delivered.is_duplicate => {
                self.duplicates.one_more();
                info!(mail = %self.id, %account, uid = %delivered.uid, "delivered before");
                Ok(replies::DELIVERED_BEFORE)
            }
            Ok(delivered) => {
                debug!(mail = %self.id, %account, uid = %delivered.uid, "delivered");
                Ok(replies::DELIVERED)
            }
            Err(error) => {
                self.note(&account, &error);
                Err(replies::refusal(&error, octets))
            }
        }
    }

    /// Reads all of the message: not for a thread that others wait for.
    fn prepare(&self, rcpt: &Rcpt, account: AccountName) -> Delivery {
        let received = Timestamp::now();
        let key = self.key(&account);
        let trace =
            Trace { host: &self.host, client: self.client, id: self.id, envelope: &self.envelope, received };
        let content = trace.stamp(rcpt, &account, &self.content);
        Delivery { account, mailbox: MailboxName::inbox(), content, received, flags: Flags::default(), key }
    }

    fn key(&self, account: &AccountName) -> Option<DeliveryKey> {
        let sender = match &self.envelope.mail.from {
            ReversePath::Null => String::new(),
            ReversePath::Mailbox(mailbox) => mailbox.to_string(),
        };
        let client = match first_client(&self.content, &self.own_names) {
            Some(address) => address.to_owned(),
            None => self.client.to_canonical().to_string(),
        };
        DeliveryKey::of(&Handed {
            message: &self.content,
            sender: &sender,
            recipient: account.as_str(),
            client: &client,
            own_names: &self.own_names,
        })
    }

    fn note(&self, account: &AccountName, error: &StoreError) {
        let mail = self.id;
        match error {
            StoreError::OverQuota { .. } => info!(%mail, %account, "over quota"),
            error => warn!(%mail, %account, error = error as &dyn std::error::Error, "not delivered"),
        }
    }
}
