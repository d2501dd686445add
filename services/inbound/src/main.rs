//! `inbound`: serves port 25. Exit codes: 0 it was told to end, 1 it failed, 2 the file or the words were wrong.

use inbound::daemon::{self, DaemonError, Signals};
use inbound::filter::Chain;
use inbound::settings::Settings;
use mail::config::{LogFormat, Program, Startup, startup};
use std::error::Error;
use std::io::{self, IsTerminal, Write};
use std::process::ExitCode;
use tokio::runtime::Runtime;
use tokio::signal::unix::{Signal, SignalKind, signal};

const PROGRAM: Program = Program {
    name: "inbound",
    version: env!("CARGO_PKG_VERSION"),
    about: "Takes mail on port 25, and delivers it to the mailstores before it says so",
};

fn main() -> ExitCode {
    let settings = match startup::<Settings>(PROGRAM) {
        Startup::Run(settings, format) => {
            log(format);
            settings
        }
        Startup::End(code) => return code,
    };
    let runtime = match Runtime::new() {
        Ok(runtime) => runtime,
        Err(error) => return failed(&error, "see the limits of this process: ulimit -a"),
    };
    match runtime.block_on(serve(settings)) {
        Ok(Ok(())) => ExitCode::SUCCESS,
        Ok(Err(error)) => failed(&error, &error.hint()),
        Err(error) => failed(&error, "see the limits of this process: ulimit -a"),
    }
}

/// The outer error is one of signals.
async fn serve(settings: Settings) -> io::Result<Result<(), DaemonError>> {
    let signals = Signals::default();
    let ends = [signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?];
    tokio::spawn(hear(ends, signal(SignalKind::hangup())?, signals.clone()));
    Ok(daemon::run(settings, Chain::default(), signals).await)
}

async fn hear([mut terminate, mut interrupt]: [Signal; 2], mut hangup: Signal, signals: Signals) {
    loop {
        tokio::select! {
            _ = terminate.recv() => signals.drain.cancel(),
            _ = interrupt.recv() => signals.drain.cancel(),
            _ = hangup.recv() => signals.reload.notify_one(),
        }
    }
}

/// The failure with its causes once, then what to do.
fn failed(error: &dyn Error, hint: &str) -> ExitCode {
    let mut talk = io::stderr();
    // Nobody is left to tell when stderr is closed.
    let _ = writeln!(talk, "error: {error}");
    let mut cause = error.source();
    while let Some(error) = cause {
        let _ = writeln!(talk, "  because: {error}");
        cause = error.source();
    }
    let _ = writeln!(talk, "hint: {hint}");
    ExitCode::FAILURE
}

fn log(format: LogFormat) {
    let lines = tracing_subscriber::fmt().with_writer(io::stderr).with_target(false);
    match format {
        LogFormat::Json => lines.json().init(),
        LogFormat::Text => {
            let is_plain = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
            lines.with_ansi(io::stderr().is_terminal() && !is_plain).init();
        }
    }
}
