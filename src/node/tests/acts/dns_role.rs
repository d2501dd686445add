//! The role `dns`: Debian's unbound with the configuration that the image's template gives for an identity.

use super::segment::{IDENTITY, Segment, inside, tree};
use super::{peers::unpacked, quiet, with_prefix, write};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::json;
use std::path::Path;
use std::time::{Duration, Instant};
use understudy_core::base::causes::with_causes;
use understudy_core::base::fs;
use understudy_core::base::process::{Process, Running};
use understudy_core::formats::service::{Health, Service};
use understudy_core::model::epoch::Epoch;
use understudy_core::protocol::bundle::{Bundle, SealedSecret};
use understudy_node::identity::acts::{IdentitySecret, Templates, address, health};

const LIBRARIES: [&str; 4] = ["libevent-2.1-7", "libnghttp2-14", "libprotobuf-c1", "libpython3.11"];

fn bundle() -> Bundle {
    let settings =
        json!({ "networks": ["10.77.0.0/24"], "local_data": ["hello.test. 60 IN TXT \"under study\""] });
    Bundle {
        identity: "dns-1".parse().unwrap(),
        epoch: Epoch::new(3),
        role: "dns".parse().unwrap(),
        cluster: "dns".parse().unwrap(),
        host_name: "dns-1.test".into(),
        address: Some(with_prefix(IDENTITY, 24)),
        members: Vec::new(),
        settings: settings.as_object().unwrap().clone(),
        volume: None,
        secret: SealedSecret { encapsulated_key: Vec::new(), ciphertext: Vec::new() },
    }
}

/// Renders as a node does; what belongs to the image's users and state is put where this test may write.
fn render(folder: &Path, state: &Path) -> Service {
    fs::copy(&tree().join("services/unbound/service.toml"), &folder.join("unbound.toml")).unwrap();
    let templates = Templates {
        declarations: folder.to_owned(),
        templates: tree().join("templates"),
        rendered: "/run/understudy".into(),
    };
    let service = templates.service(&"unbound".parse().unwrap()).unwrap();
    let secret = IdentitySecret::of_bytes(&[7; 32]);
    templates.render(std::slice::from_ref(&service), &bundle(), secret).unwrap();
    let path = Path::new("/run/understudy/unbound/unbound.conf");
    let text = fs::read_text(path).unwrap();
    let text =
        text.replace("username: \"unbound\"", "username: \"\"").replace("use-syslog: yes", "use-syslog: no");
    write(path, &text.replace("/var/lib/unbound", state.to_str().unwrap()));
    service
}

fn start(unbound: &Path, libraries: &str) -> Running {
    let server = Process::new(unbound.join("usr/sbin/unbound"))
        .args(["-d", "-c", "/run/understudy/unbound/unbound.conf"])
        .env("LD_LIBRARY_PATH", libraries);
    quiet(server).spawn().unwrap()
}

fn is_healthy(health: &Health) -> Result<(), String> {
    health::check(health, IDENTITY.parse().unwrap()).map_err(|error| with_causes(&error))
}

fn wait_for(health: &Health) {
    let began = Instant::now();
    while let Err(reason) = is_healthy(health) {
        assert!(began.elapsed() < Duration::from_secs(60), "{reason}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// Catches the mutants of the template that answer everybody or nobody, and those of the check that take silence for health.
#[test]
fn the_dns_role_answers_its_networks_and_its_health_check() {
    let (unbound, roots) = (unpacked("unbound"), unpacked("dns-root-data"));
    let libraries: Vec<String> = LIBRARIES
        .iter()
        .map(|name| unpacked(name).join("usr/lib/x86_64-linux-gnu").to_string_lossy().into_owned())
        .collect();
    inside("dns_role::the_dns_role_answers_its_networks_and_its_health_check", || {
        let segment = Segment::new();
        let folder = tempfile::tempdir().unwrap();
        let state = tempfile::tempdir().unwrap();
        fs::copy(&roots.join("usr/share/dns/root.key"), &state.path().join("root.key")).unwrap();
        let service = render(folder.path(), state.path());
        let health = service.health.unwrap();
        assert!(
            is_healthy(&health).unwrap_err().contains("address not available"),
            "the address is not here"
        );
        address::take(with_prefix(IDENTITY, 24)).unwrap();
        assert!(is_healthy(&health).unwrap_err().contains("connection refused"));

        let server = start(&unbound, &libraries.join(":"));
        wait_for(&health);
        let ask = |from: &str, arguments: &[&str]| {
            let server = format!("@{IDENTITY}");
            segment
                .peer("drill")
                .args(["-I", from])
                .args(arguments)
                .arg(server)
                .args(["hello.test", "TXT"])
                .run()
        };
        for transport in ["-u", "-t"] {
            let answer = ask("10.77.0.1", &[transport]).unwrap();
            let text = String::from_utf8_lossy(&answer.stdout).into_owned();
            assert!(text.contains("NOERROR") && text.contains("under study"), "{text}");
        }
        let stranger = ask("10.77.9.1", &["-u"]).unwrap();
        let text = String::from_utf8_lossy(&stranger.stdout).into_owned();
        assert!(text.contains("REFUSED") && !text.contains("under study"), "{text}");

        let pid = Pid::from_raw(server.child.id().cast_signed());
        kill(pid, Signal::SIGSTOP).unwrap();
        let began = Instant::now();
        assert!(is_healthy(&health).unwrap_err().contains("no answer within 1 s"));
        assert!(began.elapsed() < Duration::from_secs(10));
        kill(pid, Signal::SIGCONT).unwrap();
        wait_for(&health);
        drop(server);
        assert!(is_healthy(&health).unwrap_err().contains("connection refused"));
    });
}
