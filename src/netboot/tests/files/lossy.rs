//! A network between a TFTP client and its server that loses and doubles datagrams.

use std::collections::HashMap;
use std::net::{SocketAddr, UdpSocket};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// How many copies of the datagram with this number arrive.
type Copies = fn(u64) -> usize;

/// A port that stands for the server's.
pub struct Lossy {
    pub address: SocketAddr,
    stop: Arc<AtomicBool>,
}

struct Wire {
    server: SocketAddr,
    copies: Copies,
    passed: AtomicU64,
    stop: Arc<AtomicBool>,
}

/// Both sides of one transfer: clients know only our port, and the server only ours.
struct Path {
    to_client: UdpSocket,
    to_server: UdpSocket,
    client: SocketAddr,
    /// The server's own port for the transfer, once it has answered.
    server: Mutex<SocketAddr>,
}

fn socket() -> UdpSocket {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    socket.set_read_timeout(Some(Duration::from_millis(200))).unwrap();
    socket
}

impl Lossy {
    pub fn start(server: SocketAddr, copies: Copies) -> Self {
        let (front, stop) = (socket(), Arc::new(AtomicBool::new(false)));
        let address = front.local_addr().unwrap();
        let wire = Arc::new(Wire { server, copies, passed: AtomicU64::new(0), stop: stop.clone() });
        std::thread::spawn(move || wire.take_requests(&front));
        Self { address, stop }
    }
}

impl Drop for Lossy {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
    }
}

impl Wire {
    fn take_requests(self: Arc<Self>, front: &UdpSocket) {
        let mut paths: HashMap<SocketAddr, Arc<Path>> = HashMap::new();
        self.each(front, |datagram, client| {
            let path = paths.entry(client).or_insert_with(|| {
                let path = Path {
                    to_client: socket(),
                    to_server: socket(),
                    client,
                    server: Mutex::new(self.server),
                };
                let path = Arc::new(path);
                self.carry(&path);
                path
            });
            self.pass(&path.to_server, datagram, self.server);
        });
    }

    fn carry(self: &Arc<Self>, path: &Arc<Path>) {
        let (wire, way) = (self.clone(), path.clone());
        std::thread::spawn(move || {
            wire.each(&way.to_server, |datagram, from| {
                *way.server.lock().unwrap() = from;
                wire.pass(&way.to_client, datagram, way.client);
            });
        });
        let (wire, way) = (self.clone(), path.clone());
        std::thread::spawn(move || {
            wire.each(&way.to_client, |datagram, _| {
                let server = *way.server.lock().unwrap();
                wire.pass(&way.to_server, datagram, server);
            });
        });
    }

    fn each(&self, socket: &UdpSocket, mut take: impl FnMut(&[u8], SocketAddr)) {
        let mut buffer = [0; 65_536];
        while !self.stop.load(Ordering::Relaxed) {
            // Nothing for a while, or a client that has gone.
            let Ok((bytes, from)) = socket.recv_from(&mut buffer) else { continue };
            take(&buffer[..bytes], from);
        }
    }

    fn pass(&self, socket: &UdpSocket, datagram: &[u8], to: SocketAddr) {
        let number = self.passed.fetch_add(1, Ordering::Relaxed);
        for _ in 0..(self.copies)(number) {
            // A receiver that has gone loses it, too.
            let _ = socket.send_to(datagram, to);
        }
    }
}
