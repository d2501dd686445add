//! The verbs about identities, with a real `serve`: tables, JSON, `--dry-run`, and what each failure says.

use crate::command::{Ended, run_understudy, text, tool};
use crate::site::Site;
use serde_json::Value;
use std::time::{Duration, Instant};
use understudy_core::base::fs;

const IDENTITIES: &str = r#"
[[clusters]]
name = "dns"
role = "dns"
[[clusters.identities]]
name = "dns-1"
address = "127.0.0.21"
[[clusters.identities]]
name = "dns-2"
address = "127.0.0.22"
host_name = "ns2.example.org"
"#;

fn site(more: &str) -> Site {
    let site = Site::new();
    let file = site.path("site.toml");
    fs::write(&file, format!("{}{more}", fs::read_text(&file).unwrap()).as_bytes()).unwrap();
    site
}

/// The rack agent leads a moment after the site answers.
fn until(site: &Site, verb: &str, more: &[&str], is_so: impl Fn(&Ended) -> bool) -> Ended {
    let deadline = Instant::now() + Duration::from_secs(30);
    loop {
        let ended = site.verb(verb, more);
        if is_so(&ended) {
            return ended;
        }
        assert!(Instant::now() < deadline, "{ended:#?}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

#[test]
fn identities_and_clusters_are_shown_as_they_are_declared() {
    let site = site(IDENTITIES);
    let _running = site.serve();
    let is_told = |ended: &Ended| ended.stdout.contains("no image has the role dns");
    let table = until(&site, "identities", &[], is_told).expect_success().stdout;
    let lines: Vec<&str> = table.lines().collect();
    assert!(lines[0].starts_with("IDENTITY  CLUSTER  STATE"), "{table}");
    assert!(lines[2].starts_with("dns-2") && lines[2].contains("127.0.0.22  ns2.example.org"), "{table}");
    let json: Value = serde_json::from_str(&site.verb("identities", &["--json"]).stdout).unwrap();
    assert_eq!((&json[0]["host_name"], &json[1]["epoch"]), (&"dns-1.demo".into(), &Value::Null));
    let clusters = site.verb("clusters", &[]).expect_success().stdout;
    assert!(clusters.lines().nth(1).unwrap().contains("0/2   dns-1 dns-2"), "{clusters}");
    let takeovers = site.verb("takeovers", &[]).expect_success();
    assert!(takeovers.stderr.contains("no identity has changed its node yet"), "{takeovers:#?}");
    assert_eq!(site.verb("takeovers", &["--json"]).stdout.trim(), "[]");
}

#[test]
fn orders_say_what_they_do_and_every_refusal_names_the_next_step() {
    let site = site(IDENTITIES);
    let _running = site.serve();
    site.hello("b1", serde_json::json!({ "kind": "network" }));
    let rehearsed =
        until(&site, "pause", &["--reason", "new switch", "--dry-run"], |ended| ended.code == Some(0));
    assert!(rehearsed.stderr.contains("nothing was changed") && rehearsed.stdout.contains("is paused"));
    site.verb("resume", &[]).expect_failure(1, &["is not paused", "hint: understudy identities"]);
    site.verb("pause", &["--reason", "new switch"]).expect_success();
    site.verb("resume", &["--json"]).expect_success();
    site.verb("pause", &["--identity", "dns-1", "--reason", "x"]).expect_success();
    site.verb("resume", &["--identity", "dns-1"]).expect_success();
    site.verb("pause", &["--identity", "a", "--rack", "--reason", "x"])
        .expect_failure(2, &["cannot be used with"]);
    site.verb("assign", &["dns-1", "nobody"]).expect_failure(
        2,
        &["there is no node `nobody`", "hint: understudy nodes lists ids, codes and serials"],
    );
    site.verb("assign", &["dns-1", "S1"]).expect_failure(1, &["has no rack", "hint: understudy identities"]);
    site.verb("assign", &["dns-9", "S1"]).expect_failure(1, &["site.toml has no identity dns-9"]);
    site.verb("replace", &["dns-1"]).expect_failure(2, &["--reason"]);
    site.verb("replace", &["dns-1", "--reason", "x"])
        .expect_failure(1, &["identity dns-1 has no holder; to give it to a spare: understudy assign"]);
    site.verb("replace", &["dns-1", "--reason", "x", "--confirm-dead", "S1"])
        .expect_failure(1, &["no holder"]);
    site.verb("drain", &["S2"]).expect_failure(2, &["there is no node `S2`"]);
}

#[test]
fn a_site_without_identities_says_how_to_declare_them() {
    let site = site("[rack]\nagent = \"off\"\n");
    let _running = site.serve();
    let shown = site.verb("identities", &[]).expect_success();
    assert!(shown.stderr.contains("[[clusters.identities]]"), "{shown:#?}");
    site.verb("pause", &["--reason", "x"])
        .expect_failure(1, &["the rack agent does not run", "agent = \"off\""]);
}

/// Catches a site that starts with another key than that of its secrets, or without the password of its BMCs.
#[test]
fn a_key_or_a_password_that_is_missing_is_named_with_the_next_step() {
    let site = site(&format!("{IDENTITIES}[bmc]\nuser = \"admin\"\npassword_file = \"bmc.password\"\n"));
    let serve = || run_understudy(["serve", "--site", text(&site.path("site.toml"))]);
    serve().expect_failure(
        1,
        &["cannot read the password of the BMCs", "bmc.password", "hint: write the password"],
    );
    let password = site.path("bmc.password");
    fs::write(&password, b"\n").unwrap();
    tool("chmod", ["644", text(&password)]);
    serve().expect_failure(1, &["may be used by everybody (mode 644)", "hint: chmod o= "]);
    tool("chmod", ["640", text(&password)]);
    serve().expect_failure(1, &["has no password in its first line"]);
    fs::write(&password, b"secret\n").unwrap();
    drop(site.serve());
    let key = site.path("state/secrets.key");
    fs::write(&key, b"not a key").unwrap();
    serve().expect_failure(1, &["holds no key of secrets", "hint: put a backup of secrets.key in its place"]);
    tool("chmod", ["644", text(&key)]);
    serve().expect_failure(1, &["may be read by others", "hint: chmod 600"]);
}
