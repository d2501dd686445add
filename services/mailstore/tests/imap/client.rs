//! Clients: programs that others wrote, and a socket for what no program does.

use crate::house::{House, PASSWORD};
use std::net::SocketAddr;
use std::process::{Output, Stdio};
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// Debian's own, which finds the modules of Debian's packages.
pub const PYTHON: &str = "/usr/bin/python3";
pub const PATIENCE: Duration = Duration::from_secs(30);

/// Runs a program to its end.
pub async fn run(program: &str, arguments: &[&str], input: &[u8]) -> Output {
    let mut command = tokio::process::Command::new(program);
    command.args(arguments).kill_on_drop(true);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap_or_else(|error| panic!("{program}: {error}"));
    let mut stdin = child.stdin.take().unwrap();
    let write = async move {
        // Whoever fails early does not read it.
        let _ = stdin.write_all(input).await;
        drop(stdin);
    };
    let (output, ()) = timeout(4 * PATIENCE, async { tokio::join!(child.wait_with_output(), write) })
        .await
        .unwrap_or_else(|_| panic!("{program} does not end"));
    output.unwrap()
}

/// What it said on stdout; it must succeed.
#[track_caller]
pub fn stdout(output: Output) -> String {
    let (out, error) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{out}\n{error}");
    out.into_owned()
}

/// A script that gets the port, the certificate and the password.
pub async fn python(house: &House, script: &str) -> String {
    let certificate = house.files.certificates.to_str().unwrap();
    stdout(run(PYTHON, &["-c", script, &house.port(), certificate, PASSWORD], b"").await)
}

pub struct Raw {
    pub stream: BufReader<TcpStream>,
    commands: u32,
}

impl Raw {
    /// After the greeting.
    pub async fn open(address: SocketAddr) -> Self {
        let stream = BufReader::new(TcpStream::connect(address).await.unwrap());
        let mut client = Self { stream, commands: 0 };
        let greeting = client.line().await;
        assert!(greeting.starts_with("* OK [CAPABILITY IMAP4rev1 "), "{greeting}");
        client
    }

    /// As ann.
    pub async fn ann(address: SocketAddr) -> Self {
        let mut client = Self::open(address).await;
        client.ok(r#"LOGIN ann "a \"secret\"""#).await;
        client
    }

    /// As ann, with a mailbox selected.
    pub async fn selected(address: SocketAddr, mailbox: &str) -> Self {
        let mut client = Self::ann(address).await;
        client.ok(&format!("SELECT {mailbox}")).await;
        client
    }

    pub async fn send(&mut self, text: &str) {
        self.stream.get_mut().write_all(text.as_bytes()).await.unwrap();
    }

    /// The next line without its end; nothing at the end.
    pub async fn line(&mut self) -> String {
        let mut line = Vec::new();
        let read = timeout(PATIENCE, self.stream.read_until(b'\n', &mut line));
        read.await.expect("the server says nothing").unwrap_or(0);
        String::from_utf8_lossy(&line).trim_end_matches(['\r', '\n']).to_owned()
    }

    /// All lines up to the answer, which stands last and without its tag.
    pub async fn ask(&mut self, command: &str) -> Vec<String> {
        self.commands += 1;
        let tag = format!("t{}", self.commands);
        self.send(&format!("{tag} {command}\r\n")).await;
        self.until_answer(&tag).await
    }

    pub async fn until_answer(&mut self, tag: &str) -> Vec<String> {
        let mut lines = Vec::new();
        loop {
            let line = self.line().await;
            if let Some(answer) = line.strip_prefix(tag).and_then(|rest| rest.strip_prefix(' ')) {
                lines.push(answer.to_owned());
                return lines;
            }
            assert!(
                !line.is_empty() || !lines.last().is_some_and(String::is_empty),
                "the server has gone: {lines:?}"
            );
            lines.push(line);
        }
    }

    /// What was said before the answer, which is OK.
    #[track_caller]
    pub fn ok(&mut self, command: &str) -> impl Future<Output = Vec<String>> {
        let command = command.to_owned();
        async move {
            let mut lines = self.ask(&command).await;
            let answer = lines.pop().unwrap_or_default();
            assert!(answer.starts_with("OK "), "{command}: {lines:?} {answer}");
            lines
        }
    }

    /// The answer alone.
    pub async fn answer(&mut self, command: &str) -> String {
        self.ask(command).await.pop().unwrap()
    }

    /// A message, as it is.
    pub async fn append(&mut self, mailbox: &str, flags: &str, message: &str) -> String {
        let literal = format!("APPEND {mailbox} ({flags}) {{{}+}}\r\n{message}", message.len());
        self.answer(&literal).await
    }

    /// All that is said until the server closes.
    pub async fn rest(&mut self) -> String {
        let mut rest = Vec::new();
        let read = self.stream.read_to_end(&mut rest);
        // One that was cut off has an end as well.
        let _ = timeout(PATIENCE, read).await.expect("the server does not close");
        String::from_utf8_lossy(&rest).into_owned()
    }
}
