//! A new password, from standard input and from nowhere else: command lines and environments are seen by others.

use crate::failure::Failure;
use mail::password::hash::HashError;
use mail::password::scram::StoredKeys;
use mail::password::{Cost, OCTETS_MAX, Password, PasswordHash};
use std::io::{self, IsTerminal, Read};
use zeroize::Zeroizing;

const HINT: &str = "pipe one line in: systemd-ask-password | mailctl account set ADDRESS --password-stdin";

/// The password is the one line of standard input; what is kept of it.
pub fn from_stdin() -> Result<(PasswordHash, StoredKeys), Failure> {
    let stdin = io::stdin();
    if stdin.is_terminal() {
        return Err(Failure::input(
            &io::Error::other("a password that is typed here could be read by others"),
            HINT,
        ));
    }
    let mut input = Zeroizing::new(Vec::new());
    // A longer one is refused for its length.
    let limit = OCTETS_MAX as u64 + 3;
    stdin.lock().take(limit).read_to_end(&mut input).map_err(|error| Failure::operation(&error, HINT))?;
    let line = std::str::from_utf8(&input).map_err(|error| Failure::input(&error, HINT))?;
    let line = line.strip_suffix('\n').unwrap_or(line);
    let password = Password::new(line.strip_suffix('\r').unwrap_or(line));
    keep(&password.map_err(|error| Failure::input(&error, HINT))?)
}

fn keep(password: &Password) -> Result<(PasswordHash, StoredKeys), Failure> {
    let hash = PasswordHash::new(password, Cost::default());
    let failed = |error: &HashError| Failure::operation(error, "try again");
    let keys = StoredKeys::new(password).map_err(HashError::from);
    Ok((hash.map_err(|error| failed(&error))?, keys.map_err(|error| failed(&error))?))
}
