//! The site's side: a packet socket on the far end of its veth pair.

use super::{FRAME_BYTES_MAX, Fabric, UPLINK};
use bytes::Bytes;
use nix::errno::Errno;
use nix::unistd::{read, write};
use std::io;
use std::os::fd::OwnedFd;
use std::sync::Arc;
use tokio::io::unix::AsyncFd;
use tokio::sync::mpsc;

/// Frames taken before others have their turn.
const TURN_FRAMES_MAX: usize = 64;

pub(super) struct Uplink {
    socket: AsyncFd<OwnedFd>,
}

impl Uplink {
    pub fn new(socket: OwnedFd) -> io::Result<Self> {
        // SAFETY: an OwnedFd is open and the same as long as it lives, and it lives in the AsyncFd.
        let socket = unsafe { AsyncFd::register(socket) };
        Ok(Self { socket: socket? })
    }
}

pub(super) async fn run(uplink: Uplink, fabric: Arc<Fabric>, queue: mpsc::Receiver<Bytes>) -> io::Result<()> {
    tokio::select! {
        ended = take(&uplink, &fabric) => ended,
        ended = give(&uplink, queue) => ended,
    }
}

async fn take(uplink: &Uplink, fabric: &Fabric) -> io::Result<()> {
    let mut buffer = vec![0; FRAME_BYTES_MAX];
    loop {
        let mut ready = uplink.socket.readable().await?;
        for _ in 0..TURN_FRAMES_MAX {
            match read(uplink.socket.get_ref(), &mut buffer) {
                Ok(count) => fabric.accept(UPLINK, Bytes::copy_from_slice(&buffer[..count])),
                Err(Errno::EAGAIN) => {
                    ready.clear_ready();
                    break;
                }
                Err(error) => return Err(error.into()),
            }
        }
        tokio::task::yield_now().await;
    }
}

async fn give(uplink: &Uplink, mut queue: mpsc::Receiver<Bytes>) -> io::Result<()> {
    while let Some(frame) = queue.recv().await {
        loop {
            let mut ready = uplink.socket.writable().await?;
            match write(uplink.socket.get_ref(), &frame) {
                Ok(_) => break,
                Err(Errno::EAGAIN) => ready.clear_ready(),
                // No room in the kernel, or larger than the wire takes: lost, as on a real one.
                Err(Errno::ENOBUFS | Errno::EMSGSIZE) => break,
                Err(error) => return Err(error.into()),
            }
        }
    }
    Ok(())
}
