//! The listeners of a daemon, and what they share.

use super::people::People;
use super::settings::{Readers, Settings, Tls};
use super::{DaemonError, Orders};
use crate::imap;
use crate::lmtp::{self, Inbound};
use crate::login::Accounts;
use crate::pop3;
use crate::store::Store;
use mail::content::Spool;
use mail::listen::{self, Host, Limits, Rate};
use mail::observe::Registry;
use mail::server::{Server, TlsStart};
use mail::tls::Certificates;
use std::net::SocketAddr;
use std::sync::Arc;
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tracing::info;

/// Of a listener behind a front end.
const SESSIONS_MAX: usize = 20_000;

/// Gone when the last listener is.
pub struct Listeners<'a> {
    pub settings: &'a Settings,
    pub orders: &'a Orders,
    pub store: Store,
    pub accounts: Arc<Accounts<People>>,
    pub certificates: Option<Certificates>,
    pub registry: &'a Registry,
    pub serving: JoinSet<()>,
}

impl Listeners<'_> {
    pub async fn lmtp(&mut self, spool: Arc<Spool>) -> Result<(), DaemonError> {
        let Settings { host, own_names, drain, lmtp, .. } = self.settings;
        let accounts = Arc::clone(&self.accounts);
        let inbound = Arc::new(Inbound::new(self.store.clone(), accounts, host.clone(), own_names));
        self.registry.add(inbound.numbers());
        let config = lmtp::config(host.clone(), &self.store, drain.0);
        let failed = |source| DaemonError::Certificate { listener: "lmtp", source };
        let server = Server::new(config, inbound, None, spool).map_err(failed)?;
        self.registry.add(server.numbers());
        for address in &lmtp.listen {
            let listener = bind("lmtp", *address).await?;
            let (server, drain) = (server.clone(), self.orders.drain.clone());
            self.serving.spawn(async move { server.serve(listener, drain).await });
        }
        Ok(())
    }

    pub async fn imap(&mut self) -> Result<(), DaemonError> {
        let Some(readers) = &self.settings.imap else { return Ok(()) };
        let (tls_start, passwords) = match readers.tls {
            Tls::StartTls => (TlsStart::AtCommand, imap::Passwords::UnderTls),
            Tls::AtOnce => (TlsStart::AtOnce, imap::Passwords::UnderTls),
            Tls::Off => (TlsStart::AtCommand, imap::Passwords::OfOurHosts),
        };
        let mut config = imap::Config::new("imap", tls_start, passwords);
        config.limits = self.limits(readers, config.limits);
        config.timeouts.drain = self.settings.drain.0;
        let (store, accounts) = (self.store.clone(), Arc::clone(&self.accounts));
        let server = imap::Server::new(config, store, accounts, self.certificates.clone());
        let server = server.map_err(|source| DaemonError::Certificate { listener: "imap", source })?;
        self.registry.add(server.numbers());
        self.serve(Arc::new(server), readers).await
    }

    pub async fn pop3(&mut self) -> Result<(), DaemonError> {
        let Some(readers) = &self.settings.pop3 else { return Ok(()) };
        let config = pop3::Config {
            security: match readers.tls {
                Tls::StartTls => pop3::Security::StartTls,
                Tls::AtOnce => pop3::Security::TlsAtOnce,
                Tls::Off => pop3::Security::Trusted,
            },
            limits: self.limits(readers, Limits::default()),
            timeouts: pop3::Timeouts { drain: self.settings.drain.0, ..pop3::Timeouts::default() },
        };
        let (store, accounts) = (self.store.clone(), Arc::clone(&self.accounts));
        let server = pop3::Server::new(config, store, accounts, self.certificates.clone());
        let server = server.map_err(|source| DaemonError::Certificate { listener: "pop3", source })?;
        self.registry.add(server.numbers());
        self.serve(Arc::new(server), readers).await
    }

    /// Behind a front end all clients come from few addresses: there is the place to count them.
    fn limits(&self, readers: &Readers, strangers: Limits) -> Limits {
        if readers.tls != Tls::Off && self.settings.proxy.is_none() {
            return strangers;
        }
        let connections_per_client = Rate { burst: 100_000, per_minute: 1_000_000 };
        Limits { sessions_max: SESSIONS_MAX, sessions_per_client_max: u32::MAX, connections_per_client }
    }

    async fn serve<H: Host>(&mut self, host: Arc<H>, readers: &Readers) -> Result<(), DaemonError> {
        for address in &readers.listen {
            let listener = bind(host.name(), *address).await?;
            let drain = self.orders.drain.clone();
            self.serving.spawn(listen::serve(Arc::clone(&host), listener, drain));
        }
        Ok(())
    }
}

pub async fn bind(listener: &'static str, address: SocketAddr) -> Result<TcpListener, DaemonError> {
    let failed = |source| DaemonError::Listen { address, source };
    let bound = TcpListener::bind(address).await.map_err(failed)?;
    let address = bound.local_addr().map_err(failed)?;
    info!(listener, %address, "listening");
    Ok(bound)
}
