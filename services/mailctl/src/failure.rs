//! How a verb fails: the chain of causes once, the next step, and the exit code.

use mail::config::{ConfigError, startup};
use mail::directory::DirectoryError;
use std::error::Error;
use std::fmt::Write as _;
use std::io::{self, Write};
use std::process::ExitCode;

const FAILED: u8 = 1;

/// Everything that is to be said.
#[derive(Debug)]
pub struct Failure {
    text: String,
    code: u8,
}

impl Failure {
    /// The operation failed.
    pub fn operation(error: &dyn Error, hint: &str) -> Self {
        Self::new(error, hint, FAILED)
    }

    /// The input must be fixed.
    pub fn input(error: &dyn Error, hint: &str) -> Self {
        Self::new(error, hint, startup::EXIT_INPUT)
    }

    pub fn config(error: ConfigError) -> Self {
        let mut text = Vec::new();
        startup::tell(&error, &mut text);
        Self { text: String::from_utf8_lossy(&text).into_owned(), code: startup::EXIT_INPUT }
    }

    fn new(error: &dyn Error, hint: &str, code: u8) -> Self {
        let mut text = format!("error: {error}\n");
        let mut cause = error.source();
        while let Some(error) = cause {
            // Writing into a text does not fail.
            let _ = writeln!(text, "  because: {error}");
            cause = error.source();
        }
        let _ = writeln!(text, "hint: {hint}");
        Self { text, code }
    }

    /// Says it.
    pub fn report(&self) -> ExitCode {
        // Nobody is left to hear of what cannot be written.
        let _ = io::stderr().write_all(self.text.as_bytes());
        ExitCode::from(self.code)
    }
}

impl From<DirectoryError> for Failure {
    fn from(error: DirectoryError) -> Self {
        let hint = error.hint();
        if error.is_input() { Self::input(&error, &hint) } else { Self::operation(&error, &hint) }
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Self::operation(&error, "see where standard output goes")
    }
}
