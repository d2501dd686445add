//! `understudy lab disk`: where a machine's disk fails. Without options all of its disks are well.

use super::target::NodeArguments;
use crate::cli::Outcome;
use clap::Args;
use understudy_core::base::byte_count::ByteCount;
use understudy_lab::machine::{BadPlace, Order};

#[derive(Args)]
pub struct Arguments {
    #[command(flatten)]
    target: NodeArguments,
    /// Writes that touch this place fail (EIO), from the machine's next power-on; such as 300MiB
    #[arg(long, value_name = "PLACE")]
    fail_writes_at: Option<ByteCount>,
    /// Which of the machine's disks
    #[arg(long, value_name = "N", default_value_t = 1, requires = "fail_writes_at")]
    disk: u8,
}

pub fn run(arguments: &Arguments) -> Outcome {
    let bad = arguments.fail_writes_at.map(|at| BadPlace { disk: arguments.disk, at });
    arguments.target.order(Order::Disk(bad))
}
