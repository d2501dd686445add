//! Operators over TLS: the command and curl as clients of a real `serve`.

use crate::command::{Ended, run, run_understudy, text};
use crate::site::{Site, free_port};
use serde_json::{Value, json};
use understudy_core::base::fs;
use understudy_core::base::process::Process;

/// A site that also listens for operators, and how they reach it.
struct Remote {
    site: Site,
    url: String,
}

impl Remote {
    fn new() -> Self {
        let site = Site::new();
        let port = free_port();
        let definition = fs::read_text(&site.path("site.toml")).unwrap();
        let listen = format!("[operator_api]\nlisten = \"127.0.0.1:{port}\"\n[[networks]]");
        fs::write(&site.path("site.toml"), definition.replace("[[networks]]", &listen).as_bytes()).unwrap();
        Self { site, url: format!("https://127.0.0.1:{port}") }
    }

    fn ca(&self) -> String {
        text(&self.site.path("state/ca.crt")).to_owned()
    }

    /// A verb over TLS.
    fn verb(&self, words: &[&str], token: &str) -> Ended {
        let file = self.site.path("token");
        fs::write(&file, format!("{token}\n").as_bytes()).unwrap();
        let remote = ["--url", &self.url, "--ca", &self.ca(), "--token-file", text(&file)];
        run_understudy([words, &remote].concat())
    }

    /// Makes a token over the socket.
    fn token(&self, name: &str, role: &str) -> String {
        let file = self.site.path("site.toml");
        let made =
            run_understudy(["token", "new", name, "--role", role, "--site", text(&file)]).expect_success();
        assert!(made.stderr.contains("nobody can show it again"), "{made:#?}");
        made.stdout.trim().to_owned()
    }

    /// The status and the body that curl sees.
    fn curl(&self, method: &str, path: &str, token: Option<&str>, body: &str) -> (u16, Value) {
        let header = token.map(|token| format!("Authorization: Bearer {token}"));
        let curl =
            Process::new("curl").args(["-sS", "-X", method, "-w", "\n%{http_code}", "--cacert", &self.ca()]);
        let curl = curl.args(["-H", "Content-Type: application/json", "-d", body]);
        let curl = curl.args(header.iter().flat_map(|header| ["-H", header.as_str()]));
        let said = run(curl.arg(format!("{}{path}", self.url))).expect_success().stdout;
        let (body, status) = said.trim_end().rsplit_once('\n').unwrap();
        (status.parse().unwrap(), serde_json::from_str(body).unwrap())
    }
}

#[test]
fn every_verb_works_over_tls_with_a_token_of_its_role_and_says_what_is_missing_without() {
    let remote = Remote::new();
    let _running = remote.site.serve();
    remote.site.hello("b1", json!({ "kind": "network" }));
    let (read, operate) = (remote.token("monitor", "read"), remote.token("night-shift", "operate"));
    let admin = remote.token("lead", "admin");

    let nodes = remote.verb(&["nodes", "--json"], &read).expect_success().stdout;
    let node = serde_json::from_str::<Value>(&nodes).unwrap()[0]["id"].as_str().unwrap().to_owned();
    let refused = remote.verb(&["approve", &node], &read);
    refused.expect_failure(
        1,
        &["needs the role operate, and token monitor has read", "hint: understudy token new"],
    );
    assert_eq!(remote.site.node()["state"], "discovered");
    remote.verb(&["approve", &node], &operate).expect_success();
    let events = remote.verb(&["events"], &read).expect_success().stdout;
    assert!(
        events.lines().any(|line| line.contains(" approved ") && line.ends_with("(token night-shift)")),
        "{events}"
    );
    let uid = nix::unistd::geteuid();
    assert!(
        events
            .contains(&format!("token lead with the role admin was made, good for ever (socket uid {uid})"))
    );
    remote.verb(&["token", "ls"], &operate).expect_failure(1, &["needs the role admin"]);
    let listed = remote.verb(&["token", "ls"], &admin).expect_success().stdout;
    assert!(listed.contains("night-shift") && !listed.contains("understudy-token-"), "{listed}");

    remote.verb(&["token", "revoke", "night-shift"], &admin).expect_success();
    remote
        .verb(&["retire", &node], &operate)
        .expect_failure(1, &["a token is needed", "hint: understudy token ls"]);
    remote
        .verb(&["token", "revoke", "night-shift"], &admin)
        .expect_failure(1, &["there is no token night-shift"]);
    remote.verb(&["nodes"], "").expect_failure(2, &["there is no token in", "hint: "]);
    let ledger = fs::read(&remote.site.path("state/ledger.db")).unwrap();
    for secret in [&read, &operate, &admin] {
        assert!(
            !ledger.windows(secret.len()).any(|bytes| bytes == secret.as_bytes()),
            "a secret is in the ledger"
        );
    }
}

#[test]
fn the_command_takes_no_site_that_its_ca_does_not_vouch_for() {
    let (remote, other) = (Remote::new(), Remote::new());
    let (_running, _other) = (remote.site.serve(), other.site.serve());
    let read = remote.token("monitor", "read");
    let file = remote.site.path("token");
    fs::write(&file, read.as_bytes()).unwrap();
    let nodes = |trust: &[&str]| {
        let base = ["nodes", "--json", "--url", &remote.url, "--token-file", text(&file)];
        run_understudy([&base, trust].concat())
    };
    nodes(&["--ca", &remote.ca()]).expect_success();
    nodes(&["--ca", &other.ca()])
        .expect_failure(1, &["cannot reach the site on https://", "hint: compare --ca"]);
    let der =
        run(Process::new("openssl").args(["x509", "-noout", "-fingerprint", "-sha256", "-in", &remote.ca()]));
    let digest =
        der.expect_success().stdout.trim().rsplit_once('=').unwrap().1.replace(':', "").to_lowercase();
    nodes(&["--ca-sha256", &digest]).expect_success();
    let wrong = digest.replace(|digit: char| digit != '0', "0");
    nodes(&["--ca-sha256", &wrong])
        .expect_failure(1, &["cannot reach the site on https://", "hint: compare --ca"]);
    nodes(&[]).expect_failure(2, &["nothing says which CA vouches for https://", "--ca-sha256"]);
    // The name counts as well as the chain.
    let by_name = remote.url.replace("127.0.0.1", "localhost");
    let named = ["nodes", "--url", &by_name, "--ca", &remote.ca(), "--token-file", text(&file)];
    run_understudy(named).expect_failure(1, &["cannot reach the site"]);
}

#[test]
fn curl_gets_what_its_token_is_good_for() {
    let remote = Remote::new();
    let _running = remote.site.serve();
    let (read, admin) = (remote.token("monitor", "read"), remote.token("lead", "admin"));
    assert_eq!(remote.curl("GET", "/v1/nodes", Some(&read), ""), (200, json!([])));
    let (status, body) = remote.curl("GET", "/v1/nodes", None, "");
    assert_eq!((status, &body["error"]), (401, &json!("a token is needed, and one that is good")));
    assert_eq!(remote.curl("GET", "/v1/nothing", None, "").0, 401);
    assert_eq!(remote.curl("GET", "/v1/nothing", Some(&read), "").0, 404);
    let wanted = r#"{"name":"brief","role":"read","days":1}"#;
    assert_eq!(remote.curl("POST", "/v1/tokens", Some(&read), wanted).0, 403);
    let (status, made) = remote.curl("POST", "/v1/tokens", Some(&admin), wanted);
    assert_eq!((status, &made["token"]["role"]), (201, &json!("read")), "{made}");
    let secret = made["secret"].as_str().unwrap();
    assert_eq!(remote.curl("GET", "/v1/images", Some(secret), "").0, 200);
    assert_eq!(remote.curl("DELETE", "/v1/tokens/brief", Some(&admin), "").0, 200);
    assert_eq!(remote.curl("GET", "/v1/images", Some(secret), "").0, 401);
}
