//! The command line: one file per verb, and the only place that prints.
//!
//! Standard output is data, standard error is talk. Exit code 0: done, 1: the operation failed, 2: the input
//! must be fixed.

mod approve;
mod doctor;
mod events;
mod failure;
mod image;
mod key;
pub mod lab;
mod nodes;
mod open_files;
mod operator;
mod paths;
mod retire;
mod serve;
mod table;
mod talk;
mod token;

use clap::{Parser, Subcommand};
use failure::Failure;
use std::process::ExitCode;

/// Signed server images and standing spares for a mail platform.
#[derive(Parser)]
#[command(version, arg_required_else_help = true)]
struct Arguments {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Subcommand)]
enum Verb {
    /// Build, look at, verify and try images
    #[command(subcommand)]
    Image(image::Verb),
    /// Make keys that sign images
    #[command(subcommand)]
    Key(key::Verb),
    /// A rack of virtual machines on this computer: firmware, disks, BMCs, cables, a site
    #[command(subcommand)]
    Lab(lab::Verb),
    /// Run the controller of a site
    Serve(serve::Arguments),
    /// List the nodes of a site
    Nodes(nodes::Arguments),
    /// Let a node have the image
    Approve(approve::Arguments),
    /// End a node for good
    Retire(retire::Arguments),
    /// Tell what happened at a site
    Events(events::Arguments),
    /// Make, list and end tokens for operators on other computers
    #[command(subcommand)]
    Token(token::Verb),
    /// Say what is missing on this machine and how to get it
    Doctor(doctor::Arguments),
}

/// Parses the arguments and runs the verb.
pub fn main() -> ExitCode {
    let result = match Arguments::parse().verb {
        Verb::Image(verb) => image::run(verb),
        Verb::Key(verb) => key::run(verb),
        Verb::Lab(verb) => lab::run(verb),
        Verb::Serve(arguments) => serve::run(&arguments),
        Verb::Nodes(arguments) => nodes::run(&arguments),
        Verb::Approve(arguments) => approve::run(&arguments),
        Verb::Retire(arguments) => retire::run(&arguments),
        Verb::Events(arguments) => events::run(&arguments),
        Verb::Token(verb) => token::run(verb),
        Verb::Doctor(arguments) => doctor::run(&arguments),
    };
    match result {
        Ok(code) => code,
        Err(failure) => failure.report(),
    }
}

/// What a verb gives back.
type Outcome = Result<ExitCode, Failure>;
