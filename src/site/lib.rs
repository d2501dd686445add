//! The controller of a site.
pub mod definition;
pub mod events;
pub mod lifecycle;
pub mod state;
