//! A pair that does what a test wants: lets everybody in, or fails.

use crate::house::{PATIENCE, PROXY, SECRET};
use base64::{Engine, engine::general_purpose::STANDARD as BASE64};
use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

/// How its login goes.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Mood {
    /// Lets everybody in, answers NOOP, and otherwise says what was said to it.
    Good,
    /// Takes connections and says nothing.
    Silent,
    /// Says half a greeting.
    Half,
    /// Refuses for a time.
    Busy,
    /// Is not what it should be.
    Nonsense,
}

pub struct Pair {
    pub address: SocketAddr,
    /// As whom the front end came.
    accounts: Arc<Mutex<Vec<String>>>,
}

impl Pair {
    /// IMAP on a port of its own, until the test ends.
    pub fn imap(mood: Mood) -> Self {
        Self::on(TcpListener::bind("127.0.0.1:0").unwrap(), mood)
    }

    pub fn on(listener: TcpListener, mood: Mood) -> Self {
        let address = listener.local_addr().unwrap();
        let accounts: Arc<Mutex<Vec<String>>> = Arc::default();
        let known = Arc::clone(&accounts);
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let known = Arc::clone(&known);
                std::thread::spawn(move || speak(stream, mood, &known));
            }
        });
        Self { address, accounts }
    }

    pub fn accounts(&self) -> Vec<String> {
        self.accounts.lock().unwrap().clone()
    }
}

/// A port on which nobody listens, as long as nobody takes it.
pub fn dead_port() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}

/// Nothing more to say when the front end has gone.
fn speak(stream: TcpStream, mood: Mood, accounts: &Mutex<Vec<String>>) -> Option<()> {
    stream.set_read_timeout(Some(10 * PATIENCE)).ok()?;
    let mut input = BufReader::new(stream.try_clone().ok()?);
    let say = |text: &str| (&stream).write_all(text.as_bytes()).ok();
    match mood {
        Mood::Silent => return input.read_line(&mut String::new()).map(|_| ()).ok(),
        Mood::Half => {
            say("* OK [CAPABILITY IMAP4")?;
            return input.read_line(&mut String::new()).map(|_| ()).ok();
        }
        Mood::Nonsense => return say("SSH-2.0-x\r\n"),
        Mood::Good | Mood::Busy => say("* OK [CAPABILITY IMAP4rev1 SASL-IR AUTH=PLAIN] ready\r\n")?,
    }
    let login = read_line(&mut input)?;
    if mood == Mood::Busy {
        return say("a NO [UNAVAILABLE] not now\r\n");
    }
    accounts.lock().unwrap().push(account_of(&login));
    say("a OK [CAPABILITY IMAP4rev1 IDLE] Logged in\r\n")?;
    loop {
        let line = read_line(&mut input)?;
        match line.split_once(' ') {
            Some((tag, "NOOP")) => say(&format!("{tag} OK done\r\n"))?,
            Some((tag, "LOGOUT")) => return say(&format!("* BYE\r\n{tag} OK done\r\n")),
            _ => say(&format!("* ECHO {line}\r\n"))?,
        }
    }
}

fn read_line(input: &mut impl BufRead) -> Option<String> {
    let mut line = String::new();
    input.read_line(&mut line).ok().filter(|octets| *octets > 0)?;
    Some(line.trim_end().to_owned())
}

/// Whom the front end acts as. It has to know the secret.
pub fn account_of(login: &str) -> String {
    let message = BASE64.decode(login.strip_prefix("a AUTHENTICATE PLAIN ").unwrap()).unwrap();
    let text = String::from_utf8(message).unwrap();
    text.strip_suffix(&format!("\0{PROXY}\0{SECRET}")).unwrap().to_owned()
}
