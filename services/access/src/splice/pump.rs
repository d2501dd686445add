//! Octets in one direction.

use super::boundary::Boundary;
use std::io;
use std::mem::MaybeUninit;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// Read at once; more is not kept of what the other side does not take.
pub const BUFFER_OCTETS: usize = 16 * 1024;

#[derive(Debug)]
pub(super) struct Pump {
    /// Read and not yet written, from `written` on. Empty as long as the writer takes what comes.
    kept: Vec<u8>,
    written: usize,
    octets: u64,
    phase: Phase,
    is_flushed: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Open,
    /// The reader has nothing more; the writer is to hear of it.
    Ending,
    Done,
}

/// On which side it broke.
#[derive(Debug)]
pub(super) enum Broken {
    Reader(io::Error),
    Writer(io::Error),
}

impl Pump {
    pub(super) fn new(first: Vec<u8>) -> Self {
        Self { octets: 0, is_flushed: first.is_empty(), kept: first, written: 0, phase: Phase::Open }
    }

    /// Written so far.
    pub(super) fn octets(&self) -> u64 {
        self.octets
    }

    pub(super) fn is_done(&self) -> bool {
        self.phase == Phase::Done
    }

    /// Ready when the reader has ended and the writer has heard of it.
    pub(super) fn poll<R, W>(
        &mut self,
        context: &mut Context<'_>,
        reader: &mut R,
        writer: &mut W,
        mut boundary: Option<&mut Boundary>,
    ) -> Poll<Result<(), Broken>>
    where
        R: AsyncRead + Unpin,
        W: AsyncWrite + Unpin,
    {
        loop {
            ready!(self.poll_kept(context, writer)).map_err(Broken::Writer)?;
            match self.phase {
                Phase::Open => {
                    if self.poll_read(context, reader, writer, boundary.as_deref_mut())?.is_pending() {
                        ready!(self.poll_flush(context, writer)).map_err(Broken::Writer)?;
                        return Poll::Pending;
                    }
                }
                Phase::Ending => {
                    ready!(self.poll_flush(context, writer)).map_err(Broken::Writer)?;
                    ready!(Pin::new(&mut *writer).poll_shutdown(context)).map_err(Broken::Writer)?;
                    self.phase = Phase::Done;
                }
                Phase::Done => return Poll::Ready(Ok(())),
            }
        }
    }

    /// Ready when everything is written and the last response is whole. Nothing more is read then.
    pub(super) fn poll_between<R, W>(
        &mut self,
        context: &mut Context<'_>,
        reader: &mut R,
        writer: &mut W,
        boundary: &mut Boundary,
    ) -> Poll<Result<(), Broken>>
    where
        R: AsyncRead + Unpin,
        W: AsyncWrite + Unpin,
    {
        loop {
            ready!(self.poll_kept(context, writer)).map_err(Broken::Writer)?;
            if boundary.is_between() {
                return self.poll_flush(context, writer).map_err(Broken::Writer);
            }
            if self.phase != Phase::Open {
                return Poll::Ready(Err(Broken::Reader(io::ErrorKind::UnexpectedEof.into())));
            }
            if self.poll_read(context, reader, writer, Some(&mut *boundary))?.is_pending() {
                ready!(self.poll_flush(context, writer)).map_err(Broken::Writer)?;
                return Poll::Pending;
            }
        }
    }

    /// Writes what is kept. Its memory is given back: most of the time there is nothing.
    fn poll_kept<W: AsyncWrite + Unpin>(
        &mut self,
        context: &mut Context<'_>,
        writer: &mut W,
    ) -> Poll<io::Result<()>> {
        while self.written < self.kept.len() {
            let octets = ready!(Pin::new(&mut *writer).poll_write(context, &self.kept[self.written..]))?;
            self.count(octets)?;
            self.written += octets;
        }
        if !self.kept.is_empty() {
            (self.kept, self.written) = (Vec::new(), 0);
        }
        Poll::Ready(Ok(()))
    }

    /// Reads once, and writes as much of it as goes.
    fn poll_read<R, W>(
        &mut self,
        context: &mut Context<'_>,
        reader: &mut R,
        writer: &mut W,
        boundary: Option<&mut Boundary>,
    ) -> Result<Poll<()>, Broken>
    where
        R: AsyncRead + Unpin,
        W: AsyncWrite + Unpin,
    {
        let mut memory = [MaybeUninit::uninit(); BUFFER_OCTETS];
        let mut buffer = ReadBuf::uninit(&mut memory);
        match Pin::new(reader).poll_read(context, &mut buffer) {
            Poll::Pending => return Ok(Poll::Pending),
            Poll::Ready(read) => read.map_err(Broken::Reader)?,
        }
        let read = buffer.filled();
        if read.is_empty() {
            self.phase = Phase::Ending;
            return Ok(Poll::Ready(()));
        }
        if let Some(boundary) = boundary {
            boundary.pass(read);
        }
        let octets = match Pin::new(writer).poll_write(context, read) {
            Poll::Pending => 0,
            Poll::Ready(written) => {
                let octets = written.map_err(Broken::Writer)?;
                self.count(octets).map_err(Broken::Writer)?;
                octets
            }
        };
        self.kept = read[octets..].to_vec();
        Ok(Poll::Ready(()))
    }

    fn poll_flush<W: AsyncWrite + Unpin>(
        &mut self,
        context: &mut Context<'_>,
        writer: &mut W,
    ) -> Poll<io::Result<()>> {
        if !self.is_flushed {
            ready!(Pin::new(writer).poll_flush(context))?;
            self.is_flushed = true;
        }
        Poll::Ready(Ok(()))
    }

    fn count(&mut self, octets: usize) -> io::Result<()> {
        if octets == 0 {
            return Err(io::ErrorKind::WriteZero.into());
        }
        self.octets += octets as u64;
        self.is_flushed = false;
        Ok(())
    }
}
