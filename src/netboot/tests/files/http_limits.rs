//! Clients that take their time, and many at once.

use crate::http_clients::read_head;
use crate::servers::{Http, ROOT, ROOT_PATH, Shelf, pattern, soon};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::atomic::Ordering::Relaxed;
use std::time::{Duration, Instant};
use understudy_core::base::fs;
use understudy_core::base::sha256::Sha256;
use understudy_netboot::http::{Limits, Status};

/// More than the kernel buffers for one connection (tcp_wmem and tcp_rmem).
const LARGE: usize = 24 << 20;

fn get(server: &Http) -> TcpStream {
    let mut stream = TcpStream::connect(server.address).unwrap();
    let request = format!("GET {ROOT_PATH} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).unwrap();
    stream
}

fn server(bytes: usize, limits: Limits) -> Http {
    Http::start_with(Shelf::new(&[(ROOT, &pattern(bytes))]), limits, "127.0.0.1:0")
}

fn all_of(mut stream: TcpStream) -> String {
    let mut bytes = Vec::new();
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    stream.read_to_end(&mut bytes).unwrap();
    String::from_utf8_lossy(&bytes).into_owned()
}

/// Catches the mutant whose limit counts from the last byte instead of from the first.
#[test]
fn a_head_that_comes_in_drops_is_ended() {
    let limits = Limits { head_time_max: Duration::from_millis(300), ..Limits::default() };
    let server = server(10, limits);
    let mut slow = TcpStream::connect(server.address).unwrap();
    let start = Instant::now();
    for byte in b"GET / HTTP/1.1\r\nHost: x\r\nX: ".iter().cycle() {
        if slow.write_all(&[*byte]).is_err() || server.metrics.responses(Status::RequestTimeout) == 1 {
            break;
        }
        assert!(start.elapsed() < Duration::from_secs(10), "the server waits for ever");
        // The pace of a client that never ends; nothing is waited for here.
        std::thread::sleep(Duration::from_millis(20));
    }
    soon("a 408", || server.metrics.responses(Status::RequestTimeout) == 1);
}

#[test]
fn silence_is_ended_without_a_word() {
    let short = Duration::from_millis(200);
    let server = server(10, Limits { head_time_max: short, idle_time_max: short, ..Limits::default() });
    assert_eq!(all_of(TcpStream::connect(server.address).unwrap()), "");
    let mut kept = TcpStream::connect(server.address).unwrap();
    kept.write_all(b"GET /x HTTP/1.1\r\nHost: x\r\n\r\n").unwrap();
    let answer = all_of(kept);
    assert!(
        answer.starts_with("HTTP/1.1 404 Not Found\r\n") && answer.ends_with("404 Not Found\n"),
        "{answer}"
    );
    soon("both ends", || server.metrics.connections_open.load(Relaxed) == 0);
}

#[test]
fn a_client_that_takes_nothing_is_ended_and_one_that_takes_a_little_is_not() {
    let limits = Limits { progress_time_max: Duration::from_millis(400), ..Limits::default() };
    let server = server(LARGE, limits);
    let _silent = get(&server);
    soon("the end of a client that takes nothing", || server.metrics.bodies_cut.load(Relaxed) == 1);
    soon("its seat", || server.metrics.connections_open.load(Relaxed) == 0);

    let mut slow = get(&server);
    read_head(&mut slow);
    let (mut buffer, mut taken) = (vec![0; 512 << 10], 0);
    while taken < LARGE {
        let bytes = slow.read(&mut buffer).unwrap();
        assert!(bytes > 0, "cut off after {taken} bytes");
        taken += bytes;
        std::thread::sleep(Duration::from_millis(10));
    }
    assert_eq!(server.metrics.bodies_cut.load(Relaxed), 1);
}

#[test]
fn one_client_can_not_take_all_connections() {
    let limits = Limits { connections_per_client_max: 3, ..Limits::default() };
    let server = server(10, limits);
    let taken: Vec<TcpStream> = (0..3).map(|_| TcpStream::connect(server.address).unwrap()).collect();
    soon("three connections", || server.metrics.connections_open.load(Relaxed) == 3);
    let answer = all_of(get(&server));
    assert!(answer.starts_with("HTTP/1.1 503 Service Unavailable\r\n"), "{answer}");
    assert!(answer.contains("\r\nRetry-After: "), "{answer}");
    drop(taken);
    soon("their seats", || server.metrics.connections_open.load(Relaxed) == 0);
    assert!(all_of(get(&server)).starts_with("HTTP/1.1 200 OK\r\n"));
}

/// A hundred readers at once, in lock-step, so that all of them are in the middle at the same time. Catches the
/// mutant that reads files into memory: a hundred times 24 MiB.
#[test]
fn n14_a_hundred_readers_take_no_memory() {
    const READERS: usize = 100;
    let server = server(LARGE, Limits::default());
    let digest = Sha256::of(&pattern(LARGE));
    let mut readers: Vec<TcpStream> = (0..READERS).map(|_| get(&server)).collect();
    for reader in &mut readers {
        assert!(read_head(reader).starts_with("HTTP/1.1 200 OK\r\n"));
    }
    assert_eq!(server.metrics.connections_open.load(Relaxed) as usize, READERS);
    let before = resident_bytes();
    let mut peak = before;
    let threads: Vec<_> =
        readers.into_iter().map(|reader| std::thread::spawn(move || Sha256::of_reader(reader))).collect();
    while !threads.iter().all(std::thread::JoinHandle::is_finished) {
        peak = peak.max(resident_bytes());
        std::thread::sleep(Duration::from_millis(20));
    }
    for thread in threads {
        assert_eq!(thread.join().unwrap().unwrap(), (digest, LARGE as u64));
    }
    // Readers of this test have a buffer of 256 KiB each, and a thread.
    let own = READERS as u64 * (1 << 20);
    assert!(peak - before < own + (16 << 20), "{} MiB", (peak - before) >> 20);
}

fn resident_bytes() -> u64 {
    let status = fs::read_text("/proc/self/status".as_ref()).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() << 10
}
