//! The acts themselves: each a few calls to the kernel or to one program, bounded in time, repeatable.

pub mod address;
pub mod announce;
pub mod firewall;
pub mod health;
mod netlink;
pub mod render;
pub mod secret;
pub mod units;
pub mod volume;

pub use address::AddressError;
pub use announce::AnnounceError;
pub use firewall::FirewallError;
pub use health::HealthError;
pub use render::{RenderError, Templates};
pub use secret::IdentitySecret;
pub use units::UnitsError;
pub use volume::{VolumeError, Volumes};
