//! Debian's Dovecot as a pair: unpacked beside the build, never installed, and laid over `/usr` in namespaces of its own.

use crate::house::{PATIENCE, PROXY, SECRET, command};
use crate::line::Line;
use base64::{Engine, engine::general_purpose::STANDARD as BASE64};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};
use tempfile::TempDir;

const PACKAGES: [&str; 5] = ["dovecot-core", "dovecot-imapd", "dovecot-pop3d", "libsodium23", "libunwind8"];
/// Somebody may have taken its ports meanwhile.
const TRIES: u32 = 5;

pub struct Dovecot {
    child: Child,
    folder: TempDir,
    pub imap: SocketAddr,
    pub pop3: SocketAddr,
}

impl Dovecot {
    /// With these accounts at `example.org`, which only the front end's secret opens.
    pub fn start(accounts: &[&str]) -> Self {
        let layers: Vec<_> = PACKAGES.iter().map(|package| unpacked(package).join("usr")).collect();
        for _ in 0..TRIES {
            if let Some(dovecot) = Self::try_start(&layers, accounts) {
                return dovecot;
            }
        }
        panic!("Dovecot does not start")
    }

    fn try_start(layers: &[PathBuf], accounts: &[&str]) -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        let [imap, pop3] = [(); 2].map(|()| TcpListener::bind("127.0.0.1:0").unwrap());
        let [imap, pop3] = [imap, pop3].map(|listener| listener.local_addr().unwrap());
        let file = folder.path().join("dovecot.conf");
        fs_err::write(&file, configuration(folder.path(), imap, pop3)).unwrap();
        write_users(folder.path(), accounts);
        let layers: Vec<_> = layers.iter().map(|layer| layer.display().to_string()).collect();
        // As somebody who is nobody: Dovecot refuses mail of root's.
        let script = format!(
            "mount -t overlay overlay -o lowerdir={}:/usr /usr && exec unshare --user --map-user=65534 --map-group=65534 \
             dovecot -F -c {}",
            layers.join(":"),
            file.display()
        );
        let mut unshare = command("unshare");
        unshare.args(["--user", "--map-root-user", "--mount", "sh", "-c", &script]).stdin(Stdio::null());
        let child = unshare.stdout(Stdio::null()).spawn().unwrap();
        let mut dovecot = Self { child, folder, imap, pop3 };
        let start = Instant::now();
        while [imap, pop3].iter().any(|address| TcpStream::connect(address).is_err()) {
            if dovecot.child.try_wait().unwrap().is_some() {
                return None;
            }
            assert!(start.elapsed() < PATIENCE, "Dovecot does not listen: {}", dovecot.log());
            std::thread::sleep(Duration::from_millis(5));
        }
        Some(dovecot)
    }

    /// From now on. It looks at its file once in a second.
    pub fn learn(&self, name: &str) {
        write_users(self.folder.path(), &[name]);
        self.until_it_knows(name, true);
    }

    pub fn forget(&self, name: &str) {
        write_users(self.folder.path(), &[]);
        self.until_it_knows(name, false);
    }

    fn until_it_knows(&self, name: &str, is_known: bool) {
        let message = BASE64.encode(format!("{name}@example.org\0{PROXY}\0{SECRET}"));
        let start = Instant::now();
        loop {
            let said = Line::connect(self.imap, "* OK ").ask(&format!("a AUTHENTICATE PLAIN {message}"));
            if said.starts_with("a OK ") == is_known {
                return;
            }
            assert!(start.elapsed() < PATIENCE, "{said}");
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    pub fn log(&self) -> String {
        fs_err::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }
}

impl Drop for Dovecot {
    fn drop(&mut self) {
        // It ends its processes when it is asked to, and only then.
        let id = Pid::from_raw(i32::try_from(self.child.id()).unwrap());
        let _ = kill(id, Signal::SIGTERM);
        let start = Instant::now();
        while self.child.try_wait().is_ok_and(|status| status.is_none()) && start.elapsed() < PATIENCE {
            std::thread::sleep(Duration::from_millis(5));
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn write_users(folder: &Path, accounts: &[&str]) {
    let lines: String =
        accounts.iter().map(|name| format!("{name}@example.org:{{PLAIN}}none::::::\n")).collect();
    let staged = folder.join("users.new");
    fs_err::write(&staged, lines).unwrap();
    fs_err::rename(staged, folder.join("users")).unwrap();
}

fn configuration(folder: &Path, imap: SocketAddr, pop3: SocketAddr) -> String {
    let folder = folder.display();
    let (imap, pop3) = (imap.port(), pop3.port());
    format!(
        "base_dir = {folder}/run\nstate_dir = {folder}/state\nlog_path = {folder}/log\n\
         default_internal_user = nobody\ndefault_internal_group = nogroup\ndefault_login_user = nobody\n\
         protocols = imap pop3\nlisten = 127.0.0.1\nssl = no\ndisable_plaintext_auth = no\nauth_mechanisms = plain\n\
         auth_verbose = yes\nauth_failure_delay = 0\nmail_location = maildir:{folder}/mail/%u\nfirst_valid_uid = 1\n\
         mail_max_userip_connections = 1000\n\
         passdb {{\n driver = static\n args = password={SECRET}\n master = yes\n username_filter = {PROXY}\n pass = yes\n}}\n\
         passdb {{\n driver = passwd-file\n args = {folder}/users\n}}\n\
         userdb {{\n driver = static\n args = uid=nobody gid=nogroup home={folder}/mail/%u\n}}\n\
         service imap-login {{\n inet_listener imap {{\n  port = {imap}\n }}\n inet_listener imaps {{\n  port = 0\n }}\n chroot =\n}}\n\
         service pop3-login {{\n inet_listener pop3 {{\n  port = {pop3}\n }}\n inet_listener pop3s {{\n  port = 0\n }}\n chroot =\n}}\n\
         service anvil {{\n unix_listener anvil-auth-penalty {{\n  mode = 0\n }}\n chroot =\n}}\n"
    )
}

/// The folder with a package of `tests/peers.txt` in it. `tests/peers.rs` of the platform keeps them in the same place.
fn unpacked(package: &str) -> PathBuf {
    let is_checkout = |folder: &&Path| folder.join("tests/peers.txt").is_file();
    let tree = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().find(is_checkout).unwrap();
    let folder = tree.join("target/peers").join(package);
    if folder.is_dir() {
        return folder;
    }
    fs_err::create_dir_all(folder.parent().unwrap()).unwrap();
    let staged = tempfile::tempdir_in(folder.parent().unwrap()).unwrap();
    let script = "apt-get download \"$1\" && dpkg -x ./*.deb root";
    let output = command("sh").args(["-c", script, "sh", package]).current_dir(&staged).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    // Another test may have been faster; its copy is as good.
    let _ = fs_err::rename(staged.path().join("root"), &folder);
    folder
}
