//! What would be left of a lab if it left anything: processes, namespaces, mounts, sockets.

use super::own::{Lab, wait_for};
use crate::command::tool;
use std::path::{Path, PathBuf};
use understudy_core::base::fs;

const NAMESPACES: [&str; 6] = ["net", "pid", "mnt", "ipc", "uts", "user"];

pub struct Traces {
    name: String,
    pub processes: Vec<i32>,
    namespaces: Vec<PathBuf>,
    /// In clock ticks since boot. The kernel gives the number of a namespace that is gone to the next one, so
    /// that processes which started later are somebody else's.
    taken: u64,
}

impl Lab {
    /// What would be left of the lab if it left anything.
    pub fn traces(&self) -> Traces {
        let supervisor = self.supervisor();
        let mut processes = vec![supervisor];
        let nodes = self.status()["nodes"].as_array().unwrap().clone();
        processes.extend(nodes.iter().filter_map(|node| i32::try_from(node["pid"].as_i64()?).ok()));
        let own = |kind: &str| std::fs::read_link(format!("/proc/self/ns/{kind}")).unwrap();
        let its = |kind: &str| std::fs::read_link(format!("/proc/{supervisor}/ns/{kind}")).unwrap();
        let namespaces = NAMESPACES.iter().filter(|kind| own(kind) != its(kind)).map(|kind| its(kind));
        Traces {
            name: self.name.clone(),
            processes,
            namespaces: namespaces.collect(),
            taken: ticks_since_boot(),
        }
    }
}

impl Traces {
    pub fn all_are_there(&self) -> &Self {
        assert!(self.namespaces.len() >= 5, "{:?}", self.namespaces);
        assert!(self.processes.iter().all(|pid| is_alive(*pid)), "{:?}", self.processes);
        assert!(self.users_of_namespaces().len() >= self.processes.len());
        self
    }

    #[track_caller]
    pub fn none_is_left(&self) {
        let alive: Vec<_> = self.processes.iter().filter(|pid| is_alive(**pid)).collect();
        assert!(alive.is_empty(), "{alive:?}");
        // A process that has ended is in its namespace until it is reaped, which is not the lab's to do.
        let users = || self.users_of_namespaces();
        wait_for("empty namespace", || users().is_empty(), || format!("{:?}", users()));
        let namespaces = tool("lsns", ["--noheadings", "--output", "NS,PID"]);
        for namespace in &self.namespaces {
            let number = namespace.to_str().unwrap().trim_matches(|letter: char| !letter.is_ascii_digit());
            let is_left = |line: &str| {
                let (listed, pid) = line.trim().split_once(' ').unwrap();
                listed == number && self.is_as_old(pid.trim())
            };
            assert!(!namespaces.lines().any(is_left), "{namespace:?}: {namespaces}");
        }
        for file in ["/proc/self/mountinfo", "/proc/net/unix"] {
            let content = fs::read_text(Path::new(file)).unwrap();
            assert!(!content.contains(&self.name), "{file}: {content}");
        }
    }

    /// Whether the process was there when the traces were taken.
    fn is_as_old(&self, pid: &str) -> bool {
        let stat = fs::read_text(&Path::new("/proc").join(pid).join("stat")).unwrap_or_default();
        // proc_pid_stat(5): field 22, counted from field 3 after the command's name.
        let started =
            stat.rsplit_once(") ").and_then(|(_, rest)| rest.split(' ').nth(19)?.parse::<u64>().ok());
        started.is_some_and(|started| started <= self.taken)
    }

    /// Processes that still are in one of the lab's namespaces.
    pub fn users_of_namespaces(&self) -> Vec<PathBuf> {
        let mut users = Vec::new();
        for process in fs::list(Path::new("/proc")).unwrap() {
            let is_in = |namespace: &PathBuf| {
                let kind = namespace.to_str().unwrap().split(':').next().unwrap().to_owned();
                std::fs::read_link(process.join("ns").join(kind)).is_ok_and(|found| found == *namespace)
            };
            if self.namespaces.iter().any(is_in)
                && self.is_as_old(process.file_name().unwrap().to_str().unwrap())
            {
                users.push(process);
            }
        }
        users
    }
}

/// A process that has ended but was not reaped yet is not alive.
pub fn is_alive(pid: i32) -> bool {
    !matches!(state(pid), None | Some('Z'))
}

/// The clock of proc_pid_stat(5), a hundred ticks a second on every architecture that we run on.
fn ticks_since_boot() -> u64 {
    let uptime = fs::read_text(Path::new("/proc/uptime")).unwrap();
    let seconds = uptime.split(' ').next().unwrap();
    seconds.replace('.', "").parse().unwrap()
}

/// The letter in `/proc/PID/stat`.
pub fn state(pid: i32) -> Option<char> {
    let stat = fs::read_text(Path::new(&format!("/proc/{pid}/stat"))).ok()?;
    stat.rsplit_once(") ")?.1.chars().next()
}
