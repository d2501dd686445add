//! A small Debian archive on loopback, signed with a key of its own, that vanishes when told to.

use crate::command::{run, run_understudy, text, tool};
use crate::fixture::{Fixture, fixture, tree};
use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use tempfile::TempDir;
use understudy_core::base::fs;
use understudy_core::base::process::Process;
use understudy_core::base::sha256::Sha256;

/// Answers on their way when the connection broke (apt.conf(5), Acquire::http::Pipeline-Depth).
const PIPELINE_DEPTH: i64 = 10;

/// An archive with the packages of the shared lock.
struct Mirror {
    folder: TempDir,
    address: String,
    /// Packages that it still gives away before it breaks off every connection.
    left: Arc<AtomicI64>,
    given: Arc<AtomicI64>,
}

impl Mirror {
    fn start(fixture: &Fixture) -> Self {
        let folder = tempfile::tempdir().unwrap();
        write_archive(fixture, folder.path());
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = format!("http://{}/debian", listener.local_addr().unwrap());
        let (left, given) = (Arc::new(AtomicI64::new(i64::MAX)), Arc::new(AtomicI64::new(0)));
        let (root, counters) = (folder.path().to_owned(), (left.clone(), given.clone()));
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let (root, (left, given)) = (root.clone(), counters.clone());
                std::thread::spawn(move || drop(answer(stream, &root, &left, &given)));
            }
        });
        Self { folder, address, left, given }
    }

    fn keyring(&self) -> PathBuf {
        self.folder.path().join("keyring.gpg")
    }
}

fn write_archive(fixture: &Fixture, root: &Path) {
    let pool = root.join("debian/pool");
    let dists = root.join("debian/dists/bookworm");
    fs::create_dir_all(&pool).unwrap();
    fs::create_dir_all(&dists.join("main/binary-amd64")).unwrap();
    let mut index = String::new();
    for (name, cached) in fixture.package_files() {
        fs::copy(&cached, &pool.join(&name)).unwrap();
        let control = tool("dpkg-deb", ["--field", text(&cached)]);
        let (digest, size) = Sha256::of_file(&cached).unwrap();
        writeln!(index, "{}\nFilename: pool/{name}\nSize: {size}\nSHA256: {digest}\n", control.trim_end())
            .unwrap();
    }
    index.push_str(&kernel_metapackage(&index));
    fs::write(&dists.join("main/binary-amd64/Packages"), index.as_bytes()).unwrap();
    let release = format!(
        "Origin: Test\nSuite: bookworm\nCodename: bookworm\nDate: Sun, 22 Nov 2026 02:09:05 UTC\n\
         Architectures: amd64\nComponents: main\nSHA256:\n {} {} main/binary-amd64/Packages\n",
        Sha256::of(index.as_bytes()),
        index.len()
    );
    fs::write(&root.join("Release"), release.as_bytes()).unwrap();
    sign(root, &dists.join("InRelease"));
}

/// The package that `image.toml` names: it is never downloaded, only what it depends on.
fn kernel_metapackage(index: &str) -> String {
    let kernel = index.split("\n\n").find(|record| record.starts_with("Package: linux-image-")).unwrap();
    let field = |name: &str| kernel.lines().find_map(|line| line.strip_prefix(name)).unwrap().to_owned();
    let (name, version) = (field("Package: "), field("Version: "));
    format!(
        "Package: linux-image-amd64\nVersion: {version}\nArchitecture: amd64\nDepends: {name} (= {version})\n\
         Filename: pool/none.deb\nSize: 1\nSHA256: {}\n\n",
        "0".repeat(64)
    )
}

/// Makes a key that nobody else knows, and signs with it.
fn sign(root: &Path, out: &Path) {
    let home = root.join("gnupg");
    fs::create_dir_all(&home).unwrap();
    std::fs::set_permissions(&home, std::os::unix::fs::PermissionsExt::from_mode(0o700)).unwrap();
    let gpg = |arguments: &[&str]| {
        let gpg =
            Process::new("gpg").args(["--homedir", text(&home), "--batch", "--yes", "--passphrase", ""]);
        run(gpg.args(["--pinentry-mode", "loopback"]).args(arguments)).expect_success()
    };
    gpg(&["--quick-generate-key", "Test Archive", "ed25519", "sign", "never"]);
    gpg(&["--output", text(&root.join("keyring.gpg")), "--export"]);
    gpg(&["--output", text(out), "--clearsign", text(&root.join("Release"))]);
    let ended = run(Process::new("gpgconf").args(["--homedir", text(&home), "--kill", "all"]));
    assert_eq!(ended.code, Some(0));
}

/// One kept-alive connection (RFC 9112), as much of it as apt needs.
fn answer(mut stream: TcpStream, root: &Path, left: &AtomicI64, given: &AtomicI64) -> std::io::Result<()> {
    let mut reader = BufReader::new(stream.try_clone()?);
    loop {
        let mut request = String::new();
        if reader.read_line(&mut request)? == 0 {
            return Ok(());
        }
        let mut header = String::new();
        while reader.read_line(&mut header)? > 2 {
            header.clear();
        }
        let path = request.split(' ').nth(1).unwrap_or_default().replace("%2b", "+").replace("%7e", "~");
        let content = fs::read(&root.join(path.trim_start_matches('/').replace("%25", "%"))).ok();
        let is_package = path.ends_with(".deb");
        if is_package && left.fetch_sub(1, Ordering::SeqCst) <= 0 {
            // In the middle of a file, as a cable that is pulled.
            let half = content.as_deref().map_or(&[][..], |content| &content[..content.len() / 2]);
            write!(stream, "HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", 2 * half.len())?;
            return stream.write_all(half);
        }
        match content {
            Some(content) => {
                write!(stream, "HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", content.len())?;
                stream.write_all(&content)?;
                given.fetch_add(i64::from(is_package), Ordering::SeqCst);
            }
            None => write!(stream, "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n")?,
        }
    }
}

#[test]
fn a_mirror_that_vanishes_in_the_middle_is_told_and_a_repeated_build_goes_on_there() {
    let fixture = fixture();
    let mirror = Mirror::start(&fixture);
    let keyring = mirror.keyring();
    let archive = ["--mirror", &mirror.address, "--keyring", text(&keyring)];

    let place = tempfile::tempdir().unwrap();
    let (lock, images) = (place.path().join("image.lock"), tree().join("images/mail"));
    let lock_words = ["image", "lock", text(&images), "--output", text(&lock)];
    run_understudy([&lock_words[..], &archive[..]].concat()).expect_success();
    let pins = |path: &Path| {
        let text = fs::read_text(path).unwrap();
        text.lines()
            .filter_map(|line| line.split("sha256 = ").nth(1))
            .map(str::to_owned)
            .collect::<BTreeSet<_>>()
    };
    let (here, there) = (pins(&lock), pins(&fixture.lock));
    let different: Vec<_> = here.symmetric_difference(&there).collect();
    assert!(different.is_empty(), "not as from the whole archive: {different:#?}");

    let cache = fixture.copy_of_cache(&["layers"]);
    let out = place.path().join("out");
    let mut build = fixture.build_arguments(tree(), &out, cache.path());
    build.extend(archive.iter().map(PathBuf::from));
    mirror.left.store(50, Ordering::SeqCst);
    let ended = run_understudy(&build);
    ended.expect_failure(1, &["the archive broke off", "hint: look at the network", "what arrived is kept"]);
    assert!(!out.exists());

    let given_before = mirror.given.swap(0, Ordering::SeqCst);
    assert_eq!(given_before, 50);
    mirror.left.store(i64::MAX, Ordering::SeqCst);
    run_understudy(&build).expect_success();
    let total = i64::try_from(fixture.package_files().len()).unwrap();
    let again = mirror.given.load(Ordering::SeqCst) - (total - given_before);
    assert!((0..=PIPELINE_DEPTH).contains(&again), "{again} packages were fetched twice");
}

#[test]
fn an_archive_signed_with_another_key_is_refused() {
    let fixture = fixture();
    let mirror = Mirror::start(&fixture);
    let place = tempfile::tempdir().unwrap();
    let lock = place.path().join("image.lock");
    let images = tree().join("images/mail");
    // Without --keyring only Debian's own keys count.
    let words = ["image", "lock", text(&images), "--output", text(&lock), "--mirror", &mirror.address];
    run_understudy(words).expect_failure(1, &["apt cannot read the package lists", "NO_PUBKEY", "hint: "]);
    assert!(!lock.exists());
}
