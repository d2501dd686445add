//! A client that says what a test wants, line by line, in the clear.

use crate::house::{PASSWORD, PATIENCE};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};

pub struct Line {
    stream: BufReader<TcpStream>,
}

impl Line {
    pub fn connect(address: SocketAddr, greeting: &str) -> Self {
        let mut line = Self::on(TcpStream::connect(address).unwrap());
        let said = line.hear();
        assert!(said.starts_with(greeting), "{said}");
        line
    }

    /// From another address of this machine.
    pub fn connect_from(source: SocketAddr, address: SocketAddr) -> Self {
        let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
        socket.bind(&source.into()).unwrap();
        socket.connect(&address.into()).unwrap();
        let mut line = Self::on(socket.into());
        line.hear();
        line
    }

    fn on(stream: TcpStream) -> Self {
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.set_nodelay(true).unwrap();
        Self { stream: BufReader::new(stream) }
    }

    pub fn say(&mut self, text: &str) {
        self.stream.get_mut().write_all(text.as_bytes()).unwrap();
    }

    /// A line without its end; nothing when there is no more.
    pub fn hear(&mut self) -> String {
        let mut line = String::new();
        self.stream.read_line(&mut line).unwrap();
        line.trim_end().to_owned()
    }

    /// A line, or nothing where the connection has broken.
    pub fn hear_if_any(&mut self) -> String {
        let mut line = String::new();
        // Whoever is cut off may lose the last words.
        let _ = self.stream.read_line(&mut line);
        line.trim_end().to_owned()
    }

    /// Says a command of IMAP, and hears until its end.
    pub fn ask(&mut self, command: &str) -> String {
        self.say(&format!("{command}\r\n"));
        let tag = format!("{} ", command.split(' ').next().unwrap());
        self.hear_until(&tag)
    }

    /// The line that begins so.
    pub fn hear_until(&mut self, beginning: &str) -> String {
        loop {
            let mut line = String::new();
            let octets = self.stream.read_line(&mut line).unwrap();
            assert!(octets > 0, "the connection has ended before {beginning}");
            if line.starts_with(beginning) {
                return line.trim_end().to_owned();
            }
        }
    }

    /// Says a line, and hears one.
    pub fn ask_line(&mut self, line: &str) -> String {
        self.say(&format!("{line}\r\n"));
        self.hear()
    }

    /// LOGIN of IMAP with everybody's password.
    pub fn log_in(&mut self, name: &str) -> String {
        self.ask(&format!("l LOGIN {name}@example.org \"{PASSWORD}\""))
    }

    /// USER and PASS with everybody's password.
    pub fn log_in_pop3(&mut self, name: &str) -> String {
        let asked = self.ask_line(&format!("USER {name}@example.org"));
        assert!(asked.starts_with("+OK"), "{asked}");
        self.ask_line(&format!("PASS {PASSWORD}"))
    }

    /// Everything up to the end.
    pub fn rest(&mut self) -> String {
        let mut rest = String::new();
        self.stream.read_to_string(&mut rest).unwrap();
        rest
    }
}
