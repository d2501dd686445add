//! Carries out what a [`Transfer`] says, over a socket of its own.

use super::metrics::{TftpMetrics, count};
use super::packet::{DATA_HEADER_BYTES, Packet, Request, write_data};
use super::seats::Seat;
use super::socket;
use super::terms::Terms;
use super::transfer::{Effect, End, Event, Transfer};
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::ops::Range;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};
use tokio::net::UdpSocket;
use tokio::time::timeout;
use tracing::{debug, info, warn};

/// Clients send acknowledgements and errors only.
const ANSWER_BYTES_MAX: usize = 512;

/// A loader is there within seconds; a client that goes on for this long only holds a seat.
pub const TRANSFER_TIME_MAX: Duration = Duration::from_secs(300);

/// One transfer, from its request to its end.
pub(super) async fn serve(
    asked: IpAddr,
    client: SocketAddr,
    request: Request,
    file: Arc<[u8]>,
    seat: Seat,
    metrics: Arc<TftpMetrics>,
) {
    let (socket, terms) = match open(asked, client, &request, &file) {
        Ok(opened) => opened,
        Err(error) => {
            warn!(%client, %error, "cannot open a socket for a TFTP transfer");
            return;
        }
    };
    count(&metrics.transfers_started, 1);
    metrics.transfers_open.fetch_add(1, Ordering::Relaxed);
    let options = Packet::OptionAcknowledgement(terms.acknowledged.clone()).to_bytes();
    let transfer = Transfer::new(terms, file.len() as u64, Instant::now());
    let mut carrier = Carrier { socket, transfer, file, options, packet: Vec::new(), seat, metrics };
    let stop = carrier.seat.stop.clone();
    let end = tokio::select! {
        biased;
        () = stop.cancelled() => None,
        end = timeout(TRANSFER_TIME_MAX, carrier.run()) => Some(end.unwrap_or(End::GaveUp)),
    };
    let metrics = &carrier.metrics;
    metrics.transfers_open.fetch_sub(1, Ordering::Relaxed);
    match end {
        Some(End::Complete) => {
            count(&metrics.transfers_complete, 1);
            info!(%client, file = request.file, "TFTP transfer complete");
        }
        Some(End::ClientEnded) => {
            count(&metrics.transfers_ended_by_client, 1);
            debug!(%client, file = request.file, "TFTP client wants no more");
        }
        Some(End::GaveUp) => {
            count(&metrics.transfers_given_up, 1);
            info!(%client, file = request.file, "TFTP client is gone");
        }
        None => debug!(%client, file = request.file, "TFTP transfer ended for another or with the server"),
    }
}

fn open(asked: IpAddr, client: SocketAddr, request: &Request, file: &[u8]) -> io::Result<(UdpSocket, Terms)> {
    let socket = socket::connect(asked, client)?;
    let room = socket::payload_bytes_max(&socket, client).saturating_sub(DATA_HEADER_BYTES);
    let block_bytes_max = u16::try_from(room).unwrap_or(u16::MAX);
    let terms = Terms::agree(&request.options, file.len() as u64, block_bytes_max);
    Ok((UdpSocket::from_std(socket)?, terms))
}

struct Carrier {
    socket: UdpSocket,
    transfer: Transfer,
    file: Arc<[u8]>,
    /// The packet with the answered options.
    options: Vec<u8>,
    /// Used for each data packet.
    packet: Vec<u8>,
    seat: Seat,
    metrics: Arc<TftpMetrics>,
}

impl Carrier {
    async fn run(&mut self) -> End {
        let mut effect = self.transfer.step(Instant::now(), Event::Start);
        let mut timer = pin!(tokio::time::sleep_until(self.transfer.deadline().into()));
        let mut answer = [0; ANSWER_BYTES_MAX];
        loop {
            let sent = match effect {
                None => Ok(()),
                Some(Effect::SendOptions) => self.send_options().await,
                Some(Effect::SendBlocks(blocks)) => self.send_blocks(blocks).await,
                Some(Effect::End(end)) => return end,
            };
            let event = match sent {
                Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => Event::ClientEnded,
                // Whatever else could not be sent is lost like any packet, and sent again.
                _ => {
                    // Most packets only move the deadline on. A timer that ends too early is a tick that does
                    // nothing, and costs less than one that is set for each packet.
                    let deadline = self.transfer.deadline().into();
                    if deadline < timer.deadline() || timer.is_elapsed() {
                        timer.as_mut().reset(deadline);
                    }
                    tokio::select! {
                        received = self.socket.recv(&mut answer) => event_of(received, &answer),
                        () = &mut timer => Event::Tick,
                    }
                }
            };
            effect = self.transfer.step(Instant::now(), event);
            if self.transfer.is_established() {
                self.seat.establish();
            }
        }
    }

    async fn send_options(&self) -> io::Result<()> {
        count(&self.metrics.packets_resent, u64::from(self.transfer.is_resending()));
        self.socket.send(&self.options).await.map(drop)
    }

    async fn send_blocks(&mut self, blocks: Range<u64>) -> io::Result<()> {
        if self.transfer.is_resending() {
            count(&self.metrics.packets_resent, blocks.end - blocks.start);
        }
        for block in blocks {
            let bytes = self.transfer.bytes_of(block);
            // The file is in memory, so its offsets are addresses.
            let body = &self.file[bytes.start as usize..bytes.end as usize];
            // On the wire numbers go from 65535 to 0 (and so does every client that reads such files).
            write_data(block as u16, body, &mut self.packet);
            self.socket.send(&self.packet).await?;
            count(&self.metrics.bytes_sent, body.len() as u64);
        }
        Ok(())
    }
}

/// What the client's host says.
fn event_of(received: io::Result<usize>, answer: &[u8]) -> Event {
    match received {
        Ok(bytes) => Event::of(&answer[..bytes]),
        Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => Event::ClientEnded,
        Err(_) => Event::Tick,
    }
}
