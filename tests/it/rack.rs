//! A lab for a test: a rack with a site, seen through the command alone, and gone when the test ends.

use crate::command::{Ended, run_understudy, text};
use nix::unistd::Pid;
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};
use understudy_core::base::fs;
use understudy_core::base::process::{Process, Running};

/// Machines under emulation on a busy computer.
pub const LIMIT: Duration = Duration::from_secs(420);
const LOOK: Duration = Duration::from_millis(500);

/// A lab that is up.
pub struct Rack {
    pub name: String,
    pub folder: PathBuf,
}

impl Rack {
    /// Switches the machines on; `more` are further arguments of `lab up`.
    #[track_caller]
    pub fn up(name: &str, image: &Path, key: &Path, more: &[&str]) -> Self {
        let name = format!("{name}-{}", std::process::id());
        let base = ["lab", "up", "--name", &name, "--site-image", text(image), "--key", text(key), "--json"];
        let ended = run_understudy([&base, more].concat()).expect_success();
        let status: Value = serde_json::from_str(&ended.stdout).unwrap();
        Self { folder: status["folder"].as_str().unwrap().into(), name }
    }

    /// A verb of `understudy lab` about this lab.
    pub fn lab(&self, words: &[&str]) -> Ended {
        run_understudy([&["lab"], words, &["--name", &self.name]].concat())
    }

    /// A command on the machine with this serial, as its operator runs it.
    pub fn ssh(&self, serial: &str, command: &[&str]) -> Ended {
        run_understudy([&["lab", "ssh", serial, "--name", &self.name, "--"], command].concat())
    }

    /// A verb about this lab's site.
    pub fn site(&self, words: &[&str]) -> Ended {
        let site = self.folder.join("site.toml");
        run_understudy([words, &["--site", text(&site)]].concat())
    }

    /// What the site says of the machine with this serial, once it knows it. A site that is away says nothing.
    pub fn node(&self, serial: &str) -> Option<Value> {
        let ended = self.site(&["nodes", "--json"]);
        let nodes: Vec<Value> = serde_json::from_str(&ended.stdout).unwrap_or_default();
        nodes.into_iter().find(|node| node["serial"] == serial)
    }

    /// Waits until the site says this of the machine.
    #[track_caller]
    pub fn wait_for(&self, serial: &str, what: &str, is_so: impl Fn(&Value) -> bool) -> Value {
        let began = Instant::now();
        let mut last = None;
        while began.elapsed() < LIMIT {
            last = self.node(serial);
            if let Some(node) = last.as_ref().filter(|node| is_so(node)) {
                return node.clone();
            }
            std::thread::sleep(LOOK);
        }
        panic!("{serial} is not {what} after {LIMIT:?}: {last:#?}\n{}\n{}", self.console(serial), self.log());
    }

    /// Waits for a state of the machine.
    #[track_caller]
    pub fn wait_for_state(&self, serial: &str, state: &str) -> Value {
        self.wait_for(serial, state, |node| node["state"] == state)
    }

    /// Waits until the machine's console shows this.
    #[track_caller]
    pub fn wait_for_console(&self, serial: &str, what: &str, is_so: impl Fn(&str) -> bool) {
        let began = Instant::now();
        while began.elapsed() < LIMIT {
            if is_so(&self.console(serial)) {
                return;
            }
            std::thread::sleep(LOOK);
        }
        panic!("{serial} is not {what} after {LIMIT:?}:\n{}\n{}", self.console(serial), self.log());
    }

    /// What the lab says of itself.
    #[track_caller]
    pub fn status(&self) -> Value {
        serde_json::from_str(&self.lab(&["status", "--json"]).expect_success().stdout).unwrap()
    }

    /// The site's process, as this computer calls it.
    #[track_caller]
    pub fn site_pid(&self) -> Pid {
        let status = self.status();
        let pid = status["site"]["serving"]["pid"].as_i64();
        Pid::from_raw(pid.unwrap_or_else(|| panic!("{status:#}")).try_into().unwrap())
    }

    /// Starts the site once more, where the lab has started it: in its network, with its shelf.
    pub fn serve_again(&self) -> Running {
        let supervisor = self.status()["supervisor"].to_string();
        let user: &[&str] =
            if nix::unistd::geteuid().is_root() { &[] } else { &["--user", "--preserve-credentials"] };
        let site = self.folder.join("site.toml");
        let enter = Process::new("nsenter").args(["--target", &supervisor, "--mount", "--net", "--pid"]);
        let serve = enter.args(user).args(["--", env!("CARGO_BIN_EXE_understudy"), "serve", "--site"]);
        let silent = |command: &mut std::process::Command| {
            command.stdout(Stdio::null()).stderr(Stdio::null());
        };
        serve.arg(site).with(silent).spawn().unwrap()
    }

    /// Everything that the machine's console showed.
    pub fn console(&self, serial: &str) -> String {
        let bytes = fs::read(&self.folder.join(serial).join("console")).unwrap_or_default();
        String::from_utf8_lossy(&bytes).into_owned()
    }

    /// What the site's process said.
    pub fn log(&self) -> String {
        fs::read_text(&self.folder.join("serve.log")).unwrap_or_default()
    }
}

impl Drop for Rack {
    fn drop(&mut self) {
        let ended = self.lab(&["down"]);
        if !std::thread::panicking() {
            ended.expect_success();
        }
    }
}
