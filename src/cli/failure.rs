//! How a verb fails: the chain of causes once, a hint with the next command, and the exit code.

use super::talk::talk;
use std::process::ExitCode;

/// A failure on its way to the user.
#[derive(Debug)]
pub struct Failure {
    error: anyhow::Error,
    hint: Option<String>,
    is_input: bool,
}

impl Failure {
    /// The operation failed: exit code 1.
    pub fn operation(error: impl Into<anyhow::Error>) -> Self {
        Self { error: error.into(), hint: None, is_input: false }
    }

    /// The input must be fixed: exit code 2.
    pub fn input(error: impl Into<anyhow::Error>) -> Self {
        Self { error: error.into(), hint: None, is_input: true }
    }

    /// Names the next step.
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// Prints it.
    pub fn report(&self) -> ExitCode {
        talk(&format!("error: {}", self.error));
        for cause in self.error.chain().skip(1) {
            talk(&format!("  because: {cause}"));
        }
        if let Some(hint) = &self.hint {
            talk(&format!("hint: {hint}"));
        }
        ExitCode::from(if self.is_input { 2 } else { 1 })
    }
}
