//! The controller of a site: enrols nodes, decides what they get, keeps the image shelf and the events, and
//! answers operators; it starts the servers of `understudy_netboot` and tells them what machines boot.
//!
//! `definition` reads `site.toml`; `lifecycle` is the pure life of a node; `registry` keeps nodes in memory and
//! ledger; `shelf` verifies images; `node_api` and `operator_api` are the two doors, which share no route;
//! `authority` is the site's CA; `access` says who may do what; `events` is what happened.
//!
//! It never tells a node that nobody approved anything but to wait, never serves an image that it did not verify,
//! never listens anywhere but on the addresses that `site.toml` names. Entry points: [`build`], [`Site::run`].

pub mod access;
mod authority;
mod bundles;
mod connections;
pub mod definition;
pub mod events;
pub mod lifecycle;
mod metrics;
mod netboot;
mod node_api;
pub mod operator_api;
pub mod rack;
pub mod registry;
mod secrets;
pub mod shelf;
mod site;
pub mod state;
mod tls;
pub mod view;

pub use authority::AuthorityError;
pub use netboot::{LOADERS_PACKAGE, NetbootError};
pub use secrets::{KeyFileError, SecretsError};
pub use site::{Config, Listen, Site, SiteError, build};
pub use understudy_ledger::OpenError;
