//! SIGKILL under load, again and again, of `inbound` and sometimes of a mailstore: a sender who repeats what was not answered loses nothing,
//! and nothing that it sent is there twice.

use crate::client::{Mail, code, mail};
use crate::house::{House, PLAN, Plan};
use nix::sys::signal::Signal;
use std::collections::HashMap;
use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, SystemTime};

const KILLS: u32 = 20;
const SENDERS: usize = 6;
/// Of one answer. Whoever is killed closes the connection, so it is long.
const ANSWER: Duration = Duration::from_secs(20);

/// One try; whether it was answered with 250.
fn try_to_send(server: SocketAddr, mail: &Mail<'_>) -> std::io::Result<bool> {
    let stream = TcpStream::connect(server)?;
    stream.set_read_timeout(Some(ANSWER))?;
    let mut stream = BufReader::new(stream);
    let mut lines = vec!["EHLO client.example".to_owned(), format!("MAIL FROM:<{}>", mail.from)];
    lines.extend(mail.to.iter().map(|to| format!("RCPT TO:<{to}>")));
    lines.push("DATA".to_owned());
    answer(&mut stream)?;
    for line in lines {
        stream.get_mut().write_all(format!("{line}\r\n").as_bytes())?;
        // Somebody who is refused for now makes this try one for nobody.
        if !matches!(answer(&mut stream)?.as_bytes().first(), Some(b'2' | b'3')) {
            return Ok(false);
        }
    }
    stream.get_mut().write_all(format!("{}.\r\n", mail.content).as_bytes())?;
    Ok(code(&answer(&mut stream)?) == "250 2.0.0")
}

fn answer(stream: &mut BufReader<TcpStream>) -> std::io::Result<String> {
    loop {
        let mut line = String::new();
        if stream.read_line(&mut line)? == 0 {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
        if line.as_bytes().get(3) != Some(&b'-') {
            return Ok(line);
        }
    }
}

struct Load {
    senders: Vec<JoinHandle<(Vec<String>, usize)>>,
    stop: Arc<AtomicBool>,
    answered: Arc<AtomicUsize>,
}

impl Load {
    fn begin(server: SocketAddr) -> Self {
        let (stop, answered) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
        let sender = |number| {
            let (stop, answered) = (Arc::clone(&stop), Arc::clone(&answered));
            std::thread::spawn(move || send(server, number, &stop, &answered))
        };
        let senders = (0..SENDERS).map(sender).collect();
        Self { senders, stop, answered }
    }

    /// The names that were answered with 250, and how many tries were not.
    fn end(self) -> (Vec<String>, usize) {
        self.stop.store(true, Ordering::Relaxed);
        let sent: Vec<_> = self.senders.into_iter().map(|sender| sender.join().unwrap()).collect();
        let repeats = sent.iter().map(|(_, repeats)| repeats).sum();
        (sent.into_iter().flat_map(|(names, _)| names).collect(), repeats)
    }
}

/// One message after the other, each until it is answered with 250, to the end of the last one.
fn send(
    server: SocketAddr,
    number: usize,
    stop: &AtomicBool,
    answered: &AtomicUsize,
) -> (Vec<String>, usize) {
    let (mut names, mut repeats) = (Vec::new(), 0);
    while !stop.load(Ordering::Relaxed) {
        let name = format!("{number}-{}", names.len());
        let mut mail = mail(&["ann@example.org", "bob@example.org"], &name);
        mail.content.push_str(&"0123456789abcdef\r\n".repeat(names.len() * 97 % 500));
        while !try_to_send(server, &mail).unwrap_or(false) {
            repeats += 1;
            std::thread::sleep(Duration::from_millis(10));
        }
        names.push(name);
        answered.fetch_add(1, Ordering::Relaxed);
    }
    (names, repeats)
}

fn some_time() -> Duration {
    let nanos = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().subsec_nanos();
    Duration::from_millis(50 + u64::from(nanos / 1000) % 400)
}

/// Catches the daemon that answers before its mailstores have, and the message whose repeat is another one.
#[test]
fn what_was_answered_is_there_once() {
    let mut house = House::open(Plan {
        accounts: &[("ann@example.org", 0), ("bob@example.org", 1)],
        settings: "[limits]\nexempt = ['127.0.0.0/8']\nconnections = { burst = 100000, per_minute = 100000 }\n",
        ..PLAN
    });
    let load = Load::begin(house.smtp);
    for kill in 0..KILLS {
        // Something must be under way each time.
        let before = load.answered.load(Ordering::Relaxed);
        crate::process::until("mail goes on", || load.answered.load(Ordering::Relaxed) > before + SENDERS);
        std::thread::sleep(some_time());
        if kill % 5 == 2 {
            house.stores[0].kill();
            house.stores[0].start_again();
        }
        house.end(Signal::SIGKILL);
        if kill % 5 == 4 {
            house.stores[1].kill();
            house.stores[1].start_again();
        }
        house.start_again();
    }
    let (names, repeats) = load.end();
    assert!(repeats > KILLS as usize, "nothing was under way when it was killed");
    for (store, account) in ["ann@example.org", "bob@example.org"].into_iter().enumerate() {
        let mut kept: HashMap<String, usize> = HashMap::new();
        for message in house.stores[store].inbox(account) {
            let subject = message.lines().find_map(|line| line.strip_prefix("Subject: ")).unwrap();
            *kept.entry(subject.to_owned()).or_default() += 1;
        }
        let missing: Vec<_> = names.iter().filter(|&name| !kept.contains_key(name)).collect();
        let twice: Vec<_> = kept.iter().filter(|(_, times)| **times > 1).collect();
        assert!(missing.is_empty() && twice.is_empty(), "{account}: missing {missing:?}, twice {twice:?}");
        assert_eq!(kept.len(), names.len(), "{account} has what nobody sent");
    }
}
