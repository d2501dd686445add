//! The BMC's own address, asked over the kernel's IPMI device (kernel: include/uapi/linux/ipmi.h).
//!
//! It asks one question, Get LAN Configuration Parameters (IPMI v2.0, section 23.2), and changes nothing.

use nix::libc;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use std::fs::File;
use std::net::Ipv4Addr;
use std::os::fd::AsFd;
use std::path::Path;
use std::time::{Duration, Instant};
use understudy_core::base::fs;

const DEVICE: &str = "/dev/ipmi0";
/// Network functions and commands (IPMI v2.0, table 5-1 and appendix G).
const TRANSPORT: u8 = 0x0c;
const GET_LAN_CONFIGURATION: u8 = 0x02;
/// IP Address of table 23-4.
const IP_ADDRESS: u8 = 3;
/// Channels that may lead to a LAN (IPMI v2.0, table 6-1).
const CHANNELS: std::ops::RangeInclusive<u8> = 1..=11;
/// The BMC itself: address type, channel and the size that the kernel checks.
const SYSTEM_INTERFACE: i32 = 0x0c;
const BMC_CHANNEL: i16 = 0x0f;
/// Completion code, parameter revision, four bytes.
const ANSWER_BYTES: usize = 6;
const ANSWER_BYTES_MAX: usize = 64;
/// A BMC that is starting is slow; of one question, and of all.
const PATIENCE: Duration = Duration::from_secs(2);

#[repr(C)]
struct Address {
    kind: i32,
    channel: i16,
    lun: u8,
}

#[repr(C)]
struct Message {
    function: u8,
    command: u8,
    length: u16,
    data: *mut u8,
}

#[repr(C)]
struct Request {
    address: *mut Address,
    address_bytes: u32,
    number: libc::c_long,
    message: Message,
}

#[repr(C)]
struct Received {
    kind: i32,
    address: *mut Address,
    address_bytes: u32,
    number: libc::c_long,
    message: Message,
}

nix::ioctl_readwrite!(receive_truncated, b'i', 11, Received);
nix::ioctl_read!(send_command, b'i', 13, Request);

/// The first address that a LAN channel of the BMC has; `None` without a BMC, a driver or an address.
pub fn lan_address() -> Option<Ipv4Addr> {
    let device = fs::open_update(Path::new(DEVICE)).ok()?;
    let began = Instant::now();
    CHANNELS.take_while(|_| began.elapsed() < PATIENCE).find_map(|channel| address(&ask(&device, channel)?))
}

/// Set and block selectors are 0: this parameter has neither.
fn question(channel: u8) -> [u8; 4] {
    [channel, IP_ADDRESS, 0, 0]
}

/// The address in an answer, if one is set.
fn address(answer: &[u8]) -> Option<Ipv4Addr> {
    let [0, _revision, a, b, c, d] = *<&[u8; ANSWER_BYTES]>::try_from(answer).ok()? else { return None };
    Some(Ipv4Addr::new(a, b, c, d)).filter(|address| !address.is_unspecified() && !address.is_broadcast())
}

fn ask(device: &File, channel: u8) -> Option<Vec<u8>> {
    let mut question = question(channel);
    let number = channel.into();
    let mut bmc = Address { kind: SYSTEM_INTERFACE, channel: BMC_CHANNEL, lun: 0 };
    let message = Message {
        function: TRANSPORT,
        command: GET_LAN_CONFIGURATION,
        length: question.len() as u16,
        data: question.as_mut_ptr(),
    };
    let address_bytes = size_of::<Address>() as u32;
    let mut request = Request { address: &raw mut bmc, address_bytes, number, message };
    let descriptor = std::os::fd::AsRawFd::as_raw_fd(device);
    // SAFETY: the request points to an address and a message that live until the call returns.
    unsafe { send_command(descriptor, &raw mut request) }.ok()?;
    let mut waited = [PollFd::new(device.as_fd(), PollFlags::POLLIN)];
    let patience = PollTimeout::try_from(PATIENCE).expect("two seconds fit into an int of milliseconds");
    if poll(&mut waited, patience).ok()? == 0 {
        return None;
    }
    let mut data = [0; ANSWER_BYTES_MAX];
    let message = Message { function: 0, command: 0, length: data.len() as u16, data: data.as_mut_ptr() };
    let mut received = Received { kind: 0, address: &raw mut bmc, address_bytes, number: 0, message };
    // SAFETY: address and data are ours, their sizes are given, and they live until the call returns.
    unsafe { receive_truncated(descriptor, &raw mut received) }.ok()?;
    // A late answer to an earlier question is none to this one.
    let answer = data.get(..usize::from(received.message.length));
    answer.filter(|_| received.number == number).map(<[u8]>::to_vec)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_taken_from_a_whole_answer_that_went_well() {
        assert_eq!(address(&[0, 0x11, 10, 77, 0, 201]), Some(Ipv4Addr::new(10, 77, 0, 201)));
        for answer in [
            &[0xc1, 0x11, 10, 77, 0, 201][..],
            &[0x80],
            &[0, 0x11, 0, 0, 0, 0],
            &[0, 0x11, 255, 255, 255, 255],
            &[0, 0x11, 10, 77, 0],
            &[0, 0x11, 10, 77, 0, 201, 0],
            &[],
        ] {
            assert_eq!(address(answer), None, "{answer:x?}");
        }
    }

    /// The kernel checks these sizes (64-bit; it has a way for 32-bit programs of its own).
    #[test]
    fn structures_are_the_kernels() {
        assert_eq!((size_of::<Address>(), size_of::<Message>()), (8, 16));
        assert_eq!((size_of::<Request>(), size_of::<Received>()), (40, 48));
    }
}
