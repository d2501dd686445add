//! `understudy lab power`: a machine's buttons.

use super::target::NodeArguments;
use crate::cli::Outcome;
use clap::{Args, ValueEnum};
use understudy_lab::machine::Order;

#[derive(Args)]
pub struct Arguments {
    #[command(flatten)]
    target: NodeArguments,
    /// What to do
    action: Action,
}

#[derive(Clone, Copy, ValueEnum)]
enum Action {
    /// Switch it on
    On,
    /// Ask its system to go down, as a short push of the button does
    Off,
    /// Start it again from firmware, whatever it does
    Reset,
}

pub fn run(arguments: &Arguments) -> Outcome {
    arguments.target.order(match arguments.action {
        Action::On => Order::On,
        Action::Off => Order::ShutDown,
        Action::Reset => Order::Reset,
    })
}
