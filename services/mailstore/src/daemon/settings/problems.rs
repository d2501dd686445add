//! What is wrong with a file although every value has the right type.

use super::{Readers, Settings, Tls};
use mail::config::{self, Problem};
use std::time::Duration;

/// LMTP must not be spoken there (RFC 2033 section 5).
const SMTP_PORT: u16 = 25;
/// Compaction more often than this has nothing to do.
const COMPACTION_MIN: Duration = Duration::from_secs(1);

impl config::Settings for Settings {
    fn problems(&self) -> Vec<Problem> {
        let mut problems = Vec::new();
        self.check_paths(&mut problems);
        self.check_lmtp(&mut problems);
        for (key, readers) in [("imap", &self.imap), ("pop3", &self.pop3)] {
            if let Some(readers) = readers {
                self.check_readers(key, readers, &mut problems);
            }
        }
        self.check_directory(&mut problems);
        problems.extend(self.logins.problems("logins"));
        if self.compaction.every.0 < COMPACTION_MIN {
            let hint = "write 1s or more, such as 10min";
            problems.push(Problem::new("compaction.every", "that is too often", hint));
        }
        problems
    }
}

impl Settings {
    fn check_paths(&self, problems: &mut Vec<Problem>) {
        if !self.folder.is_absolute() {
            let hint = "write it from the root, such as /var/lib/mailstore";
            problems.push(Problem::new("folder", "the folder depends on where this is started", hint));
        }
        let Some(tls) = &self.tls else { return };
        for (key, path) in [("tls.certificates", &tls.certificates), ("tls.key", &tls.key)] {
            if !path.is_absolute() {
                let hint = "write it from the root, such as /run/mail/tls.crt";
                problems.push(Problem::new(key, "the file depends on where this is started", hint));
            }
        }
    }

    fn check_lmtp(&self, problems: &mut Vec<Problem>) {
        if self.lmtp.listen.is_empty() {
            let hint = "name an address with its port, such as 127.0.0.1:24";
            problems.push(Problem::new("lmtp.listen", "nobody could deliver", hint));
        }
        for (number, address) in self.lmtp.listen.iter().enumerate() {
            if address.port() == SMTP_PORT {
                let key = format!("lmtp.listen[{number}]");
                let hint = "name another port, such as 24";
                problems.push(Problem::new(&key, "LMTP must not be spoken on the port of SMTP", hint));
            }
        }
    }

    fn check_readers(&self, key: &str, readers: &Readers, problems: &mut Vec<Problem>) {
        if readers.listen.is_empty() {
            let hint = "name an address with its port, or take the table out";
            problems.push(Problem::new(&format!("{key}.listen"), "nobody could read mail", hint));
        }
        if readers.tls != Tls::Off && self.tls.is_none() {
            let hint =
                "add [tls] with certificates and key, or in a network of our own hosts set tls = \"off\"";
            problems.push(Problem::new(&format!("{key}.tls"), "there is no certificate for TLS", hint));
        }
        if self.directory.is_none() {
            let hint = "add [directory], or take the table out";
            problems.push(Problem::new(key, "nobody could log in without a directory", hint));
        }
    }

    fn check_directory(&self, problems: &mut Vec<Problem>) {
        match (&self.directory, &self.pair) {
            (Some(_), None) => {
                let hint = "write pair = \"...\" above all tables, as `mailctl pair list` calls it";
                problems.push(Problem::new(
                    "directory",
                    "it is not said which pair of the directory this is",
                    hint,
                ));
            }
            (None, Some(_)) => {
                let hint = "add [directory], or take the pair out";
                problems.push(Problem::new("pair", "without a directory it means nothing", hint));
            }
            _ => {}
        }
        if let Some(directory) = &self.directory {
            problems.extend(directory.problems("directory"));
        }
        let Some(proxy) = &self.proxy else { return };
        problems.extend(proxy.problems("proxy"));
        if self.directory.is_none() {
            let hint = "add [directory], or take the proxy out";
            problems.push(Problem::new("proxy", "without a directory it can log in for nobody", hint));
        }
    }
}
