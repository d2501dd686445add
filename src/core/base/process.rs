//! Child processes, with their command line and the end of what they said in every error.

use std::ffi::{OsStr, OsString};
use std::io::{self, Read};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

/// How much of a failed child's standard error is kept, from its end.
const STDERR_TAIL_BYTES_MAX: usize = 2048;
/// How often a child is looked at that has a time limit.
const LOOK: Duration = Duration::from_millis(5);

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
    #[error("`{argv}` did not end within {} s", limit.as_secs_f32())]
    Overdue { argv: String, limit: Duration },
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
    /// A command found on the path, with an environment that does not change its output's language, and without our way
    /// to systemd, which believes our main process only (sd_notify(3)).
    #[expect(clippy::disallowed_methods, reason = "this is the one place that calls it")]
    pub fn new(program: impl AsRef<OsStr>) -> Self {
        let mut command = Command::new(program);
        command.env("LC_ALL", "C.UTF-8").env_remove("NOTIFY_SOCKET").stdin(Stdio::null());
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

    /// As `run`, but kills it when it takes longer. For commands that say less than a pipe holds (64 KiB); one that
    /// says more counts as one that does not end.
    pub fn run_within(mut self, limit: Duration) -> Result<Output, ProcessError> {
        self.command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut running = self.spawn()?;
        let began = Instant::now();
        let wait = |running: &Running, source| ProcessError::Wait { argv: running.argv.clone(), source };
        let status = loop {
            match running.child.try_wait() {
                Ok(Some(status)) => break status,
                Ok(None) if began.elapsed() < limit => sleep(LOOK),
                Ok(None) => return Err(ProcessError::Overdue { argv: running.argv.clone(), limit }),
                Err(source) => return Err(wait(&running, source)),
            }
        };
        let mut said = [Vec::new(), Vec::new()];
        if let (Some(out), Some(err)) = (&mut running.child.stdout, &mut running.child.stderr) {
            out.read_to_end(&mut said[0])
                .and_then(|_| err.read_to_end(&mut said[1]))
                .map_err(|source| wait(&running, source))?;
        }
        let [stdout, stderr] = said;
        if status.success() {
            return Ok(Output { status, stdout, stderr });
        }
        Err(ProcessError::Failed { argv: running.argv.clone(), status, stderr_tail: tail(&stderr) })
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

    /// Catches the mutant that waits for ever.
    #[test]
    fn a_child_that_does_not_end_is_killed() {
        let began = Instant::now();
        let limit = Duration::from_millis(50);
        let error = Process::new("sleep").arg("60").run_within(limit).unwrap_err();
        assert_eq!(error.to_string(), "`sleep 60` did not end within 0.05 s");
        assert!(began.elapsed() < Duration::from_secs(30));
        let output = Process::new("echo").arg("done").run_within(Duration::from_secs(60)).unwrap();
        assert_eq!(output.stdout, b"done\n");
        let error =
            Process::new("sh").args(["-c", "echo no >&2; exit 3"]).run_within(Duration::from_secs(60));
        assert!(error.unwrap_err().to_string().contains("exit status: 3 and said:\nno"));
    }

    /// Catches the mutant that hands the environment on whole: systemd logs every word of a `systemctl` that it did not start.
    #[test]
    fn a_child_does_not_speak_to_systemd_in_our_place() {
        let test = std::env::current_exe().unwrap();
        let name = "base::process::tests::a_child_does_not_speak_to_systemd_in_our_place";
        if std::env::var_os("NOTIFY_SOCKET").is_none() {
            // Once more, as a service of systemd.
            let again = Process::new(test).args(["--exact", name]).env("NOTIFY_SOCKET", "/run/notify");
            let output = again.run().unwrap();
            assert!(String::from_utf8_lossy(&output.stdout).contains("1 passed"), "{output:?}");
            return;
        }
        let output = Process::new("sh").args(["-c", "echo ${NOTIFY_SOCKET-none}"]).run().unwrap();
        assert_eq!(output.stdout, b"none\n");
    }

    #[test]
    fn a_missing_program_is_named() {
        let error = Process::new("no-such-program").run().unwrap_err();
        assert_eq!(error.to_string(), "cannot start `no-such-program`");
    }
}
