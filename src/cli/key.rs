//! `understudy key`: keys that sign images.

use super::failure::Failure;
use super::{Outcome, paths, talk};
use clap::{Args, Subcommand};
use serde_json::json;
use std::path::PathBuf;
use std::process::ExitCode;
use understudy_image::signing::{PASSWORD_VARIABLE, SigningError, SigningKey, public_path};

#[derive(Subcommand)]
pub enum Verb {
    /// Make a key pair: FILE with the secret key, FILE.pub with the public one
    New(New),
}

#[derive(Args)]
pub struct New {
    /// The secret key's file [default: ~/.config/understudy/signing.key]
    #[arg(value_name = "FILE")]
    file: Option<PathBuf>,
    /// Encrypt the secret key with the password in UNDERSTUDY_SIGNING_PASSWORD
    #[arg(long)]
    password: bool,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

pub fn run(verb: Verb) -> Outcome {
    let Verb::New(arguments) = verb;
    let file = arguments.file.map_or_else(paths::signing_key, Ok)?;
    let password = match (arguments.password, password()) {
        (true, None) => {
            return Err(Failure::input(anyhow::anyhow!("{PASSWORD_VARIABLE} is not set"))
                .hint(format!("set {PASSWORD_VARIABLE}, or leave out --password")));
        }
        (true, password) => password,
        (false, _) => None,
    };
    let key = SigningKey::create(&file, password).map_err(failure)?;
    let public = public_path(&file);
    if arguments.json {
        talk::json(&json!({ "key_id": key.id().to_string(), "secret": file, "public": public }));
    } else {
        talk::talk(&format!("key {} in {} (keep it secret)", key.id(), file.display()));
        talk::data(&public.display().to_string());
    }
    Ok(ExitCode::SUCCESS)
}

/// The password that the environment gives, if any.
pub fn password() -> Option<String> {
    std::env::var(PASSWORD_VARIABLE).ok().filter(|password| !password.is_empty())
}

/// Adds the next step to a key's error.
pub fn failure(error: SigningError) -> Failure {
    let hint = match &error {
        SigningError::Exists(path) => format!("name another file, or move {} away", path.display()),
        SigningError::NoKey(path) => format!("understudy key new {}", path.display()),
        SigningError::PasswordNeeded(_) | SigningError::PasswordWrong(..) => {
            format!("set {PASSWORD_VARIABLE} to the key's password")
        }
        SigningError::Format(..) => "understudy key new FILE makes a key".to_owned(),
        _ => return Failure::operation(error),
    };
    Failure::input(error).hint(hint)
}
