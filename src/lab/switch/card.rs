//! A machine's network card: qemu's `-netdev stream`, each frame after its length (u32, big-endian).

use super::engine::Port;
use super::{BATCH_FRAMES_MAX, FRAME_BYTES_MAX, Fabric};
use bytes::Bytes;
use std::io;
use std::sync::Arc;
use tokio::io::{AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::unix::{ReadHalf, WriteHalf};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::mpsc;

const READ_BUFFER_BYTES: usize = 1 << 16;

/// One machine after another at the same socket: it is switched off and on.
pub(super) async fn run(
    listener: UnixListener,
    fabric: Arc<Fabric>,
    port: Port,
    mut queue: mpsc::Receiver<Bytes>,
) -> io::Result<()> {
    loop {
        let mut stream = accept(&listener, &mut queue).await?;
        fabric.announce(port);
        let (reader, writer) = stream.split();
        tokio::select! {
            // Either way the machine is gone, or talks nonsense; it may connect again.
            _ = read(reader, &fabric, port) => {}
            _ = write(writer, &mut queue) => {}
        }
    }
}

/// Until the machine connects, what is sent to it is lost.
async fn accept(listener: &UnixListener, queue: &mut mpsc::Receiver<Bytes>) -> io::Result<UnixStream> {
    loop {
        tokio::select! {
            accepted = listener.accept() => return Ok(accepted?.0),
            Some(_) = queue.recv() => {}
        }
    }
}

async fn read(reader: ReadHalf<'_>, fabric: &Fabric, port: Port) -> io::Result<()> {
    let mut reader = BufReader::with_capacity(READ_BUFFER_BYTES, reader);
    loop {
        let length = reader.read_u32().await? as usize;
        if length > FRAME_BYTES_MAX {
            return Err(io::ErrorKind::InvalidData.into());
        }
        let mut frame = vec![0; length];
        reader.read_exact(&mut frame).await?;
        fabric.accept(port, frame.into());
        // A machine that never stops sending must leave the others their turn.
        tokio::task::coop::consume_budget().await;
    }
}

async fn write(mut writer: WriteHalf<'_>, queue: &mut mpsc::Receiver<Bytes>) -> io::Result<()> {
    let mut frames = Vec::with_capacity(BATCH_FRAMES_MAX);
    let mut batch = Vec::new();
    while queue.recv_many(&mut frames, BATCH_FRAMES_MAX).await > 0 {
        for frame in frames.drain(..) {
            let length = u32::try_from(frame.len()).expect("frames are bounded far below 4 GiB");
            batch.extend_from_slice(&length.to_be_bytes());
            batch.extend_from_slice(&frame);
        }
        writer.write_all(&batch).await?;
        batch.clear();
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::{Config, Switch, card_socket};
    use super::*;
    use nix::sys::socket::{AddressFamily, SockFlag, SockType, socketpair};
    use tokio_util::sync::CancellationToken;
    use understudy_core::formats::lldp::{self, Heard};

    async fn send(stream: &mut UnixStream, frame: &[u8]) {
        // In two pieces: lengths and frames may arrive in any portions.
        let bytes = [&u32::try_from(frame.len()).unwrap().to_be_bytes(), frame].concat();
        stream.write_all(&bytes[..3]).await.unwrap();
        stream.write_all(&bytes[3..]).await.unwrap();
    }

    async fn receive(stream: &mut UnixStream) -> Vec<u8> {
        let mut frame = vec![0; stream.read_u32().await.unwrap() as usize];
        stream.read_exact(&mut frame).await.unwrap();
        frame
    }

    /// The port that the switch says this is.
    fn port(frame: &[u8]) -> String {
        match lldp::read(&frame[14..]) {
            Some(Heard::Neighbour(neighbour, _)) if neighbour.system == "lab-test" => neighbour.port,
            other => panic!("{other:?}"),
        }
    }

    #[tokio::test]
    async fn frames_pass_between_cards_and_the_site_and_a_card_may_come_back() {
        let folder = tempfile::tempdir().unwrap();
        let (uplink, site) = socketpair(
            AddressFamily::Unix,
            SockType::SeqPacket,
            None,
            SockFlag::SOCK_NONBLOCK | SockFlag::SOCK_CLOEXEC,
        )
        .unwrap();
        let cards = [1, 2].map(|number| card_socket(folder.path(), number)).to_vec();
        let config = Config { uplink, cards: cards.clone(), seed: 1, system: "lab-test".into() };
        let switch = Switch::build(config).unwrap();
        let cancel = CancellationToken::new();
        let running = tokio::spawn(switch.run(cancel.clone()));

        let mut first = UnixStream::connect(&cards[0]).await.unwrap();
        let mut second = UnixStream::connect(&cards[1]).await.unwrap();
        // The switch's first word to each: it has accepted the card.
        assert_eq!(port(&receive(&mut first).await), "LAB-1");
        assert_eq!(port(&receive(&mut second).await), "LAB-2");
        let hello = [[0xff; 6], [2, 0, 0, 0, 0, 1]].concat().repeat(5);
        send(&mut first, &hello).await;
        assert_eq!(receive(&mut second).await, hello);
        let mut at_site = vec![0; 100];
        let count = nix::unistd::read(&site, &mut at_site).unwrap();
        assert_eq!(&at_site[..count], hello);

        drop(second);
        let mut second = UnixStream::connect(&cards[1]).await.unwrap();
        assert_eq!(port(&receive(&mut second).await), "LAB-2", "a machine that comes back is told again");
        send(&mut second, &hello).await;
        assert_eq!(receive(&mut first).await, hello);
        cancel.cancel();
        running.await.unwrap().unwrap();
    }
}
