//! The command line that all daemons share: `NAME --config FILE [--check] [--log-json]`.

use super::{ConfigError, Settings, read};
use clap::{Arg, ArgAction, Command};
use std::error::Error;
use std::ffi::OsString;
use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;

/// The input must be fixed.
pub const EXIT_INPUT: u8 = 2;

/// What a daemon says of itself.
#[derive(Clone, Copy, Debug)]
pub struct Program {
    pub name: &'static str,
    pub version: &'static str,
    pub about: &'static str,
}

/// How the log is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    Text,
    /// One object for each line.
    Json,
}

/// What comes now.
#[derive(Debug)]
pub enum Startup<S> {
    Run(S, LogFormat),
    /// Everything is said.
    End(ExitCode),
}

/// Reads the process's command line and the file that it names.
pub fn startup<S: Settings>(program: Program) -> Startup<S> {
    match decide(program, std::env::args_os(), &mut io::stdout(), &mut io::stderr()) {
        Ok((settings, log)) => Startup::Run(settings, log),
        Err(code) => Startup::End(ExitCode::from(code)),
    }
}

/// The settings and how to log, or the exit code.
fn decide<S: Settings>(
    program: Program,
    arguments: impl Iterator<Item = OsString>,
    out: &mut dyn Write,
    talk: &mut dyn Write,
) -> Result<(S, LogFormat), u8> {
    let matches = command(program).try_get_matches_from(arguments).map_err(|error| {
        // Nobody is left to hear of what cannot be written.
        if error.use_stderr() {
            let _ = write!(talk, "{}", error.render());
            return EXIT_INPUT;
        }
        let _ = write!(out, "{}", error.render());
        0
    })?;
    let file = matches.get_one::<PathBuf>("config").expect("clap requires it");
    let settings = read(file).map_err(|error| {
        tell(&error, talk);
        EXIT_INPUT
    })?;
    if matches.get_flag("check") {
        let _ = writeln!(out, "{} is a configuration of {}", file.display(), program.name);
        return Err(0);
    }
    let log = if matches.get_flag("log-json") { LogFormat::Json } else { LogFormat::Text };
    Ok((settings, log))
}

fn command(program: Program) -> Command {
    let config = Arg::new("config").long("config").value_name("FILE").required(true);
    let check = Arg::new("check").long("check").action(ArgAction::SetTrue);
    let log_json = Arg::new("log-json").long("log-json").action(ArgAction::SetTrue);
    Command::new(program.name)
        .version(program.version)
        .about(program.about)
        .arg(config.value_parser(clap::value_parser!(PathBuf)).help("Its settings, as TOML"))
        .arg(check.help("Says whether the file can be used, and starts nothing"))
        .arg(log_json.help("One JSON object for each line of the log"))
}

/// The problem with its causes once, then what to do.
pub fn tell(error: &ConfigError, talk: &mut dyn Write) {
    for line in error.to_string().lines() {
        let _ = writeln!(talk, "error: {line}");
    }
    let mut cause = error.source();
    while let Some(error) = cause {
        let _ = writeln!(talk, "  because: {error}");
        cause = error.source();
    }
    let mut hints = error.hints();
    hints.dedup();
    for hint in hints {
        let _ = writeln!(talk, "hint: {hint}");
    }
}

#[cfg(test)]
mod tests {
    use super::super::Problem;
    use super::*;

    #[derive(Debug, serde::Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Small {
        port: u16,
    }

    impl Settings for Small {
        fn problems(&self) -> Vec<Problem> {
            let is_bad = self.port == 0;
            is_bad
                .then(|| Problem::new("port", "0 is no port", "name one that is free"))
                .into_iter()
                .collect()
        }
    }

    /// Exit code or port, standard output, standard error; `FILE` is the file.
    fn run(content: &str, arguments: &[&str]) -> (Result<u16, u8>, String, String) {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("small.toml");
        fs_err::write(&file, content).unwrap();
        let file = file.to_str().unwrap();
        let arguments: Vec<_> = arguments.iter().map(|&word| word.replace("FILE", file)).collect();
        let (mut out, mut talk) = (Vec::new(), Vec::new());
        let program = Program { name: "small", version: "1.2.3", about: "Does little" };
        let result = decide::<Small>(program, arguments.into_iter().map(OsString::from), &mut out, &mut talk);
        let text = |octets| String::from_utf8(octets).unwrap().replace(file, "FILE");
        (result.map(|(settings, _)| settings.port), text(out), text(talk))
    }

    #[test]
    fn a_good_file_starts_or_is_only_checked() {
        for arguments in [&["small", "--config", "FILE"][..], &["small", "--log-json", "--config", "FILE"]] {
            assert_eq!(run("port = 1", arguments), (Ok(1), String::new(), String::new()));
        }
        let checked = run("port = 1", &["small", "--check", "--config", "FILE"]);
        assert_eq!(checked, (Err(0), "FILE is a configuration of small\n".to_owned(), String::new()));
    }

    #[test]
    fn a_bad_file_ends_with_2_and_the_next_step() {
        for arguments in [&["small", "--config", "FILE"][..], &["small", "--check", "--config", "FILE"]] {
            let (code, out, talk) = run("\nport = 0", arguments);
            assert_eq!((code, out.as_str()), (Err(2), ""));
            assert_eq!(talk, "error: FILE:2: port: 0 is no port\nhint: name one that is free\n");
        }
        let (code, _, talk) = run("", &["small", "--config", "/nowhere/small.toml"]);
        assert_eq!(code, Err(2));
        let lines = [
            "error: cannot read /nowhere/small.toml",
            "  because: No such file or directory (os error 2)",
            "hint: write /nowhere/small.toml, or name another file with --config",
        ];
        assert_eq!(talk.lines().collect::<Vec<_>>(), lines);
    }

    #[test]
    fn a_bad_command_line_ends_with_2_and_questions_with_0() {
        let (code, _, talk) = run("", &["small"]);
        assert_eq!(code, Err(2));
        assert!(talk.contains("--config <FILE>"), "{talk}");
        assert_eq!(run("", &["small", "--config", "FILE", "--nonsense"]).0, Err(2));
        assert_eq!(run("", &["small", "--version"]), (Err(0), "small 1.2.3\n".to_owned(), String::new()));
    }
}
