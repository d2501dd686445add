//! A file that cannot work is told of, with its lines and the next step, before anything starts.

use crate::house::{More, command, write_certificate, write_settings};

fn access(words: &[&str]) -> (Option<i32>, String, String) {
    let output = command(env!("CARGO_BIN_EXE_access")).args(words).output().unwrap();
    let text = |octets: Vec<u8>| String::from_utf8(octets).unwrap();
    (output.status.code(), text(output.stdout), text(output.stderr))
}

#[test]
fn a_file_is_checked_and_the_next_step_is_told() {
    let folder = tempfile::tempdir().unwrap();
    write_certificate(&folder, "localhost");
    let file = write_settings(&folder, More::default());
    let file = file.to_str().unwrap();
    let (code, said, _) = access(&["--check", "--config", file]);
    assert_eq!((code, said), (Some(0), format!("{file} is a configuration of access\n")));

    // The file is fine, what it names is not there.
    let (code, _, talk) = access(&["--config", file]);
    assert!(code == Some(1) && talk.contains("error: cannot use the directory: "), "{talk}");

    write_settings(
        &folder,
        More { backend: Some("tls = 'verified'"), tables: "[limit]\n", ..More::default() },
    );
    for words in [&["--config", file][..], &["--check", "--config", file]] {
        let (code, said, talk) = access(words);
        assert!(
            code == Some(2) && said.is_empty() && talk.contains("limit") && talk.contains("\nhint: "),
            "{talk}"
        );
    }
    assert_eq!(access(&[]).0, Some(2));
}
