//! One DNS question and the judgement of its answer (RFC 1035, section 4). Only what a check needs; names are not read,
//! but compared.

use std::io::ErrorKind;
use std::net::{SocketAddr, UdpSocket};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};
use understudy_core::formats::service::DnsName;

const HEADER_BYTES: usize = 12;
/// Without EDNS (RFC 1035, section 4.2.1); a longer datagram is cut by the kernel, and so no good answer.
const ANSWER_BYTES_MAX: usize = 512;
const TXT: u16 = 16;
const INTERNET: u16 = 1;
/// A name that is a pointer begins with these two bits (section 4.1.4).
const POINTER: u8 = 0xc0;

/// What is wrong with DNS.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum DnsFault {
    #[error("cannot ask ({0})")]
    Ask(ErrorKind),
    #[error("no answer within {} s", .0.as_secs_f32())]
    Silence(Duration),
    #[error("the answer has error code {0} ({name})", name = code_name(*.0))]
    Code(u8),
    #[error("the answer is truncated")]
    Truncated,
    #[error("the answer has no TXT record")]
    Empty,
    #[error("the answer is not readable")]
    Garbage,
}

fn code_name(code: u8) -> &'static str {
    match code {
        1 => "FORMERR",
        2 => "SERVFAIL",
        3 => "NXDOMAIN",
        4 => "NOTIMP",
        5 => "REFUSED",
        _ => "unknown",
    }
}

/// Asks for the TXT records of `name`.
pub fn check(server: SocketAddr, name: &DnsName, patience: Duration) -> Result<(), DnsFault> {
    let ask = |error: std::io::Error| DnsFault::Ask(error.kind());
    // From the address that is asked, which so has to be this node's own: another holder's answer is not ours.
    let socket = UdpSocket::bind((server.ip(), 0)).map_err(ask)?;
    socket.connect(server).map_err(ask)?;
    let question = question(fresh_id(), name);
    socket.send(&question).map_err(ask)?;
    let deadline = Instant::now() + patience;
    let mut buffer = [0; ANSWER_BYTES_MAX];
    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(DnsFault::Silence(patience));
        }
        socket.set_read_timeout(Some(left)).map_err(ask)?;
        match socket.recv(&mut buffer) {
            // What belongs to another question does not count against the server.
            Ok(count) if buffer[..count].get(..2) != question.get(..2) => {}
            Ok(count) => return judge(&buffer[..count], &question),
            Err(error) if is_nothing_yet(error.kind()) => {}
            Err(error) => return Err(ask(error)),
        }
    }
}

/// A call with a time limit is interrupted by every stop of the process, too (signal(7)).
fn is_nothing_yet(kind: ErrorKind) -> bool {
    matches!(kind, ErrorKind::WouldBlock | ErrorKind::TimedOut | ErrorKind::Interrupted)
}

/// Tells an answer from a late one to the last question; nobody guesses on this path.
fn fresh_id() -> u16 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    (now.as_micros() & 0xffff) as u16
}

fn question(id: u16, name: &DnsName) -> Vec<u8> {
    let mut bytes = id.to_be_bytes().to_vec();
    // A standard query, recursion desired; one question.
    bytes.extend([1, 0, 0, 1, 0, 0, 0, 0, 0, 0]);
    for label in name.labels() {
        bytes.push(label.len() as u8);
        bytes.extend(label.as_bytes());
    }
    bytes.push(0);
    bytes.extend(TXT.to_be_bytes());
    bytes.extend(INTERNET.to_be_bytes());
    bytes
}

fn judge(answer: &[u8], question: &[u8]) -> Result<(), DnsFault> {
    let header = answer.first_chunk::<HEADER_BYTES>().ok_or(DnsFault::Garbage)?;
    let is_answer = header[2] & 0xf8 == 0x80;
    let [.., questions_high, questions_low, answers_high, answers_low, _, _, _, _] = *header;
    if !is_answer {
        return Err(DnsFault::Garbage);
    }
    if header[2] & 2 != 0 {
        return Err(DnsFault::Truncated);
    }
    match header[3] & 0x0f {
        0 => {}
        code => return Err(DnsFault::Code(code)),
    }
    let records = answer[HEADER_BYTES..].strip_prefix(&question[HEADER_BYTES..]).ok_or(DnsFault::Garbage)?;
    if [questions_high, questions_low] != [0, 1] {
        return Err(DnsFault::Garbage);
    }
    let answers = u16::from_be_bytes([answers_high, answers_low]);
    if find_text(records, answers)? { Ok(()) } else { Err(DnsFault::Empty) }
}

/// Whether one of the first `count` records is a TXT record of the Internet class.
fn find_text(mut bytes: &[u8], count: u16) -> Result<bool, DnsFault> {
    for _ in 0..count {
        let fixed = skip_name(bytes).ok_or(DnsFault::Garbage)?;
        let head = fixed.first_chunk::<10>().ok_or(DnsFault::Garbage)?;
        let number = |at: usize| u16::from_be_bytes([head[at], head[at + 1]]);
        let length = usize::from(number(8));
        bytes = fixed.get(head.len() + length..).ok_or(DnsFault::Garbage)?;
        if number(0) == TXT && number(2) == INTERNET && length > 0 {
            return Ok(true);
        }
    }
    Ok(false)
}

fn skip_name(mut bytes: &[u8]) -> Option<&[u8]> {
    loop {
        let (length, rest) = bytes.split_first()?;
        bytes = match *length {
            0 => return Some(rest),
            length if length & POINTER == POINTER => return rest.get(1..),
            length if length & POINTER == 0 => rest.get(usize::from(length)..)?,
            _ => return None,
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use nix::sys::signal::{SaFlags, SigAction, SigHandler, SigSet, Signal, sigaction};

    fn name() -> DnsName {
        "health.understudy.".to_owned().try_into().unwrap()
    }

    /// The good answer to a question: one TXT record whose name points at the question's.
    fn good(question: &[u8]) -> Vec<u8> {
        let mut answer = question.to_vec();
        (answer[2], answer[3], answer[7]) = (0x85, 0x80, 1);
        answer.extend([0xc0, 0x0c, 0, 16, 0, 1, 0, 0, 0, 60, 0, 3, 2, b'o', b'k']);
        answer
    }

    /// Catches the mutants that do not look at the code, at truncation, at the question, or for a record.
    #[test]
    fn only_an_answer_with_a_record_is_good() {
        let question = question(7, &name());
        let good = good(&question);
        assert_eq!(judge(&good, &question), Ok(()));
        let with = |change: fn(&mut Vec<u8>)| {
            let mut answer = good.clone();
            change(&mut answer);
            judge(&answer, &question)
        };
        assert_eq!(with(|answer| answer[3] |= 2), Err(DnsFault::Code(2)));
        assert_eq!(with(|answer| answer[2] |= 2), Err(DnsFault::Truncated));
        assert_eq!(with(|answer| answer[2] &= 0x7f), Err(DnsFault::Garbage), "a question");
        assert_eq!(with(|answer| answer[14] ^= 1), Err(DnsFault::Garbage), "to another question");
        assert_eq!(with(|answer| answer[7] = 0), Err(DnsFault::Empty));
        assert_eq!(with(|answer| answer[7] = 9), Ok(()), "the first one is enough");
        let type_at = question.len() + 3;
        let mut address = good.clone();
        address[type_at] = 1;
        assert_eq!(judge(&address, &question), Err(DnsFault::Empty), "a record of another type");
        for length in 0..good.len() {
            assert!(judge(&good[..length], &question).is_err(), "cut to {length} bytes");
        }
    }

    /// How long a server is listened to that says nothing.
    const SILENCE: Duration = Duration::from_millis(300);

    /// A server that answers once with what `answer` makes of the question.
    fn served(
        patience: Duration,
        answer: impl Fn(&[u8]) -> Vec<Vec<u8>> + Send + 'static,
    ) -> Result<(), DnsFault> {
        let server = UdpSocket::bind("127.0.0.1:0").unwrap();
        let address = server.local_addr().unwrap();
        let serving = std::thread::spawn(move || {
            let mut buffer = [0; 512];
            let (count, client) = server.recv_from(&mut buffer).unwrap();
            for datagram in answer(&buffer[..count]) {
                server.send_to(&datagram, client).unwrap();
            }
            server
        });
        let result = check(address, &name(), patience);
        drop(serving.join().unwrap());
        result
    }

    #[test]
    fn a_server_is_judged_by_the_answer_to_this_question() {
        // A busy computer takes its time.
        let long = Duration::from_secs(60);
        assert_eq!(served(long, |question: &[u8]| vec![good(question)]), Ok(()));
        let late = |question: &[u8]| {
            let mut other = good(question);
            other[0] ^= 1;
            other
        };
        assert_eq!(served(long, move |question: &[u8]| vec![late(question), vec![], good(question)]), Ok(()));
        assert_eq!(
            served(SILENCE, move |question: &[u8]| vec![late(question)]),
            Err(DnsFault::Silence(SILENCE))
        );
        assert_eq!(served(SILENCE, |_: &[u8]| vec![]), Err(DnsFault::Silence(SILENCE)));
        assert_eq!(served(long, |question: &[u8]| vec![question[..5].to_vec()]), Err(DnsFault::Garbage));
    }

    /// Catches the mutant that takes an interruption for the end of the server.
    #[test]
    fn a_signal_is_no_answer() {
        extern "C" fn nothing(_: i32) {}
        let handler = SigAction::new(SigHandler::Handler(nothing), SaFlags::empty(), SigSet::empty());
        // SAFETY: it does nothing, whatever it interrupts.
        unsafe { sigaction(Signal::SIGUSR1, &handler) }.unwrap();
        // SAFETY: no arguments, no failure.
        let asking = unsafe { nix::libc::pthread_self() };
        let answer = move |question: &[u8]| {
            for _ in 0..20 {
                // SAFETY: that thread waits for the answer, which follows.
                unsafe { nix::libc::pthread_kill(asking, nix::libc::SIGUSR1) };
                std::thread::sleep(Duration::from_millis(5));
            }
            vec![good(question)]
        };
        assert_eq!(served(Duration::from_secs(60), answer), Ok(()));
    }

    #[test]
    fn a_server_that_is_gone_or_elsewhere_is_a_failure() {
        let address = UdpSocket::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let gone = check(address, &name(), Duration::from_secs(5));
        assert_eq!(gone, Err(DnsFault::Ask(ErrorKind::ConnectionRefused)));
        let elsewhere = check("192.0.2.1:53".parse().unwrap(), &name(), Duration::from_secs(5));
        assert_eq!(
            elsewhere,
            Err(DnsFault::Ask(ErrorKind::AddrNotAvailable)),
            "the address is not this node's"
        );
    }
}
