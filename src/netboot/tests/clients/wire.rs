//! A hand-made client, for what no client in Debian sends: it speaks as firmware does, byte by byte.

use crate::rack::Host;
use nix::sys::socket::setsockopt;
use nix::sys::socket::sockopt::BindToDevice;
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::time::Duration;

/// How long a client listens for more answers.
const LISTEN: Duration = Duration::from_secs(2);
const OPTIONS_AT: usize = 240;

/// An answer as it came.
#[derive(Clone, Debug)]
pub struct Answer {
    pub source: SocketAddr,
    pub bytes: Vec<u8>,
}

/// A request with the broadcast flag set, as OVMF sends it.
pub fn request(mac: [u8; 6], client: Ipv4Addr, options: &[(u8, &[u8])]) -> Vec<u8> {
    let mut bytes = vec![0; OPTIONS_AT];
    bytes[..4].copy_from_slice(&[1, 1, 6, 0]);
    bytes[4..8].copy_from_slice(&[1, 2, 3, 4]);
    bytes[10] = 0x80;
    bytes[12..16].copy_from_slice(&client.octets());
    bytes[28..34].copy_from_slice(&mac);
    bytes[236..].copy_from_slice(&[99, 130, 83, 99]);
    for (code, value) in options {
        bytes.extend([*code, u8::try_from(value.len()).unwrap()]);
        bytes.extend_from_slice(value);
    }
    bytes.push(255);
    bytes
}

/// Sends from port 68 of a host and returns every answer.
pub fn ask(host: &Host, to: (Ipv4Addr, u16), request: &[u8]) -> Vec<Answer> {
    host.enter(|| {
        let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 68)).unwrap();
        setsockopt(&socket, BindToDevice, &"eth0".into()).unwrap();
        socket.set_broadcast(true).unwrap();
        socket.set_read_timeout(Some(LISTEN)).unwrap();
        socket.send_to(request, to).unwrap();
        let mut buffer = [0; 2048];
        let mut receive = || {
            let (length, source) = socket.recv_from(&mut buffer).ok()?;
            Some(Answer { source, bytes: buffer[..length].to_vec() })
        };
        std::iter::from_fn(&mut receive).collect()
    })
}

impl Answer {
    pub fn your_address(&self) -> Ipv4Addr {
        Ipv4Addr::new(self.bytes[16], self.bytes[17], self.bytes[18], self.bytes[19])
    }

    pub fn file(&self) -> String {
        let text = self.bytes[108..236].split(|byte| *byte == 0).next().unwrap();
        String::from_utf8(text.to_vec()).unwrap()
    }

    pub fn option(&self, wanted: u8) -> Option<&[u8]> {
        let mut rest = &self.bytes[OPTIONS_AT..];
        while let [code, length, tail @ ..] = rest {
            if *code == wanted {
                return tail.get(..(*length).into());
            }
            rest = &tail[usize::from(*length).min(tail.len())..];
        }
        None
    }
}
