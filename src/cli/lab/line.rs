//! `understudy lab line`: how well a machine's cable carries. Without options it is perfect again.

use super::target::NodeArguments;
use crate::cli::Outcome;
use clap::{Args, ValueEnum};
use understudy_lab::control::Request;
use understudy_lab::switch::line::{Line, Quality};

#[derive(Args)]
pub struct Arguments {
    #[command(flatten)]
    target: NodeArguments,
    /// Each frame takes this many milliseconds, each way
    #[arg(long, value_name = "MS", default_value_t = 0)]
    delay: u32,
    /// And up to this many milliseconds more
    #[arg(long, value_name = "MS", default_value_t = 0)]
    jitter: u32,
    /// So many frames of a hundred are lost, each way
    #[arg(long, value_name = "PERCENT", default_value_t = 0, value_parser = clap::value_parser!(u8).range(0..=100))]
    loss: u8,
    /// So many frames of a hundred are overtaken by later ones
    #[arg(long, value_name = "PERCENT", default_value_t = 0, value_parser = clap::value_parser!(u8).range(0..=100))]
    reorder: u8,
    /// So many of the next frames full of TCP data arrive with two bits flipped, and a checksum that is right; each way
    #[arg(long, value_name = "FRAMES", default_value_t = 0)]
    flip: u32,
    /// Nothing passes in this direction
    #[arg(long, value_name = "DIRECTION")]
    one_way_cut: Option<Direction>,
}

#[derive(Clone, Copy, PartialEq, ValueEnum)]
enum Direction {
    /// The machine hears nothing
    ToNode,
    /// Nobody hears the machine
    FromNode,
}

pub fn run(arguments: &Arguments) -> Outcome {
    let quality = |direction| Quality {
        cut: arguments.one_way_cut == Some(direction),
        delay_ms: arguments.delay,
        jitter_ms: arguments.jitter,
        loss_percent: arguments.loss,
        reorder_percent: arguments.reorder,
        flips: arguments.flip,
    };
    let line = Line { to_node: quality(Direction::ToNode), from_node: quality(Direction::FromNode) };
    arguments.target.act(&Request::Line { node: arguments.target.node, line })
}
