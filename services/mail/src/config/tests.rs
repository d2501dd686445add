use super::*;
use serde::Deserialize;
use std::net::SocketAddr;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Daemon {
    name: String,
    smtp: Smtp,
    #[serde(default)]
    limits: Limits,
    #[serde(default)]
    peers: Vec<Peer>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Smtp {
    listen: Vec<SocketAddr>,
    idle: Option<Period>,
}

/// Forgot to refuse what it does not know.
#[derive(Debug, Default, Deserialize)]
struct Limits {
    size_max: Option<Octets>,
}

#[derive(Debug, Deserialize)]
struct Peer {
    name: String,
}

impl Settings for Daemon {
    fn problems(&self) -> Vec<Problem> {
        let mut problems = Vec::new();
        if self.name.is_empty() {
            problems.push(Problem::new("name", "is empty", "name this server"));
        }
        for (index, peer) in self.peers.iter().enumerate() {
            if peer.name.is_empty() {
                problems.push(Problem::new(&format!("peers[{index}].name"), "is empty", "name the peer"));
            }
        }
        problems
    }
}

const GOOD: &str = r#"name = "mx1"
[smtp]
listen = ["127.0.0.1:25", "[::1]:25"]
idle = "5min"

[limits]
size_max = "50MiB"

[[peers]]
name = "a"
[[peers]]
name = "b"
"#;

/// `line: key: what`, of each problem.
fn problems(text: &str) -> Vec<String> {
    let findings = parse::<Daemon>(text).unwrap_err();
    assert!(findings.iter().all(|finding| !finding.problem.hint.is_empty()));
    let told =
        |finding: Finding| format!("{}: {}: {}", finding.line, finding.problem.key, finding.problem.what);
    findings.into_iter().map(told).collect()
}

fn problems_with(from: &str, to: &str) -> Vec<String> {
    assert!(GOOD.contains(from));
    problems(&GOOD.replacen(from, to, 1))
}

#[test]
fn a_good_file_is_read() {
    let daemon: Daemon = parse(GOOD).unwrap();
    assert_eq!((daemon.smtp.listen.len(), daemon.smtp.idle), (2, Some(Period::seconds(300))));
    assert_eq!(daemon.limits.size_max, Some(Octets(50 << 20)));
}

#[test]
fn an_unknown_key_is_refused_whether_or_not_its_struct_asked_for_that() {
    let told = problems_with("idle =", "idel =");
    assert_eq!(told, ["4: smtp.idel: unknown field `idel`, expected `listen` or `idle`"]);
    assert_eq!(problems_with("size_max", "max_size"), ["7: limits.max_size: unknown key"]);
    assert_eq!(problems_with("[limits]", "[limits]\nfoo.bar = 1"), ["7: limits.foo: unknown key"]);
    assert_eq!(problems_with("name = \"b\"", "name = \"b\"\nport = 1"), ["13: peers[1].port: unknown key"]);
}

#[test]
fn a_wrong_value_is_named_by_its_line_and_key() {
    assert_eq!(problems_with("[::1]:25", "::1"), ["3: smtp.listen[1]: invalid socket address syntax"]);
    let told = problems_with("\"5min\"", "300");
    assert_eq!(told, ["4: smtp.idle: invalid type: integer `300`, expected a string"]);
    let told = problems_with("5min", "5 minutes");
    let expected =
        "4: smtp.idle: a duration is a whole number with ms, s, min, h or d behind it, such as 30s";
    assert_eq!(told, [expected]);
}

#[test]
fn what_is_missing_is_named_by_its_table() {
    assert_eq!(
        problems_with("listen = [\"127.0.0.1:25\", \"[::1]:25\"]\n", ""),
        ["2: smtp: missing field `listen`"]
    );
    assert_eq!(problems(""), ["1: : missing field `name`"]);
}

#[test]
fn what_is_no_toml_is_named_by_its_line() {
    let told = problems_with("idle = \"5min\"", "idle = 5min");
    assert_eq!(told.len(), 1);
    assert!(told[0].starts_with("4: : "), "{told:?}");
    let told = problems_with("idle =", "listen =");
    assert!(told[0].starts_with("4: : duplicate key"), "{told:?}");
}

#[test]
fn everything_is_told_at_once() {
    let text = GOOD.replace("mx1", "").replace("size_max", "max_size").replace("name = \"b\"", "name = \"\"");
    assert_eq!(
        problems(&text),
        ["1: name: is empty", "7: limits.max_size: unknown key", "12: peers[1].name: is empty"]
    );
}

#[test]
fn an_error_names_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("daemon.toml");
    fs_err::write(&path, GOOD.replace("mx1", "").replace("size_max", "x")).unwrap();
    let error = read::<Daemon>(&path).unwrap_err();
    let path = path.display();
    assert_eq!(error.to_string(), format!("{path}:1: name: is empty\n{path}:7: limits.x: unknown key"));
    assert_eq!(error.hints(), ["name this server", "correct its name, or take it out"]);
}

#[test]
fn a_file_that_cannot_be_a_configuration_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("daemon.toml");
    fs_err::write(&path, "#".repeat(1024 * 1024 + 1)).unwrap();
    assert!(matches!(read::<Daemon>(&path), Err(ConfigError::TooBig { .. })));
    fs_err::write(&path, b"name = \"\xff\"").unwrap();
    assert!(matches!(read::<Daemon>(&path), Err(ConfigError::Read { .. })));
    assert!(matches!(read::<Daemon>(folder.path()), Err(ConfigError::Read { .. })));
}
