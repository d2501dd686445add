//! `understudy serve` and the verbs that speak to it, with curl as a node: mistakes in `site.toml`, a second
//! `serve`, kill -9 in the middle, the whole way to a spare.

use crate::command::{Ended, run_understudy, text, tool, understudy};
use serde_json::{Value, json};
use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::{Duration, Instant};
use tempfile::TempDir;
use understudy_core::base::fs;
use understudy_core::base::process::{Process, Running};
use understudy_core::base::sha256::Sha256;
use understudy_image::signing::SigningKey;

const WITHIN: Duration = Duration::from_secs(30);

/// A folder with a site file, a signed image and a node's key.
pub struct Site {
    folder: TempDir,
    port: u16,
}

impl Site {
    pub fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let key = SigningKey::create(&folder.path().join("signing.key"), None).unwrap();
        let (port, http) = (free_port(), free_port());
        let definition = format!(
            "name = \"demo\"\nstate = \"state\"\nimages = \"images\"\nimage = \"mail\"\n\
             image_keys = [\"signing.key.pub\"]\n[http]\nport = {http}\n[node_api]\nport = {port}\n\
             [[networks]]\ninterface = \"lo\"\naddress = \"127.0.0.1/8\"\ndhcp = \"off\"\n"
        );
        fs::write(&folder.path().join("site.toml"), definition.as_bytes()).unwrap();
        let site = Self { folder, port };
        site.image(&key);
        let (node_key, node_certificate) = (site.path("node.key"), site.path("node.pem"));
        let make = [
            "req",
            "-x509",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:P-256",
            "-nodes",
            "-subj",
            "/CN=node",
        ];
        tool("openssl", [&make[..], &["-keyout", text(&node_key), "-out", text(&node_certificate)]].concat());
        site
    }

    fn image(&self, key: &SigningKey) {
        let folder = self.path("images/mail-0.1.0");
        fs::create_dir_all(&folder).unwrap();
        let artifact = |file: &&str| {
            fs::write(&folder.join(file), file.as_bytes()).unwrap();
            json!({ "file": file, "bytes": file.len(), "sha256": Sha256::of(file.as_bytes()) })
        };
        let artifacts: Vec<Value> =
            ["vmlinuz", "initrd.zst", "image.efi", "disk.raw"].iter().map(artifact).collect();
        let manifest = json!({
            "format": 1, "name": "mail", "version": "0.1.0", "architecture": "x86_64",
            "expires": "2099-01-01T00:00:00Z", "key_id": key.id().to_string(),
            "root_hash": Sha256::of(b"root"), "command_line": "quiet", "roles": {}, "artifacts": artifacts,
        });
        let content = serde_json::to_vec(&manifest).unwrap();
        fs::write(&folder.join("manifest.json"), &content).unwrap();
        let signature = key.sign(&content, "mail 0.1.0").unwrap();
        fs::write(&folder.join("manifest.json.minisig"), signature.as_bytes()).unwrap();
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn verb(&self, verb: &str, more: &[&str]) -> Ended {
        let file = self.path("site.toml");
        run_understudy([&[verb, "--site", text(&file)], more].concat())
    }

    /// Starts the site and waits until it answers.
    pub fn serve(&self) -> Running {
        let process = understudy().args(["serve", "--log-json", "--site", text(&self.path("site.toml"))]);
        let mut running = process.with(pipe_stderr).spawn().unwrap();
        let mut lines = BufReader::new(running.child.stderr.take().unwrap()).lines();
        let first = lines.next().unwrap().unwrap();
        assert!(first.starts_with("serving nodes on 127.0.0.1:"), "{first}");
        // Whatever else it says must not fill the pipe.
        std::thread::spawn(move || lines.for_each(drop));
        let deadline = Instant::now() + WITHIN;
        while !self.verb("events", &["--json"]).stdout.contains("image-verified") {
            assert!(Instant::now() < deadline, "no image on the shelf");
            std::thread::sleep(Duration::from_millis(50));
        }
        running
    }

    /// Speaks as a node; curl trusts the CA that the site has shown.
    fn say(&self, path: &str, body: &Value) -> Value {
        let (ca, key, certificate) =
            (self.path("state/ca.pem"), self.path("node.key"), self.path("node.pem"));
        let url = format!("https://127.0.0.1:{}{path}", self.port);
        let body = body.to_string();
        let said = tool(
            "curl",
            [
                "--silent",
                "--show-error",
                "--cacert",
                text(&ca),
                "--key",
                text(&key),
                "--cert",
                text(&certificate),
                "--data",
                &body,
                &url,
            ],
        );
        serde_json::from_str(&said).unwrap()
    }

    pub fn hello(&self, boot: &str, source: Value) -> Value {
        let hello = json!({
            "boot_id": boot, "source": source, "mac": "52:54:00:00:00:01",
            "inventory": {
                "system": { "manufacturer": "Lab", "product": "VM", "serial": "S1", "uuid": "u1" },
                "firmware": "uefi", "secure_boot": false, "tpm": false, "processor": "cpu", "processors": 2,
                "memory_bytes": 1 << 30, "interfaces": [], "bmc": null,
                "disks": [{ "name": "vda", "serial": "D1", "wwn": null, "model": "disk", "bytes": 1u64 << 40,
                            "content": { "kind": "empty" } }],
            },
        });
        self.say("/v1/enrol", &hello)
    }

    pub fn report(&self, boot: &str, status: Value) -> Value {
        self.say("/v1/report", &json!({ "boot_id": boot, "status": status }))
    }

    pub fn node(&self) -> Value {
        let nodes = self.verb("nodes", &["--json"]).expect_success().stdout;
        serde_json::from_str::<Value>(&nodes).unwrap()[0].clone()
    }
}

pub fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

fn from_disk() -> Value {
    let slot = understudy_core::formats::disk_layout::Slot::A;
    let nobody = understudy_core::formats::boot_facts::Vouched::Nobody;
    json!({ "kind": "disk", "disk_serial": "D1", "slot": slot, "root_hash": Sha256::of(b"root"),
            "vouched_by": nobody, "name": "mail", "version": "0.1.0" })
}

fn pipe_stderr(command: &mut std::process::Command) {
    command.stderr(Stdio::piped());
}

fn kill(running: Running) {
    // `Running` kills with SIGKILL when dropped.
    drop(running);
}

/// Catches a site that keeps anything in memory only that it has answered for.
#[test]
fn kill_9_at_every_step_of_the_way_loses_nothing() {
    let site = Site::new();
    let running = site.serve();
    assert_eq!(site.hello("b1", json!({ "kind": "network" }))["action"]["kind"], "wait");
    kill(running);

    let running = site.serve();
    let node = site.node();
    assert_eq!((&node["state"], &node["serial"]), (&json!("discovered"), &json!("S1")));
    let code = node["code"].as_str().unwrap();
    let ended = site.verb("approve", &[&code[..4]]).expect_success();
    assert!(
        ended.stdout.contains("approved") && ended.stderr.contains("vda (serial D1, 1024.0 GiB): empty"),
        "{ended:#?}"
    );
    kill(running);

    let running = site.serve();
    assert_eq!(site.report("b1", json!({ "kind": "waiting" }))["action"]["kind"], "install");
    kill(running);
    let running = site.serve();
    assert_eq!(site.node()["attempts"], 1);
    assert_eq!(site.report("b1", json!({ "kind": "waiting" }))["action"]["kind"], "install");
    assert_eq!(site.report("b1", json!({ "kind": "installed" }))["action"]["kind"], "boot-disk");
    kill(running);
    let running = site.serve();
    let told = site.hello("b2", from_disk());
    assert_eq!(told["action"]["kind"], "stay");
    kill(running);
    let running = site.serve();
    let ready = json!({ "kind": "ready", "nonce": told["nonce"] });
    site.report("b2", ready);
    kill(running);
    let running = site.serve();
    assert_eq!(site.node()["state"], "spare");
    let table = site.verb("nodes", &[]).expect_success().stdout;
    let mut lines = table.lines();
    assert!(lines.next().unwrap().starts_with("ID"), "{table}");
    assert!(lines.next().unwrap().contains("spare") && table.contains("mail 0.1.0"), "{table}");
    let events = site.verb("events", &[]).expect_success().stdout;
    for kind in ["discovered", "approved", "install-begun", "installed", "spare"] {
        assert_eq!(events.lines().filter(|line| line.contains(&format!("  {kind} "))).count(), 1, "{events}");
    }
    site.verb("retire", &[code]).expect_success();
    site.verb("approve", &[code]).expect_failure(1, &["is retired, and stays so", "hint: "]);
    kill(running);
}

#[test]
fn a_signal_ends_the_site_in_order() {
    let site = Site::new();
    let mut running = site.serve();
    let pid = nix::unistd::Pid::from_raw(running.child.id().try_into().unwrap());
    nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGTERM).unwrap();
    assert_eq!(running.child.wait().unwrap().code(), Some(0));
    let _running = site.serve();
    assert!(site.verb("events", &["--json"]).stdout.contains("site-stopped"));
}

#[test]
fn a_second_serve_is_refused() {
    let site = Site::new();
    let _running = site.serve();
    site.verb("serve", &[]).expect_failure(1, &["is in use by another `understudy serve`", "hint: "]);
    site.verb("nodes", &["--json"]).expect_success();
}

#[test]
fn without_a_site_the_next_step_is_named() {
    let site = Site::new();
    for verb in ["nodes", "events"] {
        site.verb(verb, &[])
            .expect_failure(1, &["cannot reach the site", "hint: ", "understudy serve --site "]);
    }
    let _running = site.serve();
    site.verb("approve", &["abcd"]).expect_failure(2, &["there is no node `abcd`", "hint: understudy nodes"]);
    site.verb("retire", &[""]).expect_failure(2, &["there is no node ``"]);
}

#[test]
fn a_damaged_ledger_is_refused() {
    let site = Site::new();
    fs::create_dir_all(&site.path("state")).unwrap();
    fs::write(&site.path("state/ledger.db"), b"these are somebody's notes").unwrap();
    site.verb("serve", &[]).expect_failure(1, &["ledger.db is not a ledger of understudy", "hint: "]);
}

/// Writes a mistake into the site file, and expects to be told where it stands.
#[track_caller]
fn refuses(from: &str, to: &str, texts: &[&str]) {
    let site = Site::new();
    let good = fs::read_text(&site.path("site.toml")).unwrap();
    assert!(good.contains(from), "{good}");
    let bad = good.replacen(from, to, 1);
    fs::write(&site.path("site.toml"), bad.as_bytes()).unwrap();
    let culprit = to.lines().next().unwrap();
    let line = bad.lines().position(|line| line.contains(culprit)).unwrap() + 1;
    for verb in ["serve", "nodes"] {
        let ended = site.verb(verb, &[]);
        ended.expect_failure(2, &[&format!("site.toml:{line}: "), "hint: "]);
        ended.expect_failure(2, texts);
    }
}

#[test]
fn mistakes_in_the_site_file_are_told_with_line_and_key() {
    refuses("state = ", "stat = ", &["`stat`"]);
    refuses("dhcp = \"off\"", "dhcp = \"on\"", &["`dhcp`", "`on`"]);
    refuses("127.0.0.1/8", "127.0.0.1", &["`address`", "is not an address with its network's length"]);
    refuses("signing.key.pub", "lost.pub", &["`image_keys`", "lost.pub"]);
    refuses("interface = \"lo\"", "interface = \"../lo\"", &["`interface`"]);
    run_understudy(["serve", "--site", "/nonexistent/site.toml"])
        .expect_failure(2, &["/nonexistent/site.toml", "hint: name the site file with --site FILE"]);
}

#[test]
fn images_are_served_over_http_and_machines_are_told_what_to_boot() {
    let site = Site::new();
    let _running = site.serve();
    let definition = fs::read_text(&site.path("site.toml")).unwrap();
    let port = definition.lines().find_map(|line| line.strip_prefix("port = ")).unwrap();
    let base = format!("http://127.0.0.1:{port}");
    let curl = |path: &str| tool("curl", ["--silent", "--show-error", "--fail", &format!("{base}{path}")]);
    assert_eq!(curl("/images/mail-0.1.0/vmlinuz"), "vmlinuz");
    let script = curl("/boot/525400000001/ipxe");
    assert!(
        script.contains("/images/mail-0.1.0/vmlinuz initrd=initrd.zst quiet understudy.network=1"),
        "{script}"
    );
    let status = |path: &str| {
        let curl = Process::new("curl").args([
            "-s",
            "-o",
            "/dev/null",
            "-w",
            "%{http_code}",
            &format!("{base}{path}"),
        ]);
        crate::command::run(curl).stdout
    };
    for path in
        ["/images/mail-0.1.0/../../state/ca.pem", "/state/ca.pem", "/v1/nodes", "/images/mail-0.1.0/other"]
    {
        assert_eq!(status(path), "404", "{path}");
    }
}
