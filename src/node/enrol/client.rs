//! Requests to the node API: JSON over TLS, this node known by its key, the site by its CA.

use super::kept::Site;
use super::key::NodeKey;
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::time::Duration;
use understudy_core::protocol::bundle::{Bundle, BundleRequest};
use understudy_core::protocol::heartbeat::{Beat, Heartbeat};
use understudy_core::protocol::instruction::Instruction;
use understudy_core::protocol::report::{Hello, Report};
use understudy_core::protocol::{BODY_BYTES_MAX, BUNDLE_PATH, ENROL_PATH, HEARTBEAT_PATH, REPORT_PATH};
use ureq::tls::{Certificate, ClientCert, PrivateKey, RootCerts, TlsConfig};

/// Of one request, from connecting to the last byte.
const PATIENCE: Duration = Duration::from_secs(10);

/// A request that did not end well.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    #[error("cannot reach the site at {url}")]
    Unreachable {
        url: String,
        #[source]
        source: Box<ureq::Error>,
    },
    #[error("the site answers {status}: {said}")]
    Refused { status: u16, said: String },
    #[error("the site's answer is not readable")]
    Answer(#[source] Box<ureq::Error>),
}

/// A connection that is kept between requests.
pub struct Client {
    agent: ureq::Agent,
    site_url: String,
}

impl Client {
    /// Trusts only certificates that `site_ca` (DER) signed.
    pub fn new(site_url: &str, site_ca: &[u8], key: &NodeKey) -> Self {
        Self::with_patience(&Site { url: site_url.to_owned(), ca: site_ca.to_owned() }, key, PATIENCE)
    }

    /// As [`Client::new`], where an answer is needed sooner or not at all.
    pub fn with_patience(site: &Site, key: &NodeKey, patience: Duration) -> Self {
        let ca = Certificate::from_der(&site.ca).to_owned();
        let own = Certificate::from_der(key.certificate()).to_owned();
        let private = PrivateKey::from_pem(key.to_pem().as_bytes()).expect("our own PEM is one");
        let provider = std::sync::Arc::new(rustls::crypto::ring::default_provider());
        let tls = TlsConfig::builder()
            .unversioned_rustls_crypto_provider(provider)
            .root_certs(RootCerts::from([ca]))
            .client_cert(Some(ClientCert::new_with_certs(&[own], private)))
            .build();
        let config = ureq::Agent::config_builder()
            .tls_config(tls)
            .timeout_global(Some(patience))
            .http_status_as_error(false)
            .proxy(None)
            .max_redirects(0)
            .build();
        Self { agent: config.into(), site_url: site.url.trim_end_matches('/').to_owned() }
    }

    /// The first word of a boot.
    pub fn enrol(&self, hello: &Hello) -> Result<Instruction, ClientError> {
        self.post(ENROL_PATH, hello)
    }

    /// How it goes.
    pub fn report(&self, report: &Report) -> Result<Instruction, ClientError> {
        self.post(REPORT_PATH, report)
    }

    /// That this node lives.
    pub fn heartbeat(&self, heartbeat: &Heartbeat) -> Result<Beat, ClientError> {
        self.post(HEARTBEAT_PATH, heartbeat)
    }

    /// What this node needs to act under an identity that it was ordered to hold.
    pub fn bundle(&self, request: &BundleRequest) -> Result<Bundle, ClientError> {
        self.post(BUNDLE_PATH, request)
    }

    fn post<T: DeserializeOwned>(&self, path: &str, body: &impl Serialize) -> Result<T, ClientError> {
        let url = format!("{}{path}", self.site_url);
        let sent = self.agent.post(&url).send_json(body);
        let mut answer = sent.map_err(|source| ClientError::Unreachable { url, source: Box::new(source) })?;
        let status = answer.status().as_u16();
        let body = answer.body_mut().with_config().limit(BODY_BYTES_MAX as u64);
        if status == 200 {
            return body.read_json().map_err(|error| ClientError::Answer(Box::new(error)));
        }
        let said = body.read_to_string().map_err(|error| ClientError::Answer(Box::new(error)))?;
        Err(ClientError::Refused { status, said })
    }
}
