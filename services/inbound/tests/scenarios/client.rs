//! Clients: Python's smtplib as it is told, other programs, and a socket for what no program does.

use crate::process::{PATIENCE, command};
use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::{Output, Stdio};

/// Each mail on a connection of its own, step by step, so that each answer is told.
const PYTHON: &str = r#"
import json, smtplib, sys
port, mails = json.load(sys.stdin)
say = lambda reply: f"{reply[0]} {reply[1].decode()}"
told = []
for mail in mails:
    client = smtplib.SMTP("127.0.0.1", port, local_hostname="client.example", timeout=60)
    client.ehlo()
    sender = client.mail(mail["from"], mail["options"])
    at_rcpt = [client.rcpt(to) for to in mail["to"]]
    behind = None
    if sender[0] == 250 and any(code == 250 for code, _ in at_rcpt):
        behind = say(client.data(mail["content"].encode()))
    told.append([say(sender), list(map(say, at_rcpt)), behind])
    client.close()
json.dump(told, sys.stdout)
"#;

/// A message that is known again.
pub const NAMED: &str = "From: a@b.example\r\nDate: Mon, 30 Nov 2026 10:00:00 +0000\r\n";

/// What a client is told: at MAIL, at RCPT, and behind the content.
pub type Told = (String, Vec<String>, Option<String>);

#[derive(Clone, serde::Serialize)]
pub struct Mail<'a> {
    pub from: &'a str,
    /// Of MAIL.
    pub options: Vec<String>,
    pub to: Vec<&'a str>,
    pub content: String,
}

/// From `a@b.example`, with a Message-ID.
pub fn mail<'a>(to: &[&'a str], name: &str) -> Mail<'a> {
    let content = format!("{NAMED}Message-ID: <{name}@b.example>\r\nSubject: {name}\r\n\r\nHello\r\n");
    Mail { from: "a@b.example", options: Vec::new(), to: to.to_vec(), content }
}

pub fn python(server: SocketAddr, mails: &[Mail<'_>]) -> Vec<Told> {
    let orders = serde_json::json!([server.port(), mails]).to_string();
    let output = run("python3", &["-c", PYTHON], orders.as_bytes());
    serde_json::from_str(&stdout(&output)).unwrap()
}

/// Runs a program to its end.
pub fn run(program: &str, arguments: &[&str], input: &[u8]) -> Output {
    let mut command = command(program);
    command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    // Whoever fails early does not read it.
    let _ = child.stdin.take().unwrap().write_all(input);
    child.wait_with_output().unwrap()
}

/// What it said on stdout; it must succeed.
#[track_caller]
pub fn stdout(output: &Output) -> String {
    let (out, error) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{out}\n{error}");
    out.into_owned()
}

/// The code and the enhanced code.
pub fn code(reply: &str) -> &str {
    reply.split_at(reply.len().min(9)).0.trim_end()
}

pub struct Raw(BufReader<TcpStream>);

impl Raw {
    /// Behind EHLO.
    pub fn open(server: SocketAddr) -> Self {
        let mut client = Self::greeted(server);
        assert_eq!(code(&client.ask("EHLO client.example")), "250 ENHAN");
        client
    }

    /// Behind the greeting.
    fn greeted(server: SocketAddr) -> Self {
        let stream = TcpStream::connect(server).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let mut client = Self(BufReader::new(stream));
        let greeting = client.answer();
        assert!(greeting.starts_with("220 mx1.example ESMTP"), "{greeting}");
        client
    }

    /// Behind DATA.
    pub fn in_data(server: SocketAddr, to: &[&str]) -> Self {
        let mut client = Self::open(server);
        assert_eq!(code(&client.ask("MAIL FROM:<a@b.example>")), "250 2.1.0");
        for to in to {
            let reply = client.ask(&format!("RCPT TO:<{to}>"));
            assert_eq!(code(&reply), "250 2.1.5", "{reply}");
        }
        assert_eq!(code(&client.ask("DATA")), "354 Start");
        client
    }

    pub fn send(&mut self, text: &str) {
        self.0.get_mut().write_all(text.as_bytes()).unwrap();
    }

    /// Sends a line, and reads the answer's last line.
    pub fn ask(&mut self, line: &str) -> String {
        self.send(&format!("{line}\r\n"));
        self.answer()
    }

    /// An answer's last line; nothing at the end.
    pub fn answer(&mut self) -> String {
        loop {
            let mut line = String::new();
            self.0.read_line(&mut line).unwrap();
            if line.as_bytes().get(3) != Some(&b'-') {
                return line.trim_end().to_owned();
            }
        }
    }
}
