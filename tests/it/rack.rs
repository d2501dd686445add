//! A lab for a test: a rack with a site, seen through the command alone, and gone when the test ends.

use crate::command::{Ended, run_understudy, text, tool};
use nix::sys::signal::{Signal, kill};
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
    /// The site, once it is no longer the lab's own process.
    again: Option<Running>,
}

impl Rack {
    /// Switches the machines on; `more` are further arguments of `lab up`.
    #[track_caller]
    pub fn up(name: &str, image: &Path, key: &Path, more: &[&str]) -> Self {
        Self::start(name, &[&["--site-image", text(image), "--key", text(key)], more].concat())
    }

    /// Switches the machines of a lab on that is down, with what these settings say for its site.
    #[track_caller]
    pub fn from(name: &str, folder: &Path, settings: &Path) -> Self {
        Self::start(name, &["--from", text(folder), "--site-settings", text(settings)])
    }

    #[track_caller]
    fn start(name: &str, arguments: &[&str]) -> Self {
        let name = format!("{name}-{}", std::process::id());
        let base = ["lab", "up", "--name", &name, "--json"];
        let ended = run_understudy([&base, arguments].concat()).expect_success();
        let status: Value = serde_json::from_str(&ended.stdout).unwrap();
        Self { folder: status["folder"].as_str().unwrap().into(), name, again: None }
    }

    /// Ends the lab and leaves its folder here, with what its machines can go on from.
    #[track_caller]
    pub fn suspend(self, folder: &Path) {
        self.lab(&["suspend"]).expect_success();
        tool("mv", [text(&self.folder), text(folder)]);
        // There is nothing left to bring down.
        std::mem::forget(self);
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

    /// Every node that the site knows, the oldest first. A site that is away says nothing.
    pub fn nodes(&self) -> Vec<Value> {
        serde_json::from_str(&self.site(&["nodes", "--json"]).stdout).unwrap_or_default()
    }

    /// What the site says of the machine with this serial, once it knows it: under the newest of its keys.
    pub fn node(&self, serial: &str) -> Option<Value> {
        self.nodes().into_iter().rfind(|node| node["serial"] == serial)
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

    /// When the machine came to each step, in seconds after its power: what the site's events say of it.
    #[track_caller]
    pub fn steps(&self, serial: &str) -> String {
        let id = self.node(serial).unwrap()["id"].clone();
        let now = jiff::Timestamp::now();
        let status = self.status();
        let machine = status["nodes"].as_array().unwrap().iter().find(|node| node["node"] == serial).unwrap();
        let uptime = Duration::from_secs_f64(machine["uptime_s"].as_f64().unwrap());
        let ended = self.site(&["events", "--json"]).expect_success();
        let events = ended.stdout.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
        let steps = events.filter(|event| event["node"] == id).map(|event| {
            let at: jiff::Timestamp = event["at"].as_str().unwrap().parse().unwrap();
            let after = uptime.as_secs_f64() - now.duration_since(at).as_secs_f64();
            format!("{} {after:.1} s", event["kind"].as_str().unwrap())
        });
        let firmware = machine["firmware"].as_str().unwrap();
        format!("{serial} ({firmware}), after power-on: {}", steps.collect::<Vec<_>>().join(", "))
    }

    /// Ends the site, changes its file, and starts it again.
    #[track_caller]
    pub fn change_site(&mut self, from: &str, to: &str) {
        let site = self.site_now();
        kill(site, Signal::SIGTERM).unwrap();
        wait_for_end(site);
        let path = self.folder.join("site.toml");
        let text = fs::read_text(&path).unwrap();
        assert!(text.contains(from), "{from} is not in {text}");
        fs::write(&path, text.replacen(from, to, 1).as_bytes()).unwrap();
        self.start_site();
    }

    /// The site's process, also when the lab did not start it.
    #[track_caller]
    pub fn site_now(&self) -> Pid {
        match &self.again {
            // The one behind nsenter, which waits for it (proc_pid_children(5)).
            Some(enter) => {
                let pid = enter.child.id();
                let children = fs::read_text(Path::new(&format!("/proc/{pid}/task/{pid}/children"))).unwrap();
                Pid::from_raw(children.trim().parse().unwrap())
            }
            None => self.site_pid(),
        }
    }

    /// Starts the site, which has ended, and waits until it answers.
    #[track_caller]
    pub fn start_site(&mut self) {
        self.again = Some(self.serve_again());
        let began = Instant::now();
        while self.site(&["nodes"]).code != Some(0) {
            assert!(began.elapsed() < LIMIT, "the site is away");
            std::thread::sleep(LOOK);
        }
    }

    /// A command of this computer in the lab's network.
    pub fn inside(&self, command: &[&str]) -> Ended {
        run_understudy([&["lab", "exec", "--name", &self.name, "--"], command].concat())
    }

    /// A machine's disk, by its number from 1.
    pub fn disk(&self, serial: &str, number: usize) -> PathBuf {
        let name = if number == 1 { "disk.raw".to_owned() } else { format!("disk-{number}.raw") };
        self.folder.join(serial).join(name)
    }

    /// Lets a machine have the image, whose console must show the code that the site shows.
    #[track_caller]
    pub fn approve(&self, serial: &str, more: &[&str]) {
        let node = self.wait_for(serial, "known", |_| true);
        let code = node["code"].as_str().unwrap();
        self.wait_for_console(serial, "showing its code", |console| console.contains(code));
        self.site(&[&["approve", code], more].concat()).expect_success();
    }

    /// Every event of one kind, in words.
    pub fn events(&self, kind: &str) -> Vec<String> {
        let ended = self.site(&["events", "--json"]);
        let events = ended.stdout.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
        let of_kind = events.filter(|event| event["kind"] == kind);
        of_kind.map(|event| event["text"].as_str().unwrap().to_owned()).collect()
    }

    /// Tells the machine's BMC that the next start is from its disk, as an independent client does.
    pub fn take_disk_once(&self, number: usize) {
        let status = self.status();
        let bmc = status["nodes"][number - 1]["bmc"]["url"].as_str().unwrap();
        let url = format!("{bmc}/redfish/v1/Systems/1");
        let curl = ["curl", "--fail", "-s", "-m", "5", "-u", "understudy:lab", "-X", "PATCH", "-d"];
        let disk = r#"{"Boot": {"BootSourceOverrideEnabled": "Once", "BootSourceOverrideTarget": "Hdd"}}"#;
        self.inside(&[&curl[..], &[disk, &url]].concat()).expect_success();
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

/// Its folder and its ports are free when it is gone for good.
pub fn wait_for_end(process: Pid) {
    while kill(process, None).is_ok() {
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// What the site says about a node to a person.
pub fn attention(node: &Value) -> String {
    let all = node["attention"].as_array().unwrap();
    all.iter().map(|text| text.as_str().unwrap()).collect::<Vec<_>>().join("; ")
}

impl Drop for Rack {
    fn drop(&mut self) {
        let ended = self.lab(&["down"]);
        if !std::thread::panicking() {
            ended.expect_success();
        }
    }
}
