//! Computers in network namespaces, for tests that run inside of their own: cables, addresses, DHCP clients.

use crate::command::{Ended, run, text};
use std::path::Path;
use understudy_core::base::fs;
use understudy_core::base::process::Process;

/// Runs a program that must succeed.
#[track_caller]
pub fn ip(arguments: &str) {
    run(Process::new("ip").args(arguments.split(' '))).expect_success();
}

/// A program inside a network namespace.
pub fn on(host: &str, program: impl AsRef<std::ffi::OsStr>) -> Process {
    Process::new("ip").args(["netns", "exec", host]).arg(program)
}

/// A new computer with `eth0`, the other end of which is `here` in the namespace `at` (ours if there is none).
pub fn cable(host: &str, mac: &str, here: &str, at: Option<&str>) {
    ip(&format!("netns add {host}"));
    let there = format!("peer name eth0 address {mac} netns {host}");
    let prefix = at.map_or_else(String::new, |at| format!("netns exec {at} ip "));
    ip(&format!("{prefix}link add {here} type veth {there}"));
    ip(&format!("{prefix}link set {here} up"));
    ip(&format!("netns exec {host} ip link set eth0 up"));
}

/// What a DHCP client was given.
#[derive(Debug, PartialEq, Eq)]
pub struct Given {
    pub address: String,
    pub lease_s: u32,
    pub server: String,
}

impl Given {
    pub fn new(address: &str, lease_s: u32, server: &str) -> Self {
        Self { address: address.to_owned(), lease_s, server: server.to_owned() }
    }
}

/// Asks for an address; `None` when nobody gave one.
pub fn udhcpc(host: &str, folder: &Path) -> Option<Given> {
    let (script, told) = (folder.join("script"), folder.join(format!("told-{host}")));
    let content =
        format!("#!/bin/sh\n[ \"$1\" = bound ] && echo \"$ip $lease $serverid\" >{}\n", text(&told));
    fs::write(&script, content.as_bytes()).unwrap();
    let executable = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    std::fs::set_permissions(&script, executable).unwrap();
    let options = ["-i", "eth0", "-f", "-n", "-q", "-t", "3", "-T", "1", "-s", text(&script)];
    let ended: Ended = run(on(host, "udhcpc").args(options));
    if ended.code != Some(0) {
        return None;
    }
    let told = fs::read_text(&told).unwrap();
    let [address, seconds, server] = told.split_whitespace().collect::<Vec<_>>()[..] else {
        panic!("{told}")
    };
    Some(Given::new(address, seconds.parse().unwrap(), server))
}
