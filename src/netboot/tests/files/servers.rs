//! Our servers on a free port each, and what they serve.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;
use understudy_core::base::fs;
use understudy_core::base::process::Process;
use understudy_core::formats::manifest::ArtifactFile;
use understudy_core::model::mac::MacAddress;
use understudy_netboot::decision::{BootImage, BootWish};
use understudy_netboot::http::{self, BootDirectory, HttpMetrics, Limits, ServedFile, ShelfFile};
use understudy_netboot::tftp::{self, TftpMetrics};

/// The machines of the tests.
pub const NETWORK_MAC: &str = "525400000001";
pub const DISK_MAC: &str = "525400000002";

/// Bytes that show when a block is missing, doubled or moved.
pub fn pattern(bytes: usize) -> Vec<u8> {
    let mut state = 0x9e37_79b9_7f4a_7c15u64;
    let mut content = Vec::with_capacity(bytes + 8);
    while content.len() < bytes {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        content.extend_from_slice(&state.to_le_bytes());
    }
    content.truncate(bytes);
    content
}

/// Runs a server on a thread of its own until it is dropped.
struct Background {
    stop: CancellationToken,
    thread: Option<std::thread::JoinHandle<()>>,
}

impl Background {
    fn run<F: Future<Output = ()>>(server: impl FnOnce(CancellationToken) -> F + Send + 'static) -> Self {
        let stop = CancellationToken::new();
        let token = stop.clone();
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
            runtime.unwrap().block_on(server(token));
        });
        Self { stop, thread: Some(thread) }
    }
}

impl Drop for Background {
    fn drop(&mut self) {
        self.stop.cancel();
        // Every task is joined: a server that does not end makes its test hang, which is noticed.
        let ended = self.thread.take().unwrap().join();
        assert!(ended.is_ok() || std::thread::panicking());
    }
}

/// A running TFTP server.
pub struct Tftp {
    pub address: SocketAddr,
    pub metrics: Arc<TftpMetrics>,
    _background: Background,
}

impl Tftp {
    /// Serves these files.
    pub fn start(files: &[(&str, &[u8])]) -> Self {
        Self::start_at("127.0.0.1:0", files)
    }

    pub fn start_at(address: &str, files: &[(&str, &[u8])]) -> Self {
        let files = files.iter().map(|(name, content)| ((*name).to_owned(), Arc::from(*content))).collect();
        let server = tftp::build(tftp::Config { listen: vec![address.parse().unwrap()], files }).unwrap();
        let (address, metrics) = (server.addresses()[0], server.metrics());
        let background = Background::run(|stop| async { server.run(stop).await.unwrap() });
        Self { address, metrics, _background: background }
    }

    pub fn port(&self) -> String {
        self.address.port().to_string()
    }
}

/// A shelf with one image, `mail-1.4.0`, in a folder that tests may change.
pub struct Shelf {
    pub folder: TempDir,
    files: Mutex<Vec<(ShelfFile, ServedFile)>>,
    /// How often the kernel was asked for.
    pub kernel_asked: AtomicU64,
}

impl Shelf {
    pub fn new(files: &[(ShelfFile, &[u8])]) -> Arc<Self> {
        let folder = tempfile::tempdir().unwrap();
        for (file, content) in files {
            fs::write(&folder.path().join(file.file_name()), content).unwrap();
        }
        let shelf = Self { folder, files: Mutex::default(), kernel_asked: AtomicU64::new(0) };
        shelf.verify();
        Arc::new(shelf)
    }

    /// As the site does when an image came: from now on its files as they are now are served.
    pub fn verify(&self) {
        let there = ShelfFile::all().filter(|file| self.path(*file).exists());
        let examine = |file: ShelfFile| (file, ServedFile::examine(&self.path(file)).unwrap());
        *self.files.lock().unwrap() = there.map(examine).collect();
    }

    pub fn path(&self, file: ShelfFile) -> PathBuf {
        self.folder.path().join(file.file_name())
    }
}

impl BootDirectory for Shelf {
    fn wish(&self, mac: MacAddress) -> BootWish {
        match mac.digits().as_str() {
            NETWORK_MAC => {
                let version = semver::Version::new(1, 4, 0);
                BootWish::Network(BootImage::new("mail".parse().unwrap(), version, "quiet").unwrap())
            }
            DISK_MAC => BootWish::Disk,
            _ => BootWish::Nothing,
        }
    }

    fn file(&self, image: &str, file: ShelfFile) -> Option<ServedFile> {
        let is_kernel = file == ShelfFile::Artifact(ArtifactFile::Kernel);
        self.kernel_asked.fetch_add(u64::from(is_kernel), Ordering::Relaxed);
        let files = self.files.lock().unwrap();
        let found = files.iter().find(|(known, _)| *known == file).map(|(_, served)| served.clone());
        found.filter(|_| image == "mail-1.4.0")
    }
}

/// A running HTTP server.
pub struct Http {
    pub address: SocketAddr,
    pub metrics: Arc<HttpMetrics>,
    _background: Background,
}

impl Http {
    pub fn start(shelf: Arc<Shelf>) -> Self {
        Self::start_with(shelf, Limits::default(), "127.0.0.1:0")
    }

    pub fn start_with(shelf: Arc<Shelf>, limits: Limits, address: &str) -> Self {
        let config = http::Config { listen: vec![address.parse().unwrap()], limits };
        let server = http::build(config, shelf).unwrap();
        let (address, metrics) = (server.addresses()[0], server.metrics());
        let background = Background::run(|stop| async { server.run(stop).await.unwrap() });
        Self { address, metrics, _background: background }
    }

    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }
}

/// The big file of an image, and where it is.
pub const ROOT: ShelfFile = ShelfFile::Artifact(ArtifactFile::Root);
pub const ROOT_PATH: &str = "/images/mail-1.4.0/root.squashfs";

/// Runs a client in a folder; its standard output, or a panic with what it said.
#[track_caller]
pub fn client(folder: &Path, argv: &[&str]) -> String {
    let output = Process::new(argv[0]).args(&argv[1..]).current_dir(folder).run().unwrap();
    String::from_utf8(output.stdout).unwrap()
}

/// Waits, a second at most, until something holds that another thread is about to make true.
#[track_caller]
pub fn soon(what: &str, mut holds: impl FnMut() -> bool) {
    let start = std::time::Instant::now();
    while !holds() {
        assert!(start.elapsed().as_secs() < 10, "{what} does not happen");
        std::thread::yield_now();
    }
}
