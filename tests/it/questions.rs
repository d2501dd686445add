//! A client of a DNS server that asks again and again, from inside a lab's network.

use crate::command::understudy;
use crate::rack::{LIMIT, Rack};
use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};
use tempfile::NamedTempFile;
use understudy_core::base::fs;
use understudy_core::base::process::Running;

const LOOK: Duration = Duration::from_millis(200);
/// One line for each question: when it was asked (seconds since 1970), and 0 if it was answered. A busy computer may lose
/// a datagram, so that it is sent twice before it counts as unanswered.
const LOOP: &str = r#"
while :; do
  asked=$(date +%s.%N)
  dig +short +tries=2 +timeout=2 "@$0" hello.demo TXT 2>/dev/null | grep -q spare
  echo "$asked $?"
  sleep 0.1
done
"#;

/// A client that asks until it is dropped.
pub struct Questions {
    asked: NamedTempFile,
    client: Running,
}

impl Questions {
    /// Asks the server at this address, which answers.
    #[track_caller]
    pub fn to(rack: &Rack, address: &str) -> Self {
        let asked = NamedTempFile::new().unwrap();
        let inside = ["lab", "exec", "--name", &rack.name, "--", "sh", "-c", LOOP, address];
        let file = asked.reopen().unwrap();
        let client = understudy().args(inside).with(|command| {
            command.process_group(0).stdout(Stdio::from(file));
        });
        let questions = Self { asked, client: client.spawn().unwrap() };
        questions.wait_for_answer();
        questions
    }

    /// Every question whose fate is known, and whether it was answered.
    fn all(&self) -> Vec<(f64, bool)> {
        let text = fs::read_text(Path::new(self.asked.path())).unwrap();
        let whole = text.rfind('\n').map_or("", |end| &text[..end]);
        let read = |line: &str| {
            let (asked, code) = line.split_once(' ').unwrap();
            (asked.parse().unwrap(), code == "0")
        };
        whole.lines().map(read).collect()
    }

    /// Waits until a question is answered that was asked from now on.
    #[track_caller]
    pub fn wait_for_answer(&self) {
        let now = jiff::Timestamp::now().as_millisecond() as f64 / 1000.0;
        let began = Instant::now();
        while !self.all().iter().any(|(asked, is_answered)| *is_answered && *asked >= now) {
            assert!(began.elapsed() < LIMIT, "no answer within {LIMIT:?}: {:?}", self.all());
            std::thread::sleep(LOOK);
        }
    }

    /// All questions were answered, the last of them just now.
    #[track_caller]
    pub fn expect_answers(self) {
        self.wait_for_answer();
        let all = self.all();
        let unanswered: Vec<f64> =
            all.iter().filter(|(_, is_answered)| !is_answered).map(|(asked, _)| asked - all[0].0).collect();
        assert!(unanswered.is_empty(), "of {} questions, not answered: those of {unanswered:?} s", all.len());
    }
}

impl Drop for Questions {
    fn drop(&mut self) {
        // The loop runs behind `lab exec`, in its process group. One that has ended with its lab is gone already.
        let group = Pid::from_raw(self.client.child.id().cast_signed());
        let _ = killpg(group, Signal::SIGTERM);
    }
}
