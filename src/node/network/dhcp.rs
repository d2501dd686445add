//! A DHCP client that wants two things: an address, and where the site is (RFC 2131; option 43 by RFC 2132,
//! section 8.4, under our own vendor class).

use super::interfaces::Wired;
use super::message::{Answer, Kind, Question, ROUTER, SERVER, SUBNET_MASK, VENDOR_INFORMATION, address};
use super::{link, packet};
use nix::errno::Errno;
use nix::sys::socket::{
    AddressFamily, LinkAddr, MsgFlags, SockFlag, SockType, bind, recv, sendto, setsockopt, socket, sockopt,
};
use nix::sys::time::TimeVal;
use std::io::Read;
use std::net::Ipv4Addr;
use std::os::fd::{AsRawFd, OwnedFd};
use std::path::Path;
use std::time::{Duration, Instant};
use understudy_core::base::fs;
use understudy_core::protocol::SITE_SUBOPTION;

/// Of an Ethernet frame.
const PACKET_BYTES_MAX: usize = 1500;
/// ETH_P_IP (kernel: include/uapi/linux/if_ether.h).
const IPV4: u16 = 0x0800;

/// What a server gave.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lease {
    pub address: Ipv4Addr,
    pub netmask: Ipv4Addr,
    pub gateway: Option<Ipv4Addr>,
    pub server: Ipv4Addr,
    pub site_url: Option<String>,
}

/// Why there is no lease.
#[derive(Debug, thiserror::Error)]
pub enum DhcpError {
    #[error("cannot open a packet socket ({0})")]
    Socket(Errno),
    #[error("cannot send ({0})")]
    Send(Errno),
    #[error("cannot draw a transaction id")]
    Random(#[source] std::io::Error),
    #[error("no DHCP server answered")]
    NoAnswer,
    #[error("the DHCP server at {server} knows no site; is `understudy serve` running in this network?")]
    NoSite { server: Ipv4Addr },
    #[error("cannot use the address that was given ({0})")]
    Use(Errno),
}

/// One interface's conversation with its servers.
pub struct Client {
    socket: OwnedFd,
    broadcast: LinkAddr,
    interface: Wired,
    transaction: u32,
}

impl Client {
    /// Opens a packet socket on the interface, which is up.
    pub fn open(interface: &Wired) -> Result<Self, DhcpError> {
        let mut random = [0; 4];
        let urandom = fs::open(Path::new("/dev/urandom")).map_err(std::io::Error::other);
        urandom.and_then(|mut file| file.read_exact(&mut random)).map_err(DhcpError::Random)?;
        let socket = socket(AddressFamily::Packet, SockType::Datagram, SockFlag::SOCK_CLOEXEC, None)
            .map_err(DhcpError::Socket)?;
        bind(socket.as_raw_fd(), &link::address(IPV4, interface.index, [0; 6])).map_err(DhcpError::Socket)?;
        let broadcast = link::address(IPV4, interface.index, [0xff; 6]);
        Ok(Self { socket, broadcast, interface: interface.clone(), transaction: u32::from_be_bytes(random) })
    }

    /// Asks until a server gives a lease, `patience` for the first try and twice as long for every other. Of
    /// several servers, one that knows the site is taken.
    pub fn lease(&mut self, patience: Duration, tries: u32) -> Result<Lease, DhcpError> {
        for number in 0..tries {
            let patience = patience * (1 << number);
            self.ask(None)?;
            let Some(offer) = self.best_answer(Kind::Offer, patience) else { continue };
            self.ask(Some((offer.address, offer.server)))?;
            if let Some(lease) = self.best_answer(Kind::Ack, patience) {
                // A proxy beside another server tells the site only in its offer.
                return Ok(Lease { site_url: lease.site_url.or(offer.site_url), ..lease });
            }
        }
        Err(DhcpError::NoAnswer)
    }

    fn ask(&self, offered: Option<(Ipv4Addr, Ipv4Addr)>) -> Result<(), DhcpError> {
        let Self { transaction, interface, .. } = self;
        let answer_bytes_max = PACKET_BYTES_MAX as u16;
        let question = Question { transaction: *transaction, mac: interface.mac, offered, answer_bytes_max };
        let packet = packet::to_servers(&question.write());
        sendto(self.socket.as_raw_fd(), &packet, &self.broadcast, MsgFlags::empty())
            .map(drop)
            .map_err(DhcpError::Send)
    }

    /// Until an answer with a site comes, or the time is over; then the first answer with an address.
    fn best_answer(&self, kind: Kind, patience: Duration) -> Option<Lease> {
        let deadline = Instant::now() + patience;
        let (mut address, mut site) = (None::<Lease>, None);
        while let Some(left) = deadline.checked_duration_since(Instant::now()).filter(|left| !left.is_zero())
        {
            let Some(answer) = self.receive(left).and_then(|answer| self.read(&answer, kind)) else {
                continue;
            };
            site = site.or(answer.site_url.clone());
            let is_better =
                address.as_ref().is_none_or(|kept| kept.site_url.is_none() && answer.site_url.is_some());
            if is_better && !answer.address.is_unspecified() {
                address = Some(answer);
            }
            if address.is_some() && (site.is_some() || kind == Kind::Ack) {
                break;
            }
        }
        address.map(|lease| Lease { site_url: lease.site_url.or(site), ..lease })
    }

    fn receive(&self, left: Duration) -> Option<Answer> {
        let limit = TimeVal::new(left.as_secs() as i64, i64::from(left.subsec_micros().max(1)));
        setsockopt(&self.socket, sockopt::ReceiveTimeout, &limit).ok()?;
        let mut buffer = [0; PACKET_BYTES_MAX];
        let count = recv(self.socket.as_raw_fd(), &mut buffer, MsgFlags::empty()).ok()?;
        Answer::read(packet::from_server(&buffer[..count])?)
    }

    /// An answer to this very question.
    fn read(&self, answer: &Answer, kind: Kind) -> Option<Lease> {
        let is_ours = answer.transaction == self.transaction && answer.mac == self.interface.mac;
        if is_ours && answer.kind == kind as u8 { read_lease(answer) } else { None }
    }
}

fn read_lease(answer: &Answer) -> Option<Lease> {
    Some(Lease {
        address: answer.address,
        netmask: answer.address_option(SUBNET_MASK).unwrap_or(Ipv4Addr::new(255, 255, 255, 0)),
        // The first of several is the best (RFC 2132, section 3.5).
        gateway: answer.option(ROUTER).and_then(|all| address(all.get(..4)?)),
        server: answer.address_option(SERVER)?,
        site_url: answer.option(VENDOR_INFORMATION).and_then(site_in),
    })
}

/// The sub-option with the node API's URL; nothing else has a meaning here.
fn site_in(mut options: &[u8]) -> Option<String> {
    while let [code, length, rest @ ..] = options {
        let value = rest.get(..usize::from(*length))?;
        if *code == SITE_SUBOPTION {
            return std::str::from_utf8(value)
                .ok()
                .filter(|url| url.starts_with("https://"))
                .map(str::to_owned);
        }
        options = &rest[usize::from(*length)..];
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{namespace, peers};
    use understudy_core::base::process::Process;

    /// Debian's dnsmasq, as a site's neighbour that knows the site by hand.
    #[test]
    fn dnsmasq_gives_an_address_and_the_site() {
        let dnsmasq = peers::unpacked("dnsmasq-base").join("usr/sbin/dnsmasq");
        namespace::inside("network::dhcp::tests::dnsmasq_gives_an_address_and_the_site", || {
            let (index, mac) = namespace::cable();
            namespace::run("mount", &["-t", "tmpfs", "tmpfs", "/run"]);
            namespace::run("ip", &["address", "add", "10.77.0.1/24", "dev", "swp1"]);
            for interface in ["card0", "swp1"] {
                namespace::run("ip", &["link", "set", interface, "up"]);
            }
            let _server = Process::new(&dnsmasq)
                .args([
                    "--keep-in-foreground",
                    "--conf-file=/dev/null",
                    "--port=0",
                    "--user=root",
                    "--pid-file=",
                ])
                .args(["--dhcp-leasefile=/run/leases", "--no-ping", "--interface=swp1"])
                .args(["--dhcp-range=10.77.0.100,10.77.0.199,255.255.255.0,1h"])
                .arg(format!("--dhcp-option=vendor:understudy-node,{SITE_SUBOPTION},https://10.77.0.1:8443"))
                .spawn()
                .unwrap();
            let card = Wired { name: "card0".to_owned(), index, mac };
            let lease = Client::open(&card).unwrap().lease(Duration::from_secs(2), 5).unwrap();
            let (own, server) = (u32::from(lease.address) & 0xff, Ipv4Addr::new(10, 77, 0, 1));
            assert!((100..200).contains(&own), "{lease:?}");
            assert_eq!((lease.server, lease.gateway), (server, Some(server)));
            assert_eq!(lease.netmask, Ipv4Addr::new(255, 255, 255, 0));
            assert_eq!(lease.site_url.as_deref(), Some("https://10.77.0.1:8443"));
        });
    }

    #[test]
    fn the_site_is_found_among_other_sub_options_and_nowhere_else() {
        let url = b"https://10.0.0.1:8443";
        let good = [&[7, 2, 0, 0, SITE_SUBOPTION, url.len() as u8][..], url].concat();
        assert_eq!(site_in(&good).as_deref(), Some("https://10.0.0.1:8443"));
        assert_eq!(site_in(&good[..good.len() - 1]), None, "cut short");
        assert_eq!(site_in(&[SITE_SUBOPTION, 6, b'h', b't', b't', b'p', b':', b'/']), None, "not HTTPS");
        assert_eq!(site_in(&[]), None);
        assert_eq!(site_in(&[5]), None);
    }
}
