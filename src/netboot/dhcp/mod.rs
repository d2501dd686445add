//! DHCP for machines that boot from the network: addresses of our own, or beside another server.
//!
//! Entry points: [`build`] opens the ports of the interfaces that a [`Config`] names, [`Server::run`] serves them
//! until it is cancelled; [`Engine`] holds every decision and can be driven without a network.
//!
//! What to boot follows from firmware alone. A machine is known by its Ethernet address here, which says where an
//! answer goes and never who a node is. No address is promised before its lease is saved.

mod boot;
mod client;
mod config;
mod engine;
mod event;
mod exchange;
mod firmware;
mod frame;
mod lease;
mod message;
mod metrics;
mod network;
mod options;
mod outlet;
mod pool;
mod promised;
mod reply;
mod request;
mod saving;
mod server;
mod sockets;

pub use client::{Client, ClientError};
pub use config::{
    Checked, Config, ConfigError, DNS_SERVERS_MAX, Interface, LEASE_MAX, LEASE_MIN, Mode, Own,
    POOL_ADDRESSES_MAX, Relayed, Reservation,
};
pub use engine::Engine;
pub use event::{DropReason, Event, EventKind};
pub use exchange::{CLIENT_PORT, Destination, Effects, PROXY_PORT, Port, Received, Reply, SERVER_PORT};
pub use firmware::Firmware;
pub use lease::{Lease, LeaseState, LeaseStore, LeaseStoreError, MemoryLeases, SAVE_LEASES_MAX};
pub use metrics::DhcpMetrics;
pub use network::{AddressRange, AddressRangeError, Network};
pub use pool::Refusal;
pub use server::{BuildError, Server, build};
pub use sockets::SocketError;
