//! The command `understudy`.

mod cli;

use std::process::ExitCode;

fn main() -> ExitCode {
    // The builder starts this program again inside namespaces; that is not a verb for people.
    if std::env::args_os().nth(1).is_some_and(|argument| argument == understudy_image::stage::STAGE_ARGUMENT)
    {
        return understudy_image::stage::main();
    }
    // So does the lab.
    match std::env::args_os().nth(1) {
        Some(argument) if argument == understudy_lab::rack::start::ENTER_ARGUMENT => {
            understudy_lab::rack::start::enter_main()
        }
        Some(argument) if argument == understudy_lab::rack::start::SUPERVISE_ARGUMENT => {
            cli::lab::supervise::main()
        }
        _ => cli::main(),
    }
}
