//! The servers that boot machines, with the site behind them: leases in the ledger, wishes from the registry,
//! files from the shelf. On the addresses of `site.toml`'s networks, and where a network says `dhcp = "off"`
//! there is only HTTP.

mod cards;
mod directory;
mod leases;
mod report;

use crate::definition::{Dhcp, Network, SiteDefinition};
use crate::operator_api::MoreMetrics;
use crate::registry::{Registry, Wishes};
use crate::shelf::Shelf;
use directory::Directory;
use leases::LedgerLeases;
use report::{Counters, Reports};
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinError;
use tokio_util::sync::CancellationToken;
use understudy_core::base::fs::{self, FsError};
use understudy_ledger::Ledger;
use understudy_netboot::dhcp::{self, Interface, Mode, Own, Reservation};
use understudy_netboot::{advertise, http, tftp};

/// The Debian package with the loaders.
pub const LOADERS_PACKAGE: &str = "ipxe";
const LOADERS_FOLDER: &str = "/usr/lib/ipxe";
/// What DHCP tells BIOS and UEFI firmware to fetch by TFTP.
const LOADERS: [&str; 2] = ["undionly.kpxe", "snponly.efi"];
/// RFC 1350, section 4.
const TFTP_PORT: u16 = 69;
/// Events of DHCP that nobody has looked at yet; more are counted and lost.
const EVENTS_MAX: usize = 1024;

/// Why machines cannot be booted.
#[derive(Debug, thiserror::Error)]
pub enum NetbootError {
    #[error("there is no loader for firmware that boots by PXE")]
    Loader(#[source] FsError),
    #[error("cannot serve DHCP")]
    Dhcp(#[from] dhcp::BuildError),
    #[error("cannot advertise over IPv6")]
    Advertise(#[from] advertise::AdvertiseError),
    #[error(transparent)]
    Tftp(#[from] tftp::TftpError),
    #[error(transparent)]
    Http(#[from] http::HttpError),
    #[error("reading DHCP leases broke")]
    Broken(#[source] JoinError),
}

/// The servers, with their sockets open.
pub struct Netboot {
    dhcp: dhcp::Server,
    advertise: advertise::Server,
    tftp: tftp::Server,
    http: http::Server,
    events: mpsc::Receiver<dhcp::Event>,
    counters: Arc<Counters>,
    /// Changes when the shelf has been looked at.
    looked: watch::Receiver<Arc<Shelf>>,
}

/// What `site.toml` says, in the words of the DHCP server.
pub fn dhcp_config(definition: &SiteDefinition) -> dhcp::Config {
    // A network without DHCP may be one that DHCP could not serve, such as loopback.
    let served = definition.networks.iter().filter(|net| net.dhcp != Dhcp::Off);
    dhcp::Config {
        interfaces: served.map(interface).collect(),
        relayed: Vec::new(),
        http_port: definition.http_port,
        node_api_port: definition.node_api_port,
    }
}

fn interface(network: &Network) -> Interface {
    let reservations = network.reservations.iter();
    let mode = match network.dhcp {
        Dhcp::Off => Mode::Off,
        Dhcp::Proxy => Mode::Proxy,
        Dhcp::Own { pool } => Mode::Own(Own {
            pool: dhcp::AddressRange { first: pool.first, last: pool.last },
            gateway: network.gateway,
            dns: network.dns.clone(),
            lease: network.lease,
            reservations: reservations.map(|(&mac, &address)| Reservation { mac, address }).collect(),
        }),
    };
    Interface {
        name: network.interface.to_string(),
        address: network.address.address,
        prefix_length: network.address.prefix_bits,
        mode,
        router_advertisements: network.router_advertisements,
    }
}

/// Opens every socket.
pub async fn build(
    definition: &SiteDefinition,
    ledger: Arc<dyn Ledger>,
    wishes: Wishes,
    shelf: watch::Receiver<Arc<Shelf>>,
) -> Result<Netboot, NetbootError> {
    let config = dhcp_config(definition);
    let counters = Arc::new(Counters::default());
    let (sender, events) = mpsc::channel(EVENTS_MAX);
    let store = Arc::new(LedgerLeases::new(ledger, tokio::runtime::Handle::current()));
    let (dhcp_config, dhcp_metrics) = (config.clone(), Arc::clone(&counters.dhcp));
    // It reads leases at once, and a store of leases may block.
    let dhcp = tokio::task::spawn_blocking(move || dhcp::build(&dhcp_config, store, sender, dhcp_metrics));
    let dhcp = dhcp.await.map_err(NetbootError::Broken)??;

    let wanting = definition.networks.iter().filter(|network| network.router_advertisements);
    let interfaces = wanting.map(|network| network.interface.to_string()).collect();
    let advertise = advertise::build(&advertise::Config { interfaces }, Arc::clone(&counters.advertise))?;

    let firmware: Vec<SocketAddr> =
        config.interfaces.iter().map(|served| (served.address, TFTP_PORT).into()).collect();
    let files = if firmware.is_empty() { tftp::Files::new() } else { loaders()? };
    let tftp = tftp::build(tftp::Config { listen: firmware, files })?;

    let networks = definition.networks.iter();
    let listen = networks.map(|net| (net.address.address, definition.http_port).into()).collect();
    let looked = shelf.clone();
    let directory = Directory::new(wishes, shelf, definition.image.clone());
    let http = http::build(http::Config { listen, limits: http::Limits::default() }, Arc::new(directory))?;
    Ok(Netboot { dhcp, advertise, tftp, http, events, counters, looked })
}

fn loaders() -> Result<tftp::Files, NetbootError> {
    let load = |name: &str| {
        let content = fs::read(&Path::new(LOADERS_FOLDER).join(name)).map_err(NetbootError::Loader)?;
        Ok((name.to_owned(), content.into()))
    };
    LOADERS.into_iter().map(load).collect()
}

impl Netboot {
    /// Lines for Prometheus.
    pub fn metrics(&self) -> MoreMetrics {
        let (counters, http, tftp) = (Arc::clone(&self.counters), self.http.metrics(), self.tftp.metrics());
        Arc::new(move || counters.text(&http, &tftp))
    }

    /// Serves until cancelled, from the first look at the shelf on: a machine with an empty disk that asked
    /// before would be sent to that disk, and stay there. Firmware asks for its address again and again.
    pub async fn run(mut self, registry: Registry, token: CancellationToken) -> Result<(), NetbootError> {
        tokio::select! {
            () = token.cancelled() => return Ok(()),
            // Without a shelf's task there is nothing to wait for.
            looked = self.looked.changed() => drop(looked),
        }
        // A server that breaks ends the others. One without an address to serve ends at once, and that is fine.
        let guard = token.child_token();
        let reports = Reports::new(registry).run(self.events, guard.clone());
        let ended = |result: Result<(), NetbootError>| {
            if result.is_err() {
                guard.cancel();
            }
            result
        };
        let (tftp, http, (), (), ()) = tokio::join!(
            async { ended(self.tftp.run(guard.clone()).await.map_err(NetbootError::from)) },
            async { ended(self.http.run(guard.clone()).await.map_err(NetbootError::from)) },
            self.dhcp.run(guard.clone()),
            self.advertise.run(guard.clone()),
            reports,
        );
        tftp.and(http)
    }
}
