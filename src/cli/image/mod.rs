//! `understudy image`: one file per verb.

mod build;
mod definition;
mod lock;
mod ls;
mod run;
mod show;
mod trust;
mod verify;

use super::Outcome;
use clap::Subcommand;

#[derive(Subcommand)]
pub enum Verb {
    /// Pin the newest packages from the archive in image.lock
    Lock(lock::Arguments),
    /// Build a signed, bootable image
    Build(build::Arguments),
    /// List the image folders below a folder
    Ls(ls::Arguments),
    /// Show what an image consists of
    Show(show::Arguments),
    /// Check an image's signature and every byte of it
    Verify(verify::Arguments),
    /// Boot an image in a VM, with its console here
    Run(run::Arguments),
}

pub fn run(verb: Verb) -> Outcome {
    match verb {
        Verb::Lock(arguments) => lock::run(&arguments),
        Verb::Build(arguments) => build::run(&arguments),
        Verb::Ls(arguments) => ls::run(&arguments),
        Verb::Show(arguments) => show::run(&arguments),
        Verb::Verify(arguments) => verify::run(&arguments),
        Verb::Run(arguments) => run::run(&arguments),
    }
}
