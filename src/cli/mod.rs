//! The command line: one file per verb, and the only place that prints.
//!
//! Standard output is data, standard error is talk. Exit code 0: done, 1: the operation failed, 2: the input
//! must be fixed.

mod acknowledge;
mod approve;
mod assign;
mod clusters;
mod doctor;
mod drain;
mod events;
mod failure;
mod identities;
mod image;
mod key;
pub mod lab;
mod listing;
mod nodes;
mod open_files;
mod operator;
mod order;
mod paths;
mod pause;
mod replace;
mod retire;
mod serve;
mod table;
mod takeovers;
mod talk;
mod token;
mod trust_bmc;

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
    /// List the identities of a site, and who holds them
    Identities(identities::Arguments),
    /// List clusters, and how many of their identities are held
    Clusters(clusters::Arguments),
    /// List takeovers with the time that each of their steps took
    Takeovers(takeovers::Arguments),
    /// Give a free identity to a spare
    Assign(assign::Arguments),
    /// Move an identity from its holder to a spare
    Replace(replace::Arguments),
    /// Let an identity move again, so soon after it moved
    Acknowledge(acknowledge::Arguments),
    /// Take a node out of service, or back into it
    Drain(drain::Arguments),
    /// Let nothing be assigned, fenced or moved by itself
    Pause(pause::Pause),
    /// End a pause
    Resume(pause::Resume),
    /// Believe a node's BMC again
    TrustBmc(trust_bmc::Arguments),
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
        Verb::Identities(arguments) => identities::run(&arguments),
        Verb::Clusters(arguments) => clusters::run(&arguments),
        Verb::Takeovers(arguments) => takeovers::run(&arguments),
        Verb::Assign(arguments) => assign::run(&arguments),
        Verb::Replace(arguments) => replace::run(&arguments),
        Verb::Acknowledge(arguments) => acknowledge::run(&arguments),
        Verb::Drain(arguments) => drain::run(&arguments),
        Verb::Pause(arguments) => pause::pause(&arguments),
        Verb::Resume(arguments) => pause::resume(&arguments),
        Verb::TrustBmc(arguments) => trust_bmc::run(&arguments),
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
