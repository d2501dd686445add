//! Why the daemon does not start.

use crate::error::StoreError;
use mail::directory::settings::OpenError;
use mail::login::proxy::ProxyError;
use mail::password::hash::HashError;
use mail::server::NoCertificate;
use mail::tls::TlsError;
use std::io;
use std::net::SocketAddr;
use thiserror::Error;

#[derive(Debug, Error)]
pub enum DaemonError {
    #[error("cannot open the store")]
    Store(#[source] StoreError),
    #[error("cannot make the folder for messages on their way")]
    Folder(#[source] io::Error),
    #[error("cannot open the directory; {hint}")]
    Directory {
        hint: &'static str,
        #[source]
        source: OpenError,
    },
    #[error("nobody can log in for others")]
    Proxy(#[from] ProxyError),
    #[error("no password can be compared")]
    Passwords(#[from] HashError),
    #[error("cannot begin TLS")]
    Tls(#[from] TlsError),
    #[error("cannot listen on {address}; see who has it with `ss -ltnp`")]
    Listen {
        address: SocketAddr,
        #[source]
        source: io::Error,
    },
    #[error("cannot serve {listener}")]
    Certificate {
        listener: &'static str,
        #[source]
        source: NoCertificate,
    },
    #[error("opening what the daemon needs broke")]
    Broken(#[source] tokio::task::JoinError),
}
