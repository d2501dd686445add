//! A BMC by Redfish (DSP0266): is its machine on, is it the machine that we think it is, switch it off.
//!
//! "Accepted" proves nothing: a machine is off when its BMC, asked afterwards, says so and names that machine's UUID.
//! An order is given only after the UUID was read. Nothing is believed about size, time or form of an answer; no
//! redirect is followed, no link leaves the BMC. Entry points: [`Redfish::look`], [`Redfish::order`],
//! [`Redfish::off_by`].

mod address;
mod connection;
mod error;
mod resource;
mod tls;

pub use address::{BmcUrl, BmcUrlError};
pub use error::{RedfishError, Word};
pub use resource::{Power, Reset};
pub use tls::CertificateTrust;

use connection::Connection;
use hyper::Method;
use resource::{Collection, Link, Root, System};
use rustls::ClientConfig;
use serde_json::json;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::time::Instant;
use understudy_core::model::uuid::Uuid;

/// Where discovery starts (DSP0266, section 6.3).
const ROOT: &str = "/redfish/v1/";
/// Systems behind one BMC that are looked through for the one with our UUID: the blades of a chassis.
const SYSTEMS_MAX: usize = 32;

/// How a site logs in to its BMCs.
#[derive(Clone, PartialEq, Eq)]
pub struct Login {
    pub user: String,
    pub password: String,
}

impl fmt::Debug for Login {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Login").field("user", &self.user).finish_non_exhaustive()
    }
}

/// How long a BMC may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Patience {
    /// For a connection, TLS included.
    pub connect_max: Duration,
    /// For one answer, once it is connected.
    pub answer_max: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self { connect_max: Duration::from_secs(2), answer_max: Duration::from_secs(3) }
    }
}

/// One BMC and the machine that should be behind it.
pub struct Redfish {
    url: BmcUrl,
    login: Login,
    patience: Patience,
    tls: Option<Arc<ClientConfig>>,
    /// The machine's UUID as its own firmware says it (SMBIOS type 1).
    uuid: Option<String>,
    /// Where the machine was found; looked for again when it is not there any more.
    found: Mutex<Option<Link>>,
}

/// What a BMC says of its machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    pub power: Power,
    /// As it was given to [`Redfish::new`] if the BMC means the same machine, else as the BMC writes it.
    pub uuid: Option<String>,
}

impl Redfish {
    /// Nothing is sent yet. HTTPS needs a word on how the certificate is to be trusted.
    pub fn new(
        url: BmcUrl,
        trust: Option<CertificateTrust>,
        login: Login,
        patience: Patience,
        uuid: Option<String>,
    ) -> Result<Self, RedfishError> {
        let tls = if url.is_https() {
            let trust = trust.ok_or_else(|| RedfishError::NoTrust(url.clone()))?;
            Some(Arc::new(tls::client_config(trust).map_err(RedfishError::TlsSetup)?))
        } else {
            None
        };
        Ok(Self { url, login, patience, tls, uuid, found: Mutex::default() })
    }

    /// Where it is.
    pub fn url(&self) -> &BmcUrl {
        &self.url
    }

    /// Whether the machine is on, and which machine it is.
    pub async fn look(&self) -> Result<Seen, RedfishError> {
        let mut connection = Connection::new(self);
        let (_, system) = self.system(&mut connection).await?;
        Ok(self.seen(system))
    }

    /// Gives an order once the BMC has named our machine's UUID. Done means that the BMC took it, no more.
    pub async fn order(&self, reset: Reset) -> Result<(), RedfishError> {
        let mut connection = Connection::new(self);
        let (link, system) = self.system(&mut connection).await?;
        self.check_uuid(&system)?;
        let target = system.reset_target(&link);
        let kind = system.reset_type(reset).ok_or(RedfishError::NotOffered(reset))?;
        let body = json!({ "ResetType": kind });
        connection.request(Method::POST, target.path(), Some(&body)).await.map(drop)
    }

    /// Asks until our machine is off: the read-back that makes a fence. Ends with the last answer or error at the deadline.
    pub async fn off_by(&self, deadline: Instant, every: Duration) -> Result<Seen, RedfishError> {
        loop {
            let answer = tokio::time::timeout_at(deadline, self.look()).await;
            let answer = answer.unwrap_or_else(|_| Err(RedfishError::Late(self.url.clone())));
            let is_off = answer.as_ref().is_ok_and(|seen| seen.power == Power::Off);
            if is_off || Instant::now() + every >= deadline {
                let seen = answer?;
                self.check(seen.uuid.as_deref())?;
                return Ok(seen);
            }
            tokio::time::sleep(every).await;
        }
    }

    /// Whether what was seen is of our machine.
    pub fn is_ours(&self, seen: &Seen) -> bool {
        self.check(seen.uuid.as_deref()).is_ok()
    }

    fn seen(&self, system: System) -> Seen {
        let ours = self.uuid.as_ref().zip(system.uuid.as_ref());
        let ours = ours.filter(|(ours, said)| is_same_machine(ours, said)).map(|(ours, _)| ours.clone());
        Seen { power: system.power, uuid: ours.or(system.uuid) }
    }

    fn check_uuid(&self, system: &System) -> Result<(), RedfishError> {
        self.check(system.uuid.as_deref())
    }

    fn check(&self, said: Option<&str>) -> Result<(), RedfishError> {
        match (&self.uuid, said) {
            (Some(ours), Some(said)) if is_same_machine(ours, said) => Ok(()),
            (ours, said) => Err(RedfishError::OtherMachine {
                url: self.url.clone(),
                said: said.unwrap_or("none").to_owned(),
                expected: ours.clone().unwrap_or_else(|| "none".to_owned()),
            }),
        }
    }

    async fn system(&self, connection: &mut Connection<'_>) -> Result<(Link, System), RedfishError> {
        let known = self.found.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some(link) = known {
            match connection.get::<System>(link.path()).await {
                Err(RedfishError::Refused { status: 404, .. }) => {}
                answer => return answer.map(|system| (link, system)),
            }
        }
        let (link, system) = self.discover(connection).await?;
        *self.found.lock().unwrap_or_else(PoisonError::into_inner) = Some(link.clone());
        Ok((link, system))
    }

    /// The only system, or the one among several that has our UUID.
    async fn discover(&self, connection: &mut Connection<'_>) -> Result<(Link, System), RedfishError> {
        let root: Root = connection.get(ROOT).await?;
        let collection: Collection = connection.get(root.systems.path()).await?;
        let mut said = Vec::new();
        let is_only = collection.members.len() == 1;
        for link in collection.members.into_iter().take(SYSTEMS_MAX) {
            let system: System = connection.get(link.path()).await?;
            let is_ours = self.uuid.as_ref().zip(system.uuid.as_ref());
            if is_only || is_ours.is_some_and(|(ours, theirs)| is_same_machine(ours, theirs)) {
                return Ok((link, system));
            }
            said.extend(system.uuid);
        }
        self.check(Some(&said.join(", ")))
            .and_then(|()| Err(connection.garbage(root.systems.path(), "no system")))
    }
}

/// Whether both texts are UUIDs, and of one machine.
fn is_same_machine(ours: &str, said: &str) -> bool {
    let [ours, said] = [ours, said].map(|text| text.trim().parse::<Uuid>());
    ours.is_ok_and(|ours| said.is_ok_and(|said| ours.is_same_machine(said)))
}
