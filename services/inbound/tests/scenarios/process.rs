//! A daemon in a process of its own, and what it says in its log.

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

pub const PATIENCE: Duration = Duration::from_secs(30);

#[expect(clippy::disallowed_methods, reason = "the daemons under test, and their clients")]
pub fn command(program: &str) -> Command {
    Command::new(program)
}

pub struct Process {
    child: Child,
    log: Receiver<String>,
}

impl Process {
    /// Its log is JSON, and goes to standard error.
    #[expect(clippy::print_stderr, reason = "shown where a test fails")]
    pub fn start(command: &mut Command) -> Self {
        let mut child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        let (line, log) = channel();
        let lines = BufReader::new(child.stderr.take().unwrap()).lines();
        std::thread::spawn(move || {
            for text in lines.map_while(Result::ok) {
                eprintln!("{text}");
                if line.send(text).is_err() {
                    break;
                }
            }
        });
        Self { child, log }
    }

    /// Where it listens.
    pub fn address(&self, listener: &str) -> SocketAddr {
        loop {
            let line = self.log.recv_timeout(PATIENCE).expect("the daemon does not listen");
            let Ok(line) = serde_json::from_str::<serde_json::Value>(&line) else { continue };
            let fields = &line["fields"];
            if fields["message"] == "listening" && fields["listener"] == listener {
                return fields["address"].as_str().unwrap().parse().unwrap();
            }
        }
    }

    /// Until a line of the log says this.
    pub fn until(&self, message: &str) {
        let message = format!("\"message\":\"{message}\"");
        while !self.log.recv_timeout(PATIENCE).expect(&message).contains(&message) {}
    }

    pub fn signal(&self, signal: Signal) {
        kill(Pid::from_raw(self.child.id() as i32), signal).unwrap();
    }

    pub fn end(&mut self, signal: Signal) -> ExitStatus {
        self.signal(signal);
        if signal != Signal::SIGKILL {
            // It may have been stopped.
            self.signal(Signal::SIGCONT);
        }
        self.child.wait().unwrap()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It is over in most cases.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Until something is so.
#[track_caller]
pub fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let end = Instant::now() + PATIENCE;
    while !is_so() {
        assert!(Instant::now() < end, "{what}: it does not come to that");
        std::thread::sleep(Duration::from_millis(20));
    }
}
