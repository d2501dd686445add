//! `understudy lab`: a rack of virtual machines on this computer, and everything that can be done to it.

mod bmc;
mod console;
mod cut;
mod disk;
mod down;
mod exec;
mod freeze;
mod line;
mod plug;
mod power;
mod ssh;
mod status;
pub mod supervise;
mod suspend;
mod target;
mod thaw;
mod unplug;
mod up;

use super::Outcome;
use clap::Subcommand;

#[derive(Subcommand)]
pub enum Verb {
    /// Start a rack; returns when its machines have power
    Up(up::Arguments),
    /// Show the machines of a lab
    Status(status::Arguments),
    /// Cut a machine's power, all at once
    Cut(cut::Arguments),
    /// Push a machine's power or reset button
    Power(power::Arguments),
    /// Pull a machine's network cable
    Unplug(unplug::Arguments),
    /// Plug a machine's network cable in again
    Plug(plug::Arguments),
    /// Make a machine's network cable worse: delay, loss, reordering, flipped bits, one-way cuts
    Line(line::Arguments),
    /// Make a machine's disk fail, or well again; takes effect when the machine gets its power the next time
    Disk(disk::Arguments),
    /// Stop a machine in the middle of whatever it does, its clock included
    Freeze(freeze::Arguments),
    /// Let a frozen machine go on
    Thaw(thaw::Arguments),
    /// Make a machine's BMC misbehave, or behave again
    Bmc(bmc::Arguments),
    /// Show what a machine's console showed
    Console(console::Arguments),
    /// Run a command in the lab's network, where the site, the machines and the BMCs are
    Exec(exec::Arguments),
    /// Log in to a machine that runs its image, or run a command on it
    Ssh(ssh::Arguments),
    /// End a lab so that its machines can go on where they are: lab up --from FOLDER
    Suspend(suspend::Arguments),
    /// End a lab: its machines, its site, its network
    Down(down::Arguments),
}

pub fn run(verb: Verb) -> Outcome {
    match verb {
        Verb::Up(arguments) => up::run(&arguments),
        Verb::Status(arguments) => status::run(&arguments),
        Verb::Cut(arguments) => cut::run(&arguments),
        Verb::Power(arguments) => power::run(&arguments),
        Verb::Unplug(arguments) => unplug::run(&arguments),
        Verb::Plug(arguments) => plug::run(&arguments),
        Verb::Line(arguments) => line::run(&arguments),
        Verb::Disk(arguments) => disk::run(&arguments),
        Verb::Freeze(arguments) => freeze::run(&arguments),
        Verb::Thaw(arguments) => thaw::run(&arguments),
        Verb::Bmc(arguments) => bmc::run(&arguments),
        Verb::Console(arguments) => console::run(&arguments),
        Verb::Exec(arguments) => exec::run(&arguments),
        Verb::Ssh(arguments) => ssh::run(&arguments),
        Verb::Suspend(arguments) => suspend::run(&arguments),
        Verb::Down(arguments) => down::run(&arguments),
    }
}
