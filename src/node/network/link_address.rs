//! Where a packet socket sends to (packet(7)).

use nix::libc;
use nix::sys::socket::{LinkAddr, SockaddrLike, SockaddrStorage};

/// `mac` on the interface with this index; `protocol` is an EtherType.
pub fn link_address(interface: i32, protocol: u16, mac: [u8; 6]) -> LinkAddr {
    let mut address = [0; 8];
    address[..6].copy_from_slice(&mac);
    let raw = libc::sockaddr_ll {
        sll_family: libc::AF_PACKET as u16,
        sll_protocol: protocol.to_be(),
        sll_ifindex: interface,
        sll_hatype: 0,
        sll_pkttype: 0,
        sll_halen: 6,
        sll_addr: address,
    };
    let length = size_of_val(&raw) as u32;
    // SAFETY: `raw` is a whole `sockaddr_ll`, and its length is given.
    let storage = unsafe { SockaddrStorage::from_raw((&raw const raw).cast(), Some(length)) };
    *storage.as_ref().and_then(SockaddrStorage::as_link_addr).expect("its family is AF_PACKET")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_address_is_the_kernels() {
        let address = link_address(3, 0x0800, [0xff; 6]);
        assert_eq!((address.ifindex(), address.addr()), (3, Some([0xff; 6])));
        assert_eq!(address.protocol(), 0x0800_u16.to_be());
    }
}
