//! HTTP with curl and Python's own client.

use crate::servers::{DISK_MAC, Http, NETWORK_MAC, ROOT, ROOT_PATH, Shelf, client, pattern};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use understudy_core::base::fs;
use understudy_core::base::sha256::Sha256;
use understudy_core::formats::manifest::ArtifactFile;
use understudy_netboot::disk_program::DISK_PROGRAM;
use understudy_netboot::http::{Limits, ShelfFile, Status};

const UKI: ShelfFile = ShelfFile::Artifact(ArtifactFile::NetbootUki);

fn shelf() -> Arc<Shelf> {
    let root = pattern(5_000_000);
    let kernel = ShelfFile::Artifact(ArtifactFile::Kernel);
    Shelf::new(&[(ROOT, &root), (UKI, b"MZ uki"), (kernel, b"kernel"), (ShelfFile::Manifest, b"{}")])
}

fn curl(arguments: &[&str]) -> String {
    let folder = tempfile::tempdir().unwrap();
    client(folder.path(), &[&["curl", "-sS", "--max-time", "60"], arguments].concat())
}

fn code_of(url: &str, more: &[&str]) -> String {
    curl(&[&["-o", "answer", "-w", "%{http_code}", url], more].concat())
}

#[test]
fn each_file_of_an_image_is_there_whole() {
    let shelf = shelf();
    let server = Http::start(shelf.clone());
    for file in ShelfFile::all() {
        let url = server.url(&format!("/images/mail-1.4.0/{}", file.file_name()));
        if shelf.path(file).exists() {
            let out = tempfile::tempdir().unwrap();
            client(out.path(), &["curl", "-sS", "-o", "got", &url]);
            assert!(
                fs::read(&out.path().join("got")).unwrap() == fs::read(&shelf.path(file)).unwrap(),
                "{url}"
            );
        } else {
            assert_eq!(code_of(&url, &[]), "404", "{url}");
        }
    }
    let signature = server.url("/images/mail-1.4.1/manifest.json");
    assert_eq!(code_of(&signature, &[]), "404", "another image");
}

/// Number 22: each firmware is sent to its disk in the way that it understands.
#[test]
fn n22_a_machine_gets_its_disk_in_the_words_of_its_firmware() {
    let server = Http::start(shelf());
    let boot = |mac: &str, file: &str| server.url(&format!("/boot/{mac}/{file}"));
    let network = curl(&[&boot(NETWORK_MAC, "ipxe")]);
    let base = server.url("");
    assert!(network.contains(&format!(
        "kernel {base}/images/mail-1.4.0/vmlinuz initrd=initrd.zst quiet understudy.network=1 "
    )));
    assert!(network.contains(&format!("initrd {base}/images/mail-1.4.0/initrd.zst ")));
    for mac in [DISK_MAC, "525400000099"] {
        let script = curl(&[&boot(mac, "ipxe")]);
        assert!(
            script.contains("sanboot --no-describe --drive 0x80") && script.ends_with("exit 1\n"),
            "{script}"
        );
        let out = tempfile::tempdir().unwrap();
        client(out.path(), &["curl", "-sS", "-o", "got", &boot(mac, "x64.efi")]);
        assert_eq!(fs::read(&out.path().join("got")).unwrap(), DISK_PROGRAM);
    }
    assert_eq!(curl(&[&boot(NETWORK_MAC, "x64.efi")]), "MZ uki");
}

/// Number 25: whatever state the shelf is in, a machine that asks gets something that ends at its disk.
#[test]
fn n25_a_boot_request_is_answered_safely_while_its_image_is_broken() {
    let shelf = shelf();
    let server = Http::start(shelf.clone());
    let url = server.url(&format!("/boot/{NETWORK_MAC}/x64.efi"));
    let out = tempfile::tempdir().unwrap();
    let fetch = || {
        client(out.path(), &["curl", "-sS", "-f", "-o", "got", &url]);
        fs::read(&out.path().join("got")).unwrap()
    };
    assert_eq!(fetch(), b"MZ uki");
    fs::write(&shelf.path(UKI), b"MZ something else").unwrap();
    assert_eq!(fetch(), DISK_PROGRAM);
    assert_eq!(code_of(&server.url("/images/mail-1.4.0/netboot.efi"), &[]), "503");
    fs::remove_file(&shelf.path(UKI)).unwrap();
    assert_eq!(fetch(), DISK_PROGRAM);
    shelf.verify();
    assert_eq!(fetch(), DISK_PROGRAM);
    fs::write(&shelf.path(UKI), b"MZ new").unwrap();
    shelf.verify();
    assert_eq!(fetch(), b"MZ new");
}

/// OVMF sends HEAD for the size, then GET, on one connection.
#[test]
fn head_tells_the_size_and_the_connection_goes_on() {
    let server = Http::start(shelf());
    let url = server.url(ROOT_PATH);
    let head = curl(&["-I", &url]);
    assert!(
        head.starts_with("HTTP/1.1 200 OK\r\n") && head.contains("Content-Length: 5000000\r\n"),
        "{head}"
    );
    let digest = Sha256::of(&pattern(5_000_000));
    assert!(
        head.contains(&format!("ETag: \"{digest}\"\r\n")) && head.contains("Accept-Ranges: bytes\r\n"),
        "{head}"
    );
    for mac in [NETWORK_MAC, DISK_MAC] {
        for file in ["x64.efi", "ipxe"] {
            let url = server.url(&format!("/boot/{mac}/{file}"));
            let size = curl(&["-o", "got", "-w", "%{size_download}", &url]);
            assert!(curl(&["-I", &url]).contains(&format!("Content-Length: {size}\r\n")), "{url}");
        }
    }
    let before = server.metrics.connections_accepted.load(std::sync::atomic::Ordering::Relaxed);
    let new = curl(&["-w", "%{num_connects} ", "-o", "1", &url, "-o", "2", &url, "-o", "3", &url]);
    assert_eq!(new, "1 0 0 ");
    assert_eq!(server.metrics.connections_accepted.load(std::sync::atomic::Ordering::Relaxed), before + 1);
}

#[test]
fn n26_parts_are_exactly_what_was_asked() {
    let server = Http::start(shelf());
    let url = server.url("/images/mail-1.4.0/vmlinuz");
    for (range, code, content) in [
        ("0-0", "206", "k"),
        ("1-3", "206", "ern"),
        ("4-", "206", "el"),
        ("-2", "206", "el"),
        ("2-99", "206", "rnel"),
        ("6-", "416", "416 Range Not Satisfiable\n"),
    ] {
        assert_eq!(curl(&["-w", "%{http_code}", "-r", range, &url]), format!("{content}{code}"), "{range}");
    }
    let etag = format!("If-Range: \"{}\"", Sha256::of(b"kernel"));
    assert_eq!(curl(&["-r", "1-3", "-H", &etag, &url]), "ern");
    assert_eq!(
        curl(&["-r", "1-3", "-H", "If-Range: \"other\"", &url]),
        "kernel",
        "of another file a part is of no use"
    );
    let head = curl(&["-D", "-", "-o", "got", "-r", "1-3", &url]);
    assert!(
        head.contains("Content-Range: bytes 1-3/6\r\n") && head.contains("Content-Length: 3\r\n"),
        "{head}"
    );
}

/// Number 26: the server goes away in the middle, and the client goes on where it was.
#[test]
fn n26_a_client_resumes_after_the_server_was_restarted() {
    let shelf = shelf();
    let content = fs::read(&shelf.path(ROOT)).unwrap();
    let server = Http::start(shelf.clone());
    let address = server.address.to_string();
    let url = server.url(ROOT_PATH);
    let out = tempfile::tempdir().unwrap();
    let mut half = TcpStream::connect(server.address).unwrap();
    half.write_all(format!("GET {ROOT_PATH} HTTP/1.1\r\nHost: x\r\n\r\n").as_bytes()).unwrap();
    let head_bytes = read_head(&mut half).len();
    let mut begun = vec![0; 1_000_000];
    half.read_exact(&mut begun).unwrap();
    assert!(head_bytes > 0 && content.starts_with(&begun));
    drop(server);
    fs::write(&out.path().join("got"), &begun).unwrap();

    let server = Http::start_with(shelf, Limits::default(), &address);
    let resumed = client(
        out.path(),
        &["curl", "-sS", "-C", "-", "-o", "got", "-w", "%{http_code} %{size_download}", &url],
    );
    assert_eq!(resumed, "206 4000000");
    assert!(fs::read(&out.path().join("got")).unwrap() == content);
    assert_eq!(server.metrics.responses(Status::PartialContent), 1);
}

/// A transfer goes on from the file that it opened; the next one gets the new file once the site has checked it.
#[test]
fn n26_a_replaced_image_does_not_disturb_a_transfer() {
    let shelf = shelf();
    let content = fs::read(&shelf.path(ROOT)).unwrap();
    let server = Http::start(shelf.clone());
    let mut slow = TcpStream::connect(server.address).unwrap();
    slow.write_all(format!("GET {ROOT_PATH} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").as_bytes())
        .unwrap();
    read_head(&mut slow);

    let staged = shelf.folder.path().join("new");
    fs::write(&staged, b"the next version").unwrap();
    fs::rename(&staged, &shelf.path(ROOT)).unwrap();
    assert_eq!(code_of(&server.url(ROOT_PATH), &[]), "503", "nobody has checked it");
    shelf.verify();
    assert_eq!(curl(&[&server.url(ROOT_PATH)]), "the next version");

    let mut rest = Vec::new();
    slow.read_to_end(&mut rest).unwrap();
    assert!(rest == content);
    assert_eq!(server.metrics.files_changed.load(std::sync::atomic::Ordering::Relaxed), 1);
}

#[test]
fn nothing_else_is_served() {
    let server = Http::start(shelf());
    for path in [
        "/",
        "/etc/passwd",
        "/images/",
        "/images/mail-1.4.0/",
        "/images/mail-1.4.0/../../../../etc/passwd",
        "/images/../images/mail-1.4.0/vmlinuz",
        "/images/mail-1.4.0/%2e%2e/vmlinuz",
        "/images/mail-1.4.0/signing.key",
        "/boot/525400000001/",
        "/boot/nobody/ipxe",
        "/boot/525400000001/../../etc/passwd",
    ] {
        assert_eq!(code_of(&server.url(path), &["--path-as-is"]), "404", "{path}");
    }
    for method in ["POST", "PUT", "DELETE", "OPTIONS", "PATCH", "TRACE", "BREW"] {
        assert_eq!(code_of(&server.url(ROOT_PATH), &["-X", method]), "405", "{method}");
    }
    assert_eq!(code_of(&server.url(ROOT_PATH), &["-X", "POST", "-d", "hello"]), "400");
    let long = format!("X: {}", "a".repeat(9000));
    assert_eq!(code_of(&server.url(ROOT_PATH), &["-H", &long]), "431");
    assert_eq!(code_of(&server.url(ROOT_PATH), &["-H", "Host:"]), "400");
    assert_eq!(code_of(&server.url(ROOT_PATH), &["--http1.0"]), "200");
}

/// Python's client, and several requests in one packet with answers in order.
#[test]
fn requests_in_a_row_are_answered_in_order() {
    let server = Http::start(shelf());
    let script = format!(
        "import http.client, socket\n\
         c = http.client.HTTPConnection('127.0.0.1', {0})\n\
         for _ in range(3):\n\
         \x20   c.request('HEAD', '{ROOT_PATH}'); r = c.getresponse(); r.read(); assert r.length == 0, r.length\n\
         \x20   assert r.getheader('Content-Length') == '5000000'\n\
         \x20   c.request('GET', '/images/mail-1.4.0/vmlinuz'); assert c.getresponse().read() == b'kernel'\n\
         s = socket.create_connection(('127.0.0.1', {0}))\n\
         one = lambda p, m='GET': f'{{m}} /images/mail-1.4.0/{{p}} HTTP/1.1\\r\\nHost: x\\r\\n\\r\\n'.encode()\n\
         s.sendall(one('vmlinuz') + one('nothing') + one('vmlinuz', 'HEAD') + one('manifest.json') + b'GET / HT')\n\
         f = s.makefile('rb')\n\
         def answer(head=False):\n\
         \x20   status, size = f.readline().split()[1], 0\n\
         \x20   while (line := f.readline()) != b'\\r\\n':\n\
         \x20       if line.startswith(b'Content-Length'): size = int(line.split()[1])\n\
         \x20   return status, f.read(0 if head else size)\n\
         print(answer(), answer()[0], answer(True), answer())\n\
         s.sendall(b'TP/1.0\\r\\n\\r\\n'); print(answer()[0], f.read())\n",
        server.address.port()
    );
    let said = client(Path::new("/"), &["python3", "-c", &script]);
    assert_eq!(said, "(b'200', b'kernel') b'404' (b'200', b'') (b'200', b'{}')\nb'404' b''\n");
}

/// Everything up to the empty line, byte by byte, so that the body stays in the socket.
pub fn read_head(stream: &mut TcpStream) -> String {
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    let (mut head, mut byte) = (Vec::new(), [0]);
    while !head.ends_with(b"\r\n\r\n") {
        stream.read_exact(&mut byte).unwrap();
        head.push(byte[0]);
    }
    String::from_utf8(head).unwrap()
}
