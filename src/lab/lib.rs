//! The lab: virtual machines with real firmware on this computer, alone or as a rack.
//!
//! Entry points: [`vm::Vm::start`] starts one machine from a disk of its own, made by [`disk::grown_copy`];
//! [`rack::start::start`] brings up a rack (machines, their switch, their BMCs, a site), and
//! [`control::client::ask`] steers it.
//!
//! A machine never outlives the value (or the process) that started it, and never writes to the disk that it
//! was copied from. A rack never touches the computer's own network and never outlives its supervisor. The lab
//! shares only packets and command lines with the rest. It uses hardware virtualisation only where the processor
//! has it.

pub mod bmc;
pub mod console;
pub mod control;
pub mod disk;
pub mod firmware;
pub mod machine;
pub mod rack;
pub mod switch;
pub mod vm;
