//! A MariaDB server of the test's own: in a temporary folder, on a socket there, as an ordinary user.

#![expect(
    clippy::disallowed_methods,
    reason = "this crate knows nothing of the platform's core::base::process"
)]

use mail::directory::database::{MariaDbOptions, Transport};
use std::cell::Cell;
use std::os::unix::fs::{MetadataExt, chown};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use tempfile::TempDir;
use zeroize::Zeroizing;

const PASSWORD: &str = "it's \"secret\"";
/// Databases `mail0` to `mailf`.
const DATABASES: usize = 16;
/// As little work for the disk as there can be: nothing here outlives the test.
const LIGHT: [&str; 5] = [
    "--innodb-buffer-pool-size=16M",
    "--innodb-log-file-size=4M",
    "--innodb-flush-method=nosync",
    "--innodb-use-native-aio=0",
    "--skip-name-resolve",
];
const START_WAIT_MAX: Duration = Duration::from_secs(60);
/// As whom it runs where the test is root's, which the server refuses to be.
const NOBODY: u32 = 65534;

/// Runs as long as it is kept.
pub struct Server {
    folder: TempDir,
    arguments: Vec<String>,
    next_database: Cell<usize>,
    process: Option<Child>,
}

impl Server {
    pub fn start(arguments: &[&str]) -> Self {
        let folder = tempfile::Builder::new().prefix("mariadb-").tempdir().unwrap();
        fs_err::create_dir(folder.path().join("tmp")).unwrap();
        if is_root(folder.path()) {
            for path in [folder.path(), &folder.path().join("tmp")] {
                chown(path, Some(NOBODY), Some(NOBODY)).unwrap();
            }
        }
        let arguments = arguments.iter().map(|&argument| argument.to_owned()).collect();
        let mut server = Self { folder, arguments, next_database: Cell::new(0), process: None };
        server.install();
        server.run();
        server
    }

    /// Again, after [`Server::kill`].
    pub fn run(&mut self) {
        let mut command = self.command("mariadbd");
        command.arg(format!("--socket={}", self.socket().display()));
        command.arg(format!("--init-file={}", self.path("init.sql").display()));
        if !self.arguments.iter().any(|argument| argument.starts_with("--port")) {
            command.arg("--skip-networking");
        }
        command.args(&self.arguments);
        let log = fs_err::File::create(self.path("log")).unwrap().into_file();
        command.stdout(Stdio::null()).stderr(log);
        let mut process = command.spawn().expect("mariadbd is installed: make packages");
        let began = Instant::now();
        while UnixStream::connect(self.socket()).is_err() {
            let is_over = process.try_wait().unwrap().is_some();
            if is_over || began.elapsed() > START_WAIT_MAX {
                drop(process.kill());
                panic!("mariadbd does not start:\n{}", fs_err::read_to_string(self.path("log")).unwrap());
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        self.process = Some(process);
    }

    /// As a power cut does, except for the disk.
    pub fn kill(&mut self) {
        if let Some(mut process) = self.process.take() {
            process.kill().unwrap();
            process.wait().unwrap();
        }
    }

    /// Stops it in the middle of whatever it does, as a machine that hangs; and lets it go on.
    pub fn signal(&self, signal: &str) {
        let id = self.process.as_ref().unwrap().id().to_string();
        assert!(Command::new("kill").args([signal, &id]).status().unwrap().success());
    }

    pub fn options(&self) -> MariaDbOptions {
        MariaDbOptions {
            transport: Transport::Socket(self.socket()),
            database: "mail0".to_owned(),
            user: "inbound".to_owned(),
            password: Some(Zeroizing::new(PASSWORD.to_owned())),
            connections_max: 4,
        }
    }

    /// With tables that nobody else has.
    pub fn options_of_next_database(&self) -> MariaDbOptions {
        let number = self.next_database.get();
        assert!(number < DATABASES);
        self.next_database.set(number + 1);
        MariaDbOptions { database: format!("mail{number:x}"), ..self.options() }
    }

    fn socket(&self) -> PathBuf {
        self.path("socket")
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn install(&self) {
        // The tables bring their own character set: this one could not hold most letters.
        let mut init: String = (0..DATABASES)
            .map(|number| format!("CREATE DATABASE IF NOT EXISTS mail{number:x} CHARACTER SET latin1;\n"))
            .collect();
        let password = PASSWORD.replace('\'', "''");
        init += &format!("CREATE USER IF NOT EXISTS inbound IDENTIFIED BY '{password}';\n");
        init += "GRANT ALL ON `mail_`.* TO inbound;\n";
        fs_err::write(self.path("init.sql"), init).unwrap();
        let mut command = self.command("mariadb-install-db");
        command.args(["--auth-root-authentication-method=normal", "--skip-test-db"]);
        let output = command.output().expect("mariadb-install-db is installed: make packages");
        let said = [output.stdout, output.stderr].concat();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&said));
    }

    fn command(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        // The first argument has to be this one.
        command.arg("--no-defaults").arg(format!("--datadir={}", self.path("data").display()));
        if is_root(Path::new("/proc/self")) {
            command.arg("--user=nobody");
        }
        // A server that starts clears this folder of what looks like its own.
        command.arg(format!("--tmpdir={}", self.path("tmp").display())).args(LIGHT);
        command
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.kill();
    }
}

fn is_root(path: &Path) -> bool {
    fs_err::metadata(path).unwrap().uid() == 0
}
