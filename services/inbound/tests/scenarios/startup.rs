//! What is wrong is told before anything is served, with the next step.

use crate::client::run;
use std::process::Output;

const SMALL: &str = "host = 'mx1.example'\nfolder = 'FOLDER/incoming'\n[directory]\nsqlite = 'FOLDER/none.db'\n\
    [smtp]\nlisten = ['127.0.0.1:0']\n[dns]\nservers = ['127.0.0.1:53']\n";

fn inbound(text: &str, words: &[&str]) -> (Output, String) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("inbound.toml");
    fs_err::write(&file, text.replace("FOLDER", folder.path().to_str().unwrap())).unwrap();
    let words = [&["--config", file.to_str().unwrap()], words].concat();
    let output = run(env!("CARGO_BIN_EXE_inbound"), &words, b"");
    let talk = String::from_utf8_lossy(&output.stderr).replace(folder.path().to_str().unwrap(), "FOLDER");
    (output, talk)
}

#[test]
fn a_file_is_checked_and_nothing_is_started() {
    let (output, talk) = inbound(SMALL, &["--check"]);
    assert!(output.status.success() && output.stdout.ends_with(b"is a configuration of inbound\n"), "{talk}");
    let (output, talk) = inbound(&SMALL.replace("listen = ['127.0.0.1:0']", "listen = []"), &[]);
    assert_eq!(output.status.code(), Some(2));
    assert!(talk.contains(":6: smtp.listen: nobody could send\nhint: name an address"), "{talk}");
}

#[test]
fn what_cannot_be_opened_is_told_with_the_next_step() {
    for (text, error, hint) in [
        (
            SMALL.to_owned(),
            "error: cannot open the directory of accounts",
            "hint: where there is none yet, run: mailctl schema upgrade",
        ),
        (
            format!("{SMALL}[tls]\ncertificates = '/nowhere'\nkey = '/nowhere'\n"),
            "error: cannot use the certificate",
            "hint: correct [tls]",
        ),
        (
            SMALL.replace("FOLDER/incoming", "/proc/incoming"),
            "error: cannot make the folder",
            "hint: name a folder",
        ),
    ] {
        let (output, talk) = inbound(&text, &[]);
        assert_eq!(output.status.code(), Some(1), "{talk}");
        assert!(talk.contains(error) && talk.contains("  because: ") && talk.contains(hint), "{talk}");
    }
}
