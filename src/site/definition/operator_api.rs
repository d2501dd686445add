//! `[operator_api]`: where operators are answered over TLS.

use super::network::Network;
use super::raw::RawOperatorApi;
use super::value::HostName;
use std::net::SocketAddr;
use std::ops::Range;

/// Where the operator API listens, besides its socket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OperatorListen {
    pub address: SocketAddr,
    /// Names, besides the address, by which operators call it.
    pub names: Vec<HostName>,
}

/// Nodes are answered there already.
pub struct Taken {
    pub span: Range<usize>,
    pub address: SocketAddr,
}

pub fn validate(
    raw: RawOperatorApi,
    networks: &[Network],
    node_ports: [u16; 2],
) -> Result<OperatorListen, Taken> {
    let (span, address) = (raw.listen.span(), raw.listen.get_ref().0);
    let is_ours = networks.iter().any(|network| network.address.address == address.ip());
    if is_ours && node_ports.contains(&address.port()) {
        return Err(Taken { span, address });
    }
    Ok(OperatorListen { address, names: raw.names })
}
