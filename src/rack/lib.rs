//! The rack agent: the driver of `understudy_plan`. It hears heartbeats, keeps the ledger, asks and orders BMCs, and tells
//! every node what to hold.
//!
//! `driver` is the loop: something happened -> `step` -> `executor` does what follows as tasks with deadlines, and their
//! ends are what happens next; `publish` shows everybody else how it stands. `store` is the ledger as the plan sees it;
//! `orders` what a heartbeat is answered with, from memory; `heartbeats` what nodes said last; `facts` what the registry
//! knows; `journal` how events get told once; `redfish` one BMC; `gateway` whether this agent is the one that is cut off.
//!
//! It decides nothing: decisions are `understudy_plan`'s. It never acts on what is not stored, never lets a heartbeat
//! wait for the ledger, never believes a BMC's "accepted". Without the ledger it changes nothing and tells nodes to go on
//! as they are. Entry points: [`build`], [`Rack::run`], [`Handle`].

mod driver;
mod executor;
pub mod facts;
pub mod gateway;
mod handle;
mod heartbeats;
pub mod journal;
mod metrics;
mod orders;
mod publish;
pub mod redfish;
mod store;
pub mod view;

pub use driver::{Config, Rack, RackError, build};
pub use handle::{Carry, Done, Handle, Refused};
pub use journal::{Journal, JournalError, Told};
pub use orders::Granted;
pub use store::StoreError;
