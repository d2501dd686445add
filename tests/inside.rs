//! Tests in namespaces of their own: mounts, networks and processes that are gone with the test.

use std::path::Path;
use understudy_core::base::process::Process;

/// Tells the process inside the namespaces what it is.
const INSIDE: &str = "UNDERSTUDY_TEST_INSIDE";

/// Whether this process is the one inside.
pub fn is_inside() -> bool {
    std::env::var_os(INSIDE).is_some()
}

/// Runs a test's body as root of new namespaces: the test, named in full, starts itself again there.
pub fn inside(test: &str, body: impl FnOnce()) {
    if is_inside() {
        // Clients keep files there; `ip netns` its namespaces.
        for folder in ["/run", "/var/lib/dhcp", "/var/lib/dhcpcd"] {
            if Path::new(folder).is_dir() {
                Process::new("mount").args(["-t", "tmpfs", "tmpfs", folder]).run().unwrap();
            }
        }
        Process::new("ip").args(["link", "set", "lo", "up"]).run().unwrap();
        return body();
    }
    let mut unshare =
        Process::new("unshare").args(["--mount", "--net", "--pid", "--fork", "--kill-child", "--mount-proc"]);
    if !nix::unistd::geteuid().is_root() {
        unshare = unshare.args(["--user", "--map-root-user"]);
    }
    let own = std::env::current_exe().unwrap();
    let output = unshare.arg(own).args([test, "--exact", "--nocapture"]).env(INSIDE, "1").output().unwrap();
    let said = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
    assert!(output.status.success() && said.contains("1 passed"), "{said}");
}
