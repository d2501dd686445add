//! What programs of others say, heard by ours, in namespaces of the test's own.

#![expect(clippy::unwrap_used, reason = "here a panic with its place is the message")]

mod namespace;
#[path = "../../../../tests/peers.rs"]
mod peers;

use namespace::{cable, inside, run};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};
use understudy_core::base::fs;
use understudy_core::base::process::Process;
use understudy_core::protocol::inventory::Neighbour;
use understudy_node::network::{Neighbours, Wired};

const PATIENCE: Duration = Duration::from_secs(40);

/// Lines that a file of the computer has besides its own, for this test's eyes only.
fn with_line(file: &str, line: &str) {
    let own = Path::new("/run").join(file.replace('/', "-"));
    let text = fs::read_text(Path::new(file)).unwrap();
    fs::write(&own, format!("{text}\n{line}\n").as_bytes()).unwrap();
    run("mount", &["--bind", own.to_str().unwrap(), file]);
}

/// Debian's lldpd at the other end of a cable: what it says when it starts, and when it ends.
#[test]
fn lldpd_is_heard_when_it_comes_and_when_it_goes() {
    let lldpd = peers::unpacked("lldpd");
    inside("lldpd_is_heard_when_it_comes_and_when_it_goes", || {
        run("mount", &["-t", "tmpfs", "tmpfs", "/run"]);
        fs::create_dir_all(Path::new("/run/lldpd")).unwrap();
        // It wants a user of its own, and asks for the name of its host.
        with_line("/etc/passwd", "_lldpd:x:0:0::/run/lldpd:/usr/sbin/nologin");
        with_line("/etc/group", "_lldpd:x:0:");
        with_line("/etc/hosts", "127.0.0.1 tor-12");
        run("hostname", &["tor-12"]);
        let (index, mac) = cable();
        let card = Wired { name: "card0".to_owned(), index, mac };
        // As in a boot: we listen before there is a link.
        let mut neighbours = Neighbours::listen(std::slice::from_ref(&card));
        for interface in ["card0", "swp1"] {
            run("ip", &["link", "set", interface, "up"]);
        }
        let silent = |command: &mut std::process::Command| {
            command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        };
        // It waits for lldpcli to configure it before it says its first word.
        fs::write(Path::new("/run/lldpd.conf"), b"configure lldp tx-interval 1\n").unwrap();
        let (server, client) = (lldpd.join("usr/sbin/lldpd"), lldpd.join("usr/sbin/lldpcli"));
        let switch =
            Process::new(server).args(["-d", "-I", "swp1", "-O", "/run/lldpd.conf", "-L"]).arg(client);
        let libraries = lldpd.join("usr/lib/x86_64-linux-gnu");
        let switch = switch.env("LD_LIBRARY_PATH", &libraries).with(silent).spawn().unwrap();
        let heard = wait(&mut neighbours, &card, |heard| heard.is_some()).unwrap();
        assert_eq!(heard.system, "tor-12");
        assert_eq!(heard.port_description.as_deref(), Some("swp1"));
        let port = fs::read_text(Path::new("/sys/class/net/swp1/address")).unwrap();
        assert_eq!(heard.port, port.trim());
        assert_eq!(heard.chassis, port.trim(), "the only interface that it has");

        kill(Pid::from_raw(switch.child.id().try_into().unwrap()), Signal::SIGTERM).unwrap();
        assert_eq!(wait(&mut neighbours, &card, |heard| heard.is_none()), None);
    });
}

fn wait(
    neighbours: &mut Neighbours,
    card: &Wired,
    is_so: impl Fn(Option<&Neighbour>) -> bool,
) -> Option<Neighbour> {
    let began = Instant::now();
    loop {
        neighbours.hear();
        let heard = neighbours.of(card);
        if is_so(heard) {
            return heard.cloned();
        }
        assert!(began.elapsed() < PATIENCE, "still {heard:?}");
        std::thread::sleep(Duration::from_millis(20));
    }
}
