//! Identities on this node: taken on the site's word, served whatever becomes of the site, given up whole.
//!
//! `decide` (orders), `healing` (health) and `epochs` are pure; `activation` and `tenant` drive a [`Machine`], whose acts
//! are thin and repeatable; `node` is the real one. What is given up is found by what the image could have and by a mark
//! in the kernel, never by memory alone.
//!
//! It never acts at an epoch older than one that this node has seen or given up, never takes or announces an address
//! that the site has not just confirmed, and never lets go of an identity because a site is silent.
//! Entry point: [`Tenant::turn`].

mod activation;
pub mod acts;
mod decide;
mod epochs;
mod healing;
mod kept;
mod machine;
mod node;
mod tenant;
#[cfg(test)]
mod tenant_tests;
mod tenure;

pub use acts::{RenderError, Templates};
pub use epochs::Epochs;
pub use kept::Memory;
pub use machine::{ActError, Machine};
pub use node::Node;
pub use tenant::{Remembered, Tenant, Word};
pub use tenure::{Place, Tenure};
