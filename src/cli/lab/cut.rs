//! `understudy lab cut`: a machine's power is gone at once.

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
    arguments.target.order(Order::Cut)
}
