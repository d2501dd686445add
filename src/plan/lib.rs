//! Takeover, as one pure function: `step(state, event, now) -> (state, effects)`.
//!
//! # The protocol on one page
//!
//! An *identity* is held by one boot of one *node* at one *epoch*. When its holder is gone, it moves:
//!
//! 1. **Suspect** ([`suspect`]): the holder missed heartbeats, at least two others say the same (peers that look for it, its BMC,
//!    the role's clients), nobody fresh says otherwise, and this agent is not the one that is cut off ([`cut_off`]).
//! 2. **Begin** ([`begin`]): the limits allow it ([`limits`], [`storm`]). One transaction spends a token of the rack's allowance, opens a
//!    fence and a takeover record, and sets the identity to `fencing`. From its *stored* answer on, the holder is told to let go.
//! 3. **Fence** ([`fence`]): the node says that it let go, or its BMC (with the UUID of the approved machine) is told to power it
//!    off and *reads back* off, or it proves a newer boot, or an operator vouches. "Accepted" proves nothing. Without
//!    evidence the fence is `unconfirmed` and a person is asked; a strict identity stays down, a soft one behind a virtual
//!    address gets a stand-in without the identity address.
//! 4. **Free**: one transaction stores the evidence and frees the identity.
//! 5. **Grant** ([`grant`]): one transaction raises the epoch and names a spare. From its stored answer on, the spare is told.
//! 6. **Held** ([`serve`]): the spare says that it serves; one transaction closes the record.
//!
//! An identity with data on a disk ([`volume`]) goes to a node with a copy, and to no other: while none may have it, it waits.
//!
//! # How it is kept safe
//!
//! - [`Durable`] changes only by what the ledger answered. Every action is derived from it, so nothing is done before what
//!   allows it is stored, and a process that was killed anywhere goes on from what it reads: [`resume`].
//! - One transaction is out at a time; it compares every entry that its decision rests on. A lost compare, or an unknown
//!   answer, makes everything stop until all entries were read again ([`ledger`]).
//! - What was only seen is in [`View`], and gone after a restart; then the agent listens for a while before it believes a silence.
//!
//! This crate never opens a socket, reads a clock or waits. Entry points: [`State::new`], [`resume`], [`step`].

mod answer;
mod attention;
mod begin;
mod bmc;
mod command;
pub mod config;
mod cut_off;
pub mod durable;
pub mod effect;
pub mod event;
mod fence;
mod grant;
pub mod intent;
pub mod key;
mod ledger;
mod limits;
pub mod node_state;
mod observe;
mod prune;
mod serve;
mod state;
mod storm;
mod suspect;
pub mod timings;
mod view;
mod volume;

pub use config::Config;
pub use durable::Durable;
pub use effect::Effect;
pub use event::Event;
pub use intent::Intent;
pub use node_state::NodeState;
pub use state::State;
pub use timings::{Now, Timings};
pub use view::View;

use state::Step;

/// One step. [`Effect::Store`] is committed first; the rest may be done in any order.
pub fn step(state: State, event: Event, now: Now) -> (State, Vec<Effect>) {
    let mut step = Step::new(state, now);
    step.take(event);
    step.go_on();
    step.end()
}

/// What goes on after a start with nothing but what the ledger holds: the effects of a step in which nothing happened.
pub fn resume(state: State, now: Now) -> (State, Vec<Effect>) {
    step(state, Event::Clock, now)
}

/// What a command would do now, in words, or why it would be declined. Nothing changes (`--dry-run`).
pub fn rehearse(state: &State, by: &str, command: event::Command, now: Now) -> Result<Vec<String>, String> {
    command::rehearse(&Step::new(state.clone(), now), by, command)
}
