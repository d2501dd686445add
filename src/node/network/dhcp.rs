//! A DHCP client that wants two things: an address, and where the site is (RFC 2131; option 43 by RFC 2132,
//! section 8.4, under our own vendor class).

use super::interfaces::Wired;
use super::link_address::link_address;
use super::packet;
use dhcproto::v4::{DhcpOption, Flags, Message, MessageType, OptionCode};
use dhcproto::{Decodable, Decoder, Encodable, Encoder};
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
use understudy_core::protocol::{SITE_SUBOPTION, VENDOR_CLASS};

/// Of an Ethernet frame.
const PACKET_BYTES_MAX: usize = 1500;
/// ETH_P_IP.
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
        bind(socket.as_raw_fd(), &link_address(interface.index, IPV4, [0; 6])).map_err(DhcpError::Socket)?;
        let broadcast = link_address(interface.index, IPV4, [0xff; 6]);
        Ok(Self { socket, broadcast, interface: interface.clone(), transaction: u32::from_be_bytes(random) })
    }

    /// Asks until a server gives a lease, `patience` for the first try and twice as long for every other. Of
    /// several servers, one that knows the site is taken.
    pub fn lease(&mut self, patience: Duration, tries: u32) -> Result<Lease, DhcpError> {
        for number in 0..tries {
            let patience = patience * (1 << number);
            self.send(&self.message(MessageType::Discover))?;
            let Some(offer) = self.best_answer(MessageType::Offer, patience) else { continue };
            let mut request = self.message(MessageType::Request);
            request.opts_mut().insert(DhcpOption::RequestedIpAddress(offer.address));
            request.opts_mut().insert(DhcpOption::ServerIdentifier(offer.server));
            self.send(&request)?;
            if let Some(lease) = self.best_answer(MessageType::Ack, patience) {
                // A proxy beside another server tells the site only in its offer.
                return Ok(Lease { site_url: lease.site_url.or(offer.site_url), ..lease });
            }
        }
        Err(DhcpError::NoAnswer)
    }

    fn message(&self, kind: MessageType) -> Message {
        let nobody = Ipv4Addr::UNSPECIFIED;
        let mac = self.interface.mac.bytes();
        let mut message = Message::new_with_id(self.transaction, nobody, nobody, nobody, nobody, &mac);
        // Without an address only a broadcast reaches us (RFC 2131, section 4.1).
        message.set_flags(Flags::default().set_broadcast());
        let options = message.opts_mut();
        options.insert(DhcpOption::MessageType(kind));
        options.insert(DhcpOption::ClassIdentifier(VENDOR_CLASS.into()));
        options.insert(DhcpOption::MaxMessageSize(PACKET_BYTES_MAX as u16));
        options.insert(DhcpOption::ParameterRequestList(vec![
            OptionCode::SubnetMask,
            OptionCode::Router,
            OptionCode::VendorExtensions,
        ]));
        message
    }

    fn send(&self, message: &Message) -> Result<(), DhcpError> {
        let mut bytes = Vec::new();
        message.encode(&mut Encoder::new(&mut bytes)).expect("our own message has no text that is too long");
        let packet = packet::to_servers(&bytes);
        sendto(self.socket.as_raw_fd(), &packet, &self.broadcast, MsgFlags::empty())
            .map(drop)
            .map_err(DhcpError::Send)
    }

    /// Until an answer with a site comes, or the time is over; then the first answer with an address.
    fn best_answer(&self, kind: MessageType, patience: Duration) -> Option<Lease> {
        let deadline = Instant::now() + patience;
        let (mut address, mut site) = (None::<Lease>, None);
        while let Some(left) = deadline.checked_duration_since(Instant::now()).filter(|left| !left.is_zero())
        {
            let Some(answer) = self.receive(left).and_then(|message| self.read(&message, kind)) else {
                continue;
            };
            site = site.or(answer.site_url.clone());
            let is_better =
                address.as_ref().is_none_or(|kept| kept.site_url.is_none() && answer.site_url.is_some());
            if is_better && !answer.address.is_unspecified() {
                address = Some(answer);
            }
            if address.is_some() && (site.is_some() || kind == MessageType::Ack) {
                break;
            }
        }
        address.map(|lease| Lease { site_url: lease.site_url.or(site), ..lease })
    }

    fn receive(&self, left: Duration) -> Option<Message> {
        let limit = TimeVal::new(left.as_secs() as i64, i64::from(left.subsec_micros().max(1)));
        setsockopt(&self.socket, sockopt::ReceiveTimeout, &limit).ok()?;
        let mut buffer = [0; PACKET_BYTES_MAX];
        let count = recv(self.socket.as_raw_fd(), &mut buffer, MsgFlags::empty()).ok()?;
        Message::decode(&mut Decoder::new(packet::from_server(&buffer[..count])?)).ok()
    }

    /// An answer to this very question.
    fn read(&self, message: &Message, kind: MessageType) -> Option<Lease> {
        let is_ours = message.xid() == self.transaction && message.chaddr() == self.interface.mac.bytes();
        if !is_ours || message.opts().msg_type() != Some(kind) {
            return None;
        }
        read_lease(message)
    }
}

fn read_lease(message: &Message) -> Option<Lease> {
    let option = |code| message.opts().get(code);
    let Some(DhcpOption::ServerIdentifier(server)) = option(OptionCode::ServerIdentifier) else {
        return None;
    };
    let netmask = match option(OptionCode::SubnetMask) {
        Some(DhcpOption::SubnetMask(mask)) => *mask,
        _ => Ipv4Addr::new(255, 255, 255, 0),
    };
    let gateway = match option(OptionCode::Router) {
        Some(DhcpOption::Router(gateways)) => gateways.first().copied(),
        _ => None,
    };
    let site_url = match option(OptionCode::VendorExtensions) {
        Some(DhcpOption::VendorExtensions(bytes)) => site_in(bytes),
        _ => None,
    };
    Some(Lease { address: message.yiaddr(), netmask, gateway, server: *server, site_url })
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
