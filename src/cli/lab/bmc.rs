//! `understudy lab bmc`: how a machine's BMC behaves.

use super::target::NodeArguments;
use crate::cli::Outcome;
use clap::Args;
use understudy_lab::bmc::mode::Mode;
use understudy_lab::control::Request;

#[derive(Args)]
pub struct Arguments {
    #[command(flatten)]
    target: NodeArguments,
    /// honest, accepts-but-stays-on, says-off, hangs, dead or foreign-uuid
    mode: Mode,
}

pub fn run(arguments: &Arguments) -> Outcome {
    arguments.target.act(&Request::Bmc { node: arguments.target.node, mode: arguments.mode })
}
