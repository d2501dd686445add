//! The command as an operator has it: arguments in; exit code, standard output and standard error out.

#![expect(clippy::unwrap_used, reason = "here a panic with its place is the message")]

mod failures;
mod passwords;
mod words;

#[expect(
    clippy::disallowed_methods,
    reason = "this crate knows nothing of the platform's core::base::process"
)]
mod operator {
    use std::io::Write;
    use std::process::{Command, Stdio};
    use tempfile::TempDir;

    /// Exit code, standard output, standard error.
    pub type Said = (i32, String, String);

    /// Somebody with a configuration file and a directory of their own.
    pub struct Operator(pub TempDir);

    impl Operator {
        /// Without tables.
        pub fn without_directory() -> Self {
            let folder = tempfile::tempdir().unwrap();
            let operator = Self(folder);
            operator.configure(&format!("[directory]\nsqlite = \"{}\"\n", operator.path("directory.db")));
            operator
        }

        /// With the domain `here.org` and the pair `p1`.
        pub fn new() -> Self {
            let operator = Self::without_directory();
            operator.does("schema upgrade");
            operator.does("pair add p1 --lmtp 10.0.0.1:24 --imap 10.0.0.1:143 --pop3 10.0.0.1:110");
            operator.does("domain add here.org");
            operator
        }

        pub fn path(&self, name: &str) -> String {
            self.0.path().join(name).to_str().unwrap().to_owned()
        }

        pub fn configure(&self, content: &str) {
            fs_err::write(self.path("mailctl.toml"), content).unwrap();
        }

        /// Words with blanks between them.
        pub fn says(&self, words: &str) -> Said {
            self.says_with(words, "")
        }

        pub fn says_with(&self, words: &str, input: &str) -> Said {
            let mut command = Command::new(env!("CARGO_BIN_EXE_mailctl"));
            command.args(words.split_whitespace()).env("MAILCTL_CONFIG", self.path("mailctl.toml"));
            command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
            let mut process = command.spawn().unwrap();
            // It may end without reading.
            drop(process.stdin.take().unwrap().write_all(input.as_bytes()));
            let output = process.wait_with_output().unwrap();
            let text = |octets| String::from_utf8(octets).unwrap();
            (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
        }

        /// Done, with nothing on standard output.
        #[track_caller]
        pub fn does(&self, words: &str) {
            let (code, out, talk) = self.says(words);
            assert_eq!((code, out.as_str()), (0, ""), "{words}: {talk}");
        }

        /// Done; what stands on standard output.
        #[track_caller]
        pub fn reads(&self, words: &str) -> String {
            let (code, out, talk) = self.says(words);
            assert_eq!((code, talk.as_str()), (0, ""), "{words}");
            out
        }

        #[track_caller]
        pub fn reads_json(&self, words: &str) -> serde_json::Value {
            serde_json::from_str(&self.reads(&format!("--json {words}"))).unwrap()
        }

        /// Not done, with this exit code: what is said of it.
        #[track_caller]
        pub fn fails(&self, words: &str, code: i32) -> String {
            let (found, out, talk) = self.says(words);
            assert_eq!((found, out.as_str()), (code, ""), "{words}: {talk}");
            talk
        }
    }
}
