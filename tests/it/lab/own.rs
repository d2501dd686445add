//! A lab of a test's own, and what a test asks of it.

use crate::command::{Ended, run_understudy, understudy};
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};
use understudy_core::base::fs;
use understudy_core::base::process::Running;

/// Firmware under emulation on a busy computer.
const LIMIT: Duration = Duration::from_secs(180);
const PAUSE: Duration = Duration::from_millis(50);

/// A lab of this test's own, which ends with it.
pub struct Lab {
    pub name: String,
}

impl Drop for Lab {
    fn drop(&mut self) {
        // Most tests have ended it already.
        run_understudy(["lab", "down", "--name", &self.name]);
    }
}

impl Lab {
    pub fn name() -> String {
        static LABS: AtomicU32 = AtomicU32::new(0);
        format!("it-{}-{}", std::process::id(), LABS.fetch_add(1, Ordering::Relaxed))
    }

    pub fn up(nodes: &str, firmware: &str) -> Self {
        let lab = Self { name: Self::name() };
        let options = ["--nodes", nodes, "--firmware", firmware, "--memory", "256MiB", "--no-site"];
        lab.run("up", &options).expect_success();
        lab
    }

    pub fn run(&self, verb: &str, arguments: &[&str]) -> Ended {
        run_understudy(["lab", verb, "--name", &self.name].iter().chain(arguments))
    }

    pub fn status(&self) -> Value {
        serde_json::from_str(&self.run("status", &["--json"]).expect_success().stdout).unwrap()
    }

    pub fn node(&self, index: usize) -> Value {
        self.status()["nodes"][index].clone()
    }

    pub fn folder(&self) -> PathBuf {
        self.status()["folder"].as_str().unwrap().into()
    }

    pub fn supervisor(&self) -> i32 {
        self.status()["supervisor"].as_i64().unwrap().try_into().unwrap()
    }

    pub fn console(&self, node: &str) -> String {
        self.run("console", &[node]).expect_success().stdout
    }

    #[track_caller]
    pub fn wait_for_console(&self, node: &str, expected: &str) {
        wait_for(expected, || self.console(node).contains(expected), || self.console(node));
    }

    /// A command in the lab's network, beside the test; killed when dropped.
    pub fn beside(&self, log: &Path, command: &[&str]) -> Running {
        let log = fs::create(log).unwrap();
        let copy = log.try_clone().unwrap();
        let exec = understudy().args(["lab", "exec", "--name", &self.name, "--"]).args(command);
        let exec = exec.with(|command| {
            command.stdout(Stdio::from(log)).stderr(Stdio::from(copy));
        });
        exec.spawn().unwrap()
    }

    /// Asks a BMC as an independent client does; returns status and body.
    pub fn redfish(&self, node: &Value, path: &str, arguments: &[&str]) -> (String, Value) {
        let url = format!("{}/redfish/v1/{path}", node["bmc"]["url"].as_str().unwrap());
        let curl = ["--", "curl", "-s", "-m", "5", "-u", "understudy:lab", "-w", "\n%{http_code}", &url];
        let ended = self.run("exec", &[&curl, arguments].concat());
        let (body, code) = ended.stdout.rsplit_once('\n').unwrap();
        (code.to_owned(), serde_json::from_str(body).unwrap_or_default())
    }

    pub fn power_state(&self, node: &Value) -> String {
        self.redfish(node, "Systems/1", &[]).1["PowerState"].as_str().unwrap_or_default().to_owned()
    }

    pub fn reset(&self, node: &Value, kind: &str) -> String {
        let body = format!(r#"{{"ResetType": "{kind}"}}"#);
        let post = ["-H", "Content-Type: application/json", "-d", &body];
        self.redfish(node, "Systems/1/Actions/ComputerSystem.Reset", &post).0
    }
}

pub fn pid(node: &Value) -> i32 {
    node["pid"].as_i64().unwrap().try_into().unwrap()
}

#[track_caller]
pub fn wait_for(what: &str, is_so: impl Fn() -> bool, instead: impl Fn() -> String) {
    let started = Instant::now();
    while !is_so() {
        assert!(started.elapsed() < LIMIT, "no `{what}` within {LIMIT:?}, but:\n{}", instead());
        std::thread::sleep(PAUSE);
    }
}
