//! The resolvers that the file names. The system's own are not asked, and `/etc/hosts` is not read: what is said of other people's mail does not
//! hang on this machine.
//!
//! Answers are kept for as long as they say, in bounded memory. Entry point: [`Dns::new`].

use crate::settings;
use mail_auth::hickory_resolver::config::{NameServerConfig, ResolveHosts, ResolverConfig, ResolverOpts};
use mail_auth::{DnsError, Error, MessageAuthenticator};
use std::net::{Ipv4Addr, SocketAddr};
use tracing::debug;

/// Answers that are kept.
const ANSWERS_MAX: u64 = 20_000;
/// Of one question to one server; the first try may be lost on its way.
const TRIES: usize = 2;

/// Nothing can be asked.
#[derive(Debug, thiserror::Error)]
#[error("the resolvers cannot be used: {0}")]
pub struct ResolverError(String);

/// Nobody answered, or with a failure.
#[derive(Debug, thiserror::Error)]
#[error("no answer from DNS")]
pub struct NoAnswer(#[source] pub Error);

/// Cheap to clone.
#[derive(Clone)]
pub struct Dns(MessageAuthenticator);

impl Dns {
    pub fn new(settings: &settings::Dns) -> Result<Self, ResolverError> {
        let servers = settings.servers.iter().copied().map(server).collect();
        let mut options = ResolverOpts::default();
        options.timeout = settings.timeout.0;
        options.attempts = TRIES;
        options.cache_size = ANSWERS_MAX;
        options.use_hosts_file = ResolveHosts::Never;
        options.ndots = 0;
        let config = ResolverConfig::from_parts(None, Vec::new(), servers);
        MessageAuthenticator::new(config, options).map(Self).map_err(|error| ResolverError(error.to_string()))
    }

    /// The IPv4 addresses of a name; none of a name that is not there.
    pub async fn addresses(&self, name: &str) -> Result<Vec<Ipv4Addr>, NoAnswer> {
        match self.0.ipv4_lookup_raw(name).await {
            Ok(answer) => Ok(answer.entry.iter().copied().collect()),
            Err(Error::Dns(DnsError::RecordNotFound(_))) => Ok(Vec::new()),
            Err(error) => {
                debug!(name, %error, "no answer from DNS");
                Err(NoAnswer(error))
            }
        }
    }

    /// For what is asked about mail.
    pub fn authenticator(&self) -> &MessageAuthenticator {
        &self.0
    }
}

/// By UDP, and by TCP where an answer is too large for it.
fn server(address: SocketAddr) -> NameServerConfig {
    let mut server = NameServerConfig::udp_and_tcp(address.ip());
    for connection in &mut server.connections {
        connection.port = address.port();
    }
    server
}
