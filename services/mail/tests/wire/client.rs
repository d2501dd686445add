//! Clients: programs that others wrote, and a socket for what no program does.

use std::net::SocketAddr;
use std::process::{Output, Stdio};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// Runs a program to its end.
pub async fn run(program: &str, arguments: &[&str], input: &[u8]) -> Output {
    let mut command = tokio::process::Command::new(program);
    command.args(arguments).kill_on_drop(true);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let write = async move {
        // Whoever fails early does not read it.
        let _ = stdin.write_all(input).await;
        drop(stdin);
    };
    let (output, ()) = tokio::join!(child.wait_with_output(), write);
    output.unwrap()
}

/// What it said on stdout; it must succeed.
#[track_caller]
pub fn stdout(output: Output) -> String {
    let (out, error) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{out}\n{error}");
    out.into_owned()
}

pub struct Raw {
    pub stream: TcpStream,
}

impl Raw {
    /// After the greeting.
    pub async fn open(address: SocketAddr) -> Self {
        let mut client = Self { stream: TcpStream::connect(address).await.unwrap() };
        assert!(client.line().await.starts_with("220 localhost ESMTP"));
        client
    }

    /// In a message for one recipient, behind DATA.
    pub async fn in_data(address: SocketAddr, from: &str) -> Self {
        let mut client = Self::open(address).await;
        client.send(&format!("EHLO x\r\nMAIL FROM:<{from}>\r\nRCPT TO:<c@d>\r\nDATA\r\n")).await;
        while !client.line().await.starts_with("354") {}
        client
    }

    pub async fn send(&mut self, text: &str) {
        self.stream.write_all(text.as_bytes()).await.unwrap();
    }

    /// The next line; nothing at the end.
    pub async fn line(&mut self) -> String {
        let mut line = Vec::new();
        let read = async {
            while let Ok(byte) = self.stream.read_u8().await {
                line.push(byte);
                if byte == b'\n' {
                    break;
                }
            }
        };
        tokio::time::timeout(Duration::from_secs(20), read).await.expect("the server says nothing");
        String::from_utf8(line).unwrap()
    }

    /// All that is said until the server closes.
    pub async fn rest(&mut self) -> String {
        let mut rest = String::new();
        let read = self.stream.read_to_string(&mut rest);
        tokio::time::timeout(Duration::from_secs(20), read)
            .await
            .expect("the server does not close")
            .unwrap();
        rest
    }
}
