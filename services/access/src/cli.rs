//! `access --config FILE [--check] [--log-json]`. Exit codes: 0 done, 1 it failed, 2 the words or the file were wrong.

use access::daemon::{self, Orders, Settings};
use clap::Parser;
use mail::config::startup::{self, EXIT_INPUT};
use std::io::{self, IsTerminal, Write};
use std::path::PathBuf;
use std::process::ExitCode;
use tokio::signal::unix::{SignalKind, signal};

/// Lets clients of IMAP and POP3 in and hands them over to the machines that hold their mailboxes, until SIGTERM
///
/// SIGHUP reads the certificates again.
#[derive(Debug, Parser)]
#[command(name = "access", version)]
struct Command {
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

pub fn main() -> ExitCode {
    match run(&Command::parse()) {
        Ok(code) => code,
        Err(error) => {
            // Nobody is left to tell when stderr is closed.
            let _ = writeln!(io::stderr(), "error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(command: &Command) -> anyhow::Result<ExitCode> {
    let settings = match mail::config::read::<Settings>(&command.config) {
        Ok(settings) => settings,
        Err(error) => {
            startup::tell(&error, &mut io::stderr());
            return Ok(ExitCode::from(EXIT_INPUT));
        }
    };
    if command.check {
        writeln!(io::stdout(), "{} is a configuration of access", command.config.display())?;
        return Ok(ExitCode::SUCCESS);
    }
    log(command.log_json);
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        let orders = Orders::default();
        obey_signals(&orders)?;
        anyhow::Ok(daemon::run(settings, orders).await?)
    })?;
    Ok(ExitCode::SUCCESS)
}

fn obey_signals(orders: &Orders) -> io::Result<()> {
    let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    let mut hang_up = signal(SignalKind::hangup())?;
    let orders = orders.clone();
    tokio::spawn(async move {
        loop {
            tokio::select! {
                _ = terminate.recv() => orders.drain.cancel(),
                _ = interrupt.recv() => orders.drain.cancel(),
                _ = hang_up.recv() => orders.reload.notify_one(),
            }
        }
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
