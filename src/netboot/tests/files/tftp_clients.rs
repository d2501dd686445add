//! TFTP with the clients of Debian: tftp-hpa, atftp, busybox and curl.

use crate::lossy::Lossy;
use crate::servers::{Tftp, client, pattern, soon};
use std::net::SocketAddr;
use std::path::Path;
use std::sync::atomic::Ordering::Relaxed;
use tempfile::TempDir;
use understudy_core::base::fs;
use understudy_core::base::process::Process;

/// Fetches `name` with each client into a file `got`, over blocks of `block_bytes` where it can.
fn clients(server: SocketAddr, name: &str, block_bytes: u16) -> Vec<(&'static str, Vec<String>)> {
    let (port, url) = (server.port().to_string(), format!("tftp://{server}/{name}"));
    let words = |line: &str| line.split(' ').map(str::to_owned).collect::<Vec<_>>();
    let mut clients = vec![
        ("busybox", words(&format!("busybox tftp -g -b {block_bytes} -r {name} -l got 127.0.0.1 {port}"))),
        ("curl", words(&format!("curl -sS --tftp-blksize {block_bytes} -o got {url}"))),
        (
            "atftp",
            [
                words("atftp --option"),
                vec![format!("blksize {block_bytes}")],
                words(&format!("--get -r {name} -l got 127.0.0.1 {port}")),
            ]
            .concat(),
        ),
    ];
    if block_bytes == 512 {
        clients.push(("tftp-hpa", words(&format!("tftp -m binary 127.0.0.1 {port} -c get {name} got"))));
    }
    clients
}

fn fetch(folder: &Path, argv: &[String]) -> Vec<u8> {
    let argv: Vec<&str> = argv.iter().map(String::as_str).collect();
    client(folder, &argv);
    let got = folder.join("got");
    let content = fs::read(&got).unwrap();
    fs::remove_file(&got).unwrap();
    content
}

fn folder() -> TempDir {
    tempfile::tempdir().unwrap()
}

#[test]
fn every_client_gets_every_size() {
    let folder = folder();
    // Empty, less than a block, exactly one, exactly some, and one byte around them.
    for bytes in [0, 1, 511, 512, 513, 1468, 10 * 512, 70_001] {
        let content = pattern(bytes);
        let server = Tftp::start(&[("undionly.kpxe", &content)]);
        for block_bytes in [512, 1468] {
            for (name, argv) in clients(server.address, "undionly.kpxe", block_bytes) {
                // curl 7.88 cannot take an empty file, from tftpd-hpa neither.
                if (name, bytes) == ("curl", 0) {
                    continue;
                }
                assert!(fetch(folder.path(), &argv) == content, "{name}: {bytes} bytes in {block_bytes}");
            }
        }
        soon("all ends", || server.metrics.transfers_open.load(Relaxed) == 0);
        assert_eq!(server.metrics.packets_resent.load(Relaxed), 0);
    }
}

#[test]
fn n18_a_large_window_and_a_large_block_with_atftp() {
    let (folder, content) = (folder(), pattern(3_000_000));
    let server = Tftp::start(&[("a", &content)]);
    let port = server.port();
    for (window, block_bytes) in [("1", "8"), ("4", "1468"), ("64", "1428"), ("16", "65464")] {
        let content = if block_bytes == "8" { &content[..9_000] } else { &content[..] };
        let small = Tftp::start(&[("a", content)]);
        let port = if block_bytes == "8" { small.port() } else { port.clone() };
        let options = [format!("blksize {block_bytes}"), format!("windowsize {window}")];
        let argv = ["atftp", "--option", &options[0], "--option", &options[1]];
        let argv = [&argv[..], &["--get", "-r", "a", "-l", "got", "127.0.0.1", &port]].concat();
        client(folder.path(), &argv);
        assert!(fs::read(&folder.path().join("got")).unwrap() == content, "{options:?}");
    }
}

/// More than 65,535 blocks of 512 bytes; those clients that count on past them.
#[test]
fn n19_block_numbers_roll_over_with_real_clients() {
    let (folder, content) = (folder(), pattern(512 * 65_536 + 1000));
    let server = Tftp::start(&[("a", &content)]);
    for (name, argv) in clients(server.address, "a", 512) {
        assert!(fetch(folder.path(), &argv) == content, "{name}");
    }
    assert_eq!(server.metrics.packets_resent.load(Relaxed), 0);
}

#[test]
fn n19_real_clients_get_the_exact_bytes_over_a_network_that_loses_and_doubles() {
    let (folder, content) = (folder(), pattern(60_000));
    let server = Tftp::start(&[("a", &content)]);
    // One datagram in 23 is lost, one in 7 comes twice.
    let network = Lossy::start(server.address, |number| match number {
        _ if number % 23 == 22 => 0,
        _ if number % 7 == 0 => 2,
        _ => 1,
    });
    for (name, argv) in clients(network.address, "a", 1468) {
        assert!(fetch(folder.path(), &argv) == content, "{name}");
    }
    assert!(server.metrics.packets_resent.load(Relaxed) > 0, "nothing was lost");
}

#[test]
fn n20_no_client_gets_out_of_the_folder() {
    let folder = folder();
    let server = Tftp::start(&[("a", b"a")]);
    for name in ["../../../../etc/passwd", "/etc/passwd", "..//etc/passwd"] {
        for (client, argv) in clients(server.address, name, 512) {
            let output = Process::new(&argv[0]).args(&argv[1..]).current_dir(folder.path()).output().unwrap();
            let got = fs::read(&folder.path().join("got")).unwrap_or_default();
            assert!(got.is_empty(), "{client} got {name}: {}", String::from_utf8_lossy(&output.stderr));
        }
    }
    assert_eq!(server.metrics.transfers_started.load(Relaxed), 0);
    assert!(server.metrics.requests_refused.load(Relaxed) >= 12);
}
