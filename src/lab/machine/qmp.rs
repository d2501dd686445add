//! What we say to a running qemu: the QEMU Machine Protocol, one command at a time.

use serde_json::{Value, json};
use std::io;
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::UnixStream;
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};
use tokio::time::timeout;

/// A qemu that says nothing for so long hangs, or is frozen.
const ANSWER_TIME_MAX: Duration = Duration::from_secs(10);

/// A command was not carried out.
#[derive(Debug, thiserror::Error)]
pub enum QmpError {
    #[error("lost the connection to qemu")]
    Connection(#[source] io::Error),
    #[error("qemu does not answer `{0}`")]
    Silent(String),
    #[error("qemu refuses `{command}`: {reason}")]
    Refused { command: String, reason: String },
}

/// Something that qemu tells by itself, by the name of the event.
pub type Event = String;

/// A connection that qemu made to us.
pub struct Qmp {
    lines: tokio::io::Lines<BufReader<OwnedReadHalf>>,
    writer: OwnedWriteHalf,
}

impl Qmp {
    /// Takes qemu's greeting and leaves the negotiation mode.
    pub async fn new(stream: UnixStream) -> Result<Self, QmpError> {
        let (reader, writer) = stream.into_split();
        let mut qmp = Self { lines: BufReader::new(reader).lines(), writer };
        qmp.execute("qmp_capabilities", json!({})).await?;
        Ok(qmp)
    }

    /// Carries out a command; events before its answer are dropped.
    pub async fn execute(&mut self, command: &str, arguments: Value) -> Result<Value, QmpError> {
        let mut line = json!({ "execute": command, "arguments": arguments }).to_string();
        line.push('\n');
        timeout(ANSWER_TIME_MAX, self.exchange(command, line.as_bytes()))
            .await
            .unwrap_or_else(|_| Err(QmpError::Silent(command.to_owned())))
    }

    async fn exchange(&mut self, command: &str, line: &[u8]) -> Result<Value, QmpError> {
        self.writer.write_all(line).await.map_err(QmpError::Connection)?;
        loop {
            let mut message = self.message().await?;
            if let Some(error) = message.get("error") {
                let reason = error["desc"].as_str().unwrap_or("without a reason").to_owned();
                return Err(QmpError::Refused { command: command.to_owned(), reason });
            }
            if let Some(result) = message.get_mut("return") {
                return Ok(result.take());
            }
        }
    }

    /// The next event; may be dropped while it waits.
    pub async fn event(&mut self) -> Result<Event, QmpError> {
        loop {
            if let Some(event) = self.message().await?.get("event").and_then(Value::as_str) {
                return Ok(event.to_owned());
            }
        }
    }

    async fn message(&mut self) -> Result<Value, QmpError> {
        let line = self.lines.next_line().await.map_err(QmpError::Connection)?;
        let line = line.ok_or_else(|| QmpError::Connection(io::ErrorKind::UnexpectedEof.into()))?;
        serde_json::from_str(&line).map_err(|error| QmpError::Connection(error.into()))
    }
}
