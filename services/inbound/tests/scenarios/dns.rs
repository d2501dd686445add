//! unbound with records of the test's own; all other names do not exist.

use crate::peer::{libraries, program};
use crate::process::{PATIENCE, command};
use std::fmt::Write;
use std::net::{SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};
use tempfile::TempDir;

pub struct Dns {
    child: Child,
    pub address: SocketAddr,
    _folder: TempDir,
}

impl Dns {
    /// Records as in a zone file.
    pub fn start(records: &[String]) -> Self {
        // A port may be taken between its choice and its use.
        for _ in 0..5 {
            if let Some(dns) = Self::try_start(records) {
                return dns;
            }
        }
        panic!("unbound does not start");
    }

    fn try_start(records: &[String]) -> Option<Self> {
        let (folder, address) = (tempfile::tempdir().unwrap(), free_address());
        let file = folder.path().join("unbound.conf");
        fs_err::write(&file, config(folder.path(), address, records)).unwrap();
        let mut unbound = command(program("unbound", "usr/sbin/unbound").to_str().unwrap());
        unbound.arg("-d").arg("-c").arg(&file).env("LD_LIBRARY_PATH", libraries());
        let child = unbound.stdout(Stdio::null()).stderr(Stdio::inherit()).spawn().unwrap();
        let mut dns = Self { child, address, _folder: folder };
        let end = Instant::now() + PATIENCE;
        while Instant::now() < end && dns.child.try_wait().unwrap().is_none() {
            if TcpStream::connect(address).is_ok() {
                return Some(dns);
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        None
    }
}

impl Drop for Dns {
    fn drop(&mut self) {
        // It is over in some cases.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn free_address() -> SocketAddr {
    let tcp = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = tcp.local_addr().unwrap();
    UdpSocket::bind(address).map_or_else(|_| free_address(), |_| address)
}

fn config(folder: &std::path::Path, address: SocketAddr, records: &[String]) -> String {
    let mut text = format!(
        "server:\n  interface: {}@{}\n  directory: \"{}\"\n  chroot: \"\"\n  username: \"\"\n  pidfile: \"\"\n  use-syslog: no\n\
         \x20 logfile: \"\"\n  num-threads: 1\n  access-control: 127.0.0.0/8 allow\n  module-config: \"iterator\"\n\
         \x20 local-zone: \".\" static\n",
        address.ip(),
        address.port(),
        folder.display()
    );
    for record in records {
        writeln!(text, "  local-data: '{record}'").unwrap();
    }
    text + "remote-control:\n  control-enable: no\n"
}

/// A TXT record; strings in it have 255 octets at most.
pub fn txt(name: &str, value: &str) -> String {
    let parts: Vec<_> = value.as_bytes().chunks(250).map(|part| String::from_utf8_lossy(part)).collect();
    format!("{name}. 60 IN TXT \"{}\"", parts.join("\" \""))
}

impl Dns {
    pub fn id(&self) -> i32 {
        self.child.id() as i32
    }
}
