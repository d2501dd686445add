//! The lab: virtual machines with real firmware on this computer.
//!
//! Entry point: [`vm::Vm::start`] starts one machine from a disk of its own, made by [`disk::grown_copy`].
//!
//! A machine never outlives the value (or the process) that started it, and never writes to the disk that it
//! was copied from. The lab uses hardware virtualisation only where the processor has it.

pub mod console;
pub mod disk;
pub mod firmware;
pub mod vm;
