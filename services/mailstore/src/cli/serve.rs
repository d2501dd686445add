//! `mailstore serve --config FILE [--check] [--log-json]`

use super::say;
use mail::config::startup::{self, EXIT_INPUT};
use mailstore::daemon::{self, Orders, Settings};
use std::io::{self, IsTerminal};
use std::path::PathBuf;
use std::process::ExitCode;
use tokio::signal::unix::{SignalKind, signal};

/// Takes mail by LMTP into a store, and lets it be read, until SIGTERM
///
/// Mail is taken for accounts of the directory whose mailboxes are on this pair; without a directory, for those that `mailstore account` has made.
/// SIGHUP reads certificates again.
#[derive(Debug, clap::Args)]
pub struct Serve {
    /// Its settings, as TOML
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
    /// Says whether the file can be used, and starts nothing
    #[arg(long)]
    check: bool,
    /// One JSON object for each line of the log
    #[arg(long)]
    log_json: bool,
}

impl Serve {
    pub fn run(&self) -> anyhow::Result<ExitCode> {
        let settings = match mail::config::read::<Settings>(&self.config) {
            Ok(settings) => settings,
            Err(error) => {
                startup::tell(&error, &mut io::stderr());
                return Ok(ExitCode::from(EXIT_INPUT));
            }
        };
        if self.check {
            say(&format!("{} is a configuration of mailstore", self.config.display()))?;
            return Ok(ExitCode::SUCCESS);
        }
        log(self.log_json);
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
        runtime.block_on(async {
            let orders = Orders::default();
            hear_signals(&orders)?;
            anyhow::Ok(daemon::run(settings, orders).await?)
        })?;
        Ok(ExitCode::SUCCESS)
    }
}

fn hear_signals(orders: &Orders) -> io::Result<()> {
    let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    let mut hangup = signal(SignalKind::hangup())?;
    let orders = orders.clone();
    tokio::spawn(async move {
        loop {
            tokio::select! {
                _ = terminate.recv() => break,
                _ = interrupt.recv() => break,
                _ = hangup.recv() => orders.reload.notify_one(),
            }
        }
        orders.drain.cancel();
    });
    Ok(())
}

fn log(is_json: bool) {
    let lines = tracing_subscriber::fmt().with_writer(io::stderr).with_target(false);
    match is_json {
        true => lines.json().init(),
        false => {
            let is_plain = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
            lines.with_ansi(io::stderr().is_terminal() && !is_plain).init();
        }
    }
}
