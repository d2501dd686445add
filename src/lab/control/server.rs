//! The supervisor's ear: answers what the command asks.

use super::{Answer, LINE_BYTES_MAX, NodeStatus, Request};
use std::io;
use std::path::Path;
use std::sync::Arc;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{UnixListener, UnixStream};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use understudy_core::base::causes::with_causes;

/// People and tests who ask at once.
const CLIENTS_MAX: usize = 64;

/// Whoever can answer.
pub trait Lab: Send + Sync + 'static {
    /// Answers one question.
    fn answer(&self, request: Request) -> impl Future<Output = Answer> + Send;
}

/// A socket that is open.
pub struct Control<L> {
    listener: UnixListener,
    lab: Arc<L>,
}

impl<L: Lab> Control<L> {
    /// Opens the socket.
    pub fn build(socket: &Path, lab: Arc<L>) -> io::Result<Self> {
        Ok(Self { listener: UnixListener::bind(socket)?, lab })
    }

    /// Answers until cancelled.
    pub async fn run(self, cancel: CancellationToken) -> io::Result<()> {
        let mut clients = JoinSet::new();
        loop {
            let accepted = tokio::select! {
                () = cancel.cancelled() => break,
                accepted = self.listener.accept(), if clients.len() < CLIENTS_MAX => accepted?,
                Some(_) = clients.join_next() => continue,
            };
            let lab = Arc::clone(&self.lab);
            // A client that went away in the middle is its own affair.
            clients.spawn(async move { drop(serve(accepted.0, &*lab).await) });
        }
        clients.shutdown().await;
        Ok(())
    }
}

async fn serve(mut stream: UnixStream, lab: &impl Lab) -> io::Result<()> {
    let (reader, mut writer) = stream.split();
    let mut line = String::new();
    BufReader::new(reader.take(LINE_BYTES_MAX)).read_line(&mut line).await?;
    let answer = match serde_json::from_str(&line) {
        Ok(request) => lab.answer(request).await,
        Err(error) => Answer::Refused { reason: format!("not a question: {error}") },
    };
    let mut text = serde_json::to_vec(&answer)?;
    text.push(b'\n');
    writer.write_all(&text).await
}

/// The answer to something that was done, or not.
pub fn done(result: Result<(), impl std::error::Error>, node: NodeStatus) -> Answer {
    match result {
        Ok(()) => Answer::Done(node),
        Err(error) => Answer::Refused { reason: with_causes(&error) },
    }
}
