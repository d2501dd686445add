//! Postfix's smtp-sink, which speaks LMTP: unpacked beside the build, never installed.

use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;
use tempfile::TempDir;
use tokio::net::UnixStream;
use tokio::process::{Child, Command};

/// The folder with a package of `tests/peers.txt` in it. `tests/peers.rs` of the platform keeps them in the same place.
async fn unpacked(package: &str) -> PathBuf {
    let is_checkout = |folder: &&Path| folder.join("tests/peers.txt").is_file();
    let tree = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().find(is_checkout).unwrap();
    let folder = tree.join("target/peers").join(package);
    if folder.is_dir() {
        return folder;
    }
    fs_err::create_dir_all(folder.parent().unwrap()).unwrap();
    let staged = tempfile::tempdir_in(folder.parent().unwrap()).unwrap();
    let script = "apt-get download \"$1\" && dpkg -x ./*.deb root";
    let output = Command::new("sh").args(["-c", script, "sh", package]).current_dir(&staged).output().await;
    let output = output.unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    // Another test may have been faster; its copy is as good.
    let _ = fs_err::rename(staged.path().join("root"), &folder);
    folder
}

pub struct Sink {
    folder: TempDir,
    _process: Child,
}

impl Sink {
    /// On a socket in a folder of its own; each message is a file there.
    pub async fn open(options: &[&str]) -> Self {
        let (postfix, folder) = (unpacked("postfix").await, tempfile::tempdir().unwrap());
        let mut command = Command::new(postfix.join("usr/sbin/smtp-sink"));
        command.env("LD_LIBRARY_PATH", postfix.join("usr/lib/postfix")).current_dir(&folder);
        command.arg("-L").args(["-d", "message."]).args(options);
        if fs_err::metadata("/proc/self").unwrap().uid() == 0 {
            // As root it wants to become somebody.
            command.args(["-u", "root"]);
        }
        command.args(["unix:socket", "100"]).stdout(Stdio::null()).stderr(Stdio::null()).kill_on_drop(true);
        let sink = Self { _process: command.spawn().unwrap(), folder };
        for _ in 0..1000 {
            // The socket is there a moment before anybody listens.
            if UnixStream::connect(sink.folder.path().join("socket")).await.is_ok() {
                return sink;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        panic!("smtp-sink does not listen");
    }

    pub fn target(&self) -> mail::lmtp::Target {
        format!("unix:{}", self.folder.path().join("socket").display()).parse().unwrap()
    }

    /// What it was told and what it got, in any order.
    pub fn messages(&self) -> Vec<String> {
        let files = self.folder.path().read_dir().unwrap().map(|file| file.unwrap().path());
        let messages =
            files.filter(|path| path.file_name().unwrap().to_string_lossy().starts_with("message."));
        messages.map(|path| fs_err::read_to_string(path).unwrap()).collect()
    }
}
