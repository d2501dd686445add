//! What is left when the image cannot be started: tell why, then wait for a person or start again.

use crate::console::say;
use nix::sys::reboot::{RebootMode, reboot};
use std::error::Error;
use std::thread::sleep;
use std::time::Duration;
use understudy_core::base::causes::with_causes;
use understudy_core::formats::command_line::OnFailure;

/// Long enough to read the reason, or to photograph it.
const BEFORE_REBOOT: Duration = Duration::from_secs(30);
/// How often a waiting node says again why: whoever comes finds the reason on the screen.
const REMINDER: Duration = Duration::from_secs(60);

/// Never comes back.
pub fn end(error: &dyn Error, on_failure: OnFailure) -> ! {
    let reason = format!("cannot start the image: {}", with_causes(error));
    if on_failure == OnFailure::Reboot {
        say(&format!("{reason}\nstarting again from firmware in {} s", BEFORE_REBOOT.as_secs()));
        sleep(BEFORE_REBOOT);
        let Err(refused) = reboot(RebootMode::RB_AUTOBOOT);
        say(&format!("the kernel does not reboot: {refused}"));
    }
    loop {
        say(&format!("{reason}\nwaiting for a person; Ctrl-Alt-Del starts the machine again"));
        sleep(REMINDER);
    }
}
