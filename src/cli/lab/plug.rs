//! `understudy lab plug`: the machine's network cable is in again.

use super::target::NodeArguments;
use crate::cli::Outcome;
use clap::Args;
use understudy_lab::machine::Order;

#[derive(Args)]
pub struct Arguments {
    #[command(flatten)]
    target: NodeArguments,
}

pub fn run(arguments: &Arguments) -> Outcome {
    arguments.target.order(Order::Plug)
}
