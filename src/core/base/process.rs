//! Child processes, with their command line and the end of what they said in every error.

use std::ffi::{OsStr, OsString};
use std::io;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Output, Stdio};

/// How much of a failed child's standard error is kept, from its end.
const STDERR_TAIL_BYTES_MAX: usize = 2048;

/// A child process could not be started, or did not end well.
#[derive(Debug, thiserror::Error)]
pub enum ProcessError {
    #[error("cannot start `{program}`")]
    Start {
        program: String,
        #[source]
        source: io::Error,
    },
    #[error("lost track of `{argv}`")]
    Wait {
        argv: String,
        #[source]
        source: io::Error,
    },
    #[error("`{argv}` ended with {status}{}", said(stderr_tail))]
    Failed { argv: String, status: ExitStatus, stderr_tail: String },
}

fn said(stderr_tail: &str) -> String {
    if stderr_tail.is_empty() { String::new() } else { format!(" and said:\n{stderr_tail}") }
}

/// A command line that is about to run.
#[derive(Debug)]
pub struct Process {
    command: Command,
}

impl Process {
    /// A command found on the path, with an environment that does not change its output's language.
    #[expect(clippy::disallowed_methods, reason = "this is the one place that calls it")]
    pub fn new(program: impl AsRef<OsStr>) -> Self {
        let mut command = Command::new(program);
        command.env("LC_ALL", "C.UTF-8").stdin(Stdio::null());
        Self { command }
    }

    /// Adds one argument.
    pub fn arg(mut self, argument: impl AsRef<OsStr>) -> Self {
        self.command.arg(argument);
        self
    }

    /// Adds several arguments.
    pub fn args<I: IntoIterator<Item = S>, S: AsRef<OsStr>>(mut self, arguments: I) -> Self {
        self.command.args(arguments);
        self
    }

    /// Sets an environment variable.
    pub fn env(mut self, name: &str, value: impl AsRef<OsStr>) -> Self {
        self.command.env(name, value);
        self
    }

    /// Runs in this folder.
    pub fn current_dir(mut self, folder: &Path) -> Self {
        self.command.current_dir(folder);
        self
    }

    /// Access to what this wrapper does not name: pipes, groups, hooks before exec.
    pub fn with(mut self, change: impl FnOnce(&mut Command)) -> Self {
        change(&mut self.command);
        self
    }

    fn argv(&self) -> String {
        let mut words: Vec<OsString> = vec![self.command.get_program().to_owned()];
        words.extend(self.command.get_args().map(OsStr::to_owned));
        words.iter().map(|word| word.to_string_lossy()).collect::<Vec<_>>().join(" ")
    }

    /// Starts it and hands over the child.
    pub fn spawn(mut self) -> Result<Running, ProcessError> {
        let argv = self.argv();
        let program = self.command.get_program().to_string_lossy().into_owned();
        let child = self.command.spawn().map_err(|source| ProcessError::Start { program, source })?;
        Ok(Running { child, argv })
    }

    /// Runs it to its end; anything but exit code 0 is an error.
    pub fn run(self) -> Result<Output, ProcessError> {
        let argv = self.argv();
        let output = self.output()?;
        if output.status.success() {
            return Ok(output);
        }
        Err(ProcessError::Failed { argv, status: output.status, stderr_tail: tail(&output.stderr) })
    }

    /// Runs it to its end, whatever its exit code.
    pub fn output(mut self) -> Result<Output, ProcessError> {
        let program = self.command.get_program().to_string_lossy().into_owned();
        self.command.stdout(Stdio::piped()).stderr(Stdio::piped());
        self.command.output().map_err(|source| ProcessError::Start { program, source })
    }
}

/// A child that was started; killed when dropped before its end.
#[derive(Debug)]
pub struct Running {
    /// The child itself, for its pipes.
    pub child: Child,
    argv: String,
}

impl Running {
    /// Waits for the end; anything but exit code 0 is an error with `stderr` as what it said.
    pub fn finish(mut self, stderr: &[u8]) -> Result<(), ProcessError> {
        let waited = self.child.wait();
        let argv = std::mem::take(&mut self.argv);
        let status = waited.map_err(|source| ProcessError::Wait { argv: argv.clone(), source })?;
        if status.success() {
            return Ok(());
        }
        Err(ProcessError::Failed { argv, status, stderr_tail: tail(stderr) })
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // A child that has ended already cannot be killed, and that is what was wanted.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn tail(stderr: &[u8]) -> String {
    let start = stderr.len().saturating_sub(STDERR_TAIL_BYTES_MAX);
    String::from_utf8_lossy(&stderr[start..]).trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failed_child_is_told_with_its_words() {
        let error = Process::new("sh").args(["-c", "echo no room >&2; exit 3"]).run().unwrap_err();
        let text = error.to_string();
        assert!(
            text.contains("sh -c") && text.contains("exit status: 3") && text.contains("no room"),
            "{text}"
        );
    }

    #[test]
    fn a_missing_program_is_named() {
        let error = Process::new("no-such-program").run().unwrap_err();
        assert_eq!(error.to_string(), "cannot start `no-such-program`");
    }
}
