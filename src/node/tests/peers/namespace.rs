//! Namespaces of a test's own: a network that nobody else is in, and mounts that nobody else sees.

use nix::unistd::geteuid;
use std::path::Path;
use understudy_core::base::fs;
use understudy_core::base::process::Process;
use understudy_core::model::mac::MacAddress;

/// Tells the process inside the namespaces what it is.
const INSIDE: &str = "UNDERSTUDY_TEST_INSIDE";

/// Runs a test's body as root of new namespaces: the test starts itself again there.
pub fn inside(test: &str, body: impl FnOnce()) {
    if std::env::var_os(INSIDE).is_some() {
        return body();
    }
    let mut unshare = Process::new("unshare").args(["--mount", "--net", "--pid", "--uts", "--fork"]);
    unshare = unshare.args(["--kill-child", "--mount-proc"]);
    if !geteuid().is_root() {
        // lldpd gives up the rights of all groups, which needs groups that are mapped.
        unshare = unshare.args(["--user", "--map-root-user", "--map-auto"]);
    }
    let own = std::env::current_exe().unwrap();
    let output = unshare.arg(own).args([test, "--exact", "--nocapture"]).env(INSIDE, "1").output().unwrap();
    let said = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
    assert!(output.status.success() && said.contains("1 passed"), "{said}");
}

pub fn run(program: &str, arguments: &[&str]) {
    Process::new(program).args(arguments).run().unwrap();
}

/// A cable from `card0`, whose index and address are returned, to `swp1`; both ends are down.
pub fn cable() -> (i32, MacAddress) {
    run("ip", &["link", "add", "card0", "type", "veth", "peer", "name", "swp1"]);
    run("mount", &["-t", "sysfs", "sysfs", "/sys"]);
    let field = |name: &str| {
        let path = Path::new("/sys/class/net/card0").join(name);
        fs::read_text(&path).unwrap().trim().to_owned()
    };
    (field("ifindex").parse().unwrap(), field("address").parse().unwrap())
}
