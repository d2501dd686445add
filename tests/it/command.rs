//! Runs programs and keeps what they said.

use std::ffi::OsStr;
use std::path::Path;
use understudy_core::base::process::Process;

/// How a program ended.
#[derive(Debug)]
pub struct Ended {
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

impl Ended {
    /// Panics, with all that was said, unless the program did what it was asked.
    #[track_caller]
    pub fn expect_success(self) -> Self {
        assert_eq!(self.code, Some(0), "{self:#?}");
        self
    }

    /// Panics unless the program failed with this exit code and every one of these texts on standard error.
    #[track_caller]
    pub fn expect_failure(&self, code: i32, texts: &[&str]) {
        assert_eq!(self.code, Some(code), "{self:#?}");
        for text in texts {
            assert!(self.stderr.contains(text), "`{text}` is missing: {self:#?}");
        }
    }
}

/// Runs a program to its end.
pub fn run(process: Process) -> Ended {
    let output = process.output().unwrap();
    Ended {
        code: output.status.code(),
        stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}

/// The program under test.
pub fn understudy() -> Process {
    Process::new(env!("CARGO_BIN_EXE_understudy"))
}

/// Runs the program under test.
pub fn run_understudy<S: AsRef<OsStr>>(arguments: impl IntoIterator<Item = S>) -> Ended {
    run(understudy().args(arguments))
}

/// Runs another program, which must succeed.
#[track_caller]
pub fn tool<S: AsRef<OsStr>>(program: &str, arguments: impl IntoIterator<Item = S>) -> String {
    run(Process::new(program).args(arguments)).expect_success().stdout
}

/// A path as an argument among texts.
pub fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}
