//! What a tenure does to this machine, as the tenant wants it done: thin acts, each idempotent and bounded in time.

use super::acts::{
    AddressError, AnnounceError, FirewallError, HealthError, RenderError, UnitsError, VolumeError,
};
use super::epochs::Epochs;
use super::tenure::{Place, Tenure};
use crate::enrol::ClientError;
use std::time::Duration;
use understudy_core::base::fs::FsError;
use understudy_core::model::epoch::Epoch;
use understudy_core::model::name::Name;
use understudy_core::protocol::bundle::{AddressWithPrefix, Bundle, BundleRequest};

/// An act failed.
#[derive(Debug, thiserror::Error)]
pub enum ActError {
    #[error("cannot fetch the identity's bundle")]
    Fetch(#[source] ClientError),
    #[error("the bundle is of identity {identity} at epoch {epoch}")]
    OtherBundle { identity: Name, epoch: Epoch },
    #[error("cannot use the identity's volume")]
    Volume(#[from] VolumeError),
    #[error("cannot render the identity's configuration")]
    Render(#[from] RenderError),
    #[error("cannot change the firewall")]
    Firewall(#[from] FirewallError),
    #[error("cannot change the identity address")]
    Address(#[from] AddressError),
    #[error("cannot announce the identity address")]
    Announce(#[from] AnnounceError),
    #[error("cannot change the role's units")]
    Units(#[from] UnitsError),
    #[error("the role is not healthy")]
    Health(#[from] HealthError),
    #[error("cannot remember what this node holds")]
    Remember(#[source] FsError),
    #[error("what this node remembers of epochs is not readable; it takes none")]
    Forgot,
}

impl ActError {
    /// Whether the same again ends the same.
    pub fn is_final(&self) -> bool {
        matches!(self, Self::OtherBundle { .. } | Self::Forgot)
            || matches!(self, Self::Render(error) if error.is_final())
            || matches!(self, Self::Volume(error) if error.is_final())
    }
}

/// This node. Acts that take (`take_volume`, `take_address`, `open_ports`, `start`) may find all done already; acts that give
/// back succeed only when nothing is left, whoever took it.
pub trait Machine {
    /// CLOCK_BOOTTIME: it counts on while the machine is suspended or frozen.
    fn now(&self) -> Duration;
    /// One line for people.
    fn say(&mut self, text: &str);
    fn keep_epochs(&mut self, epochs: &Epochs) -> Result<(), ActError>;
    fn keep_tenure(&mut self, tenure: Option<&Tenure>) -> Result<(), ActError>;

    fn fetch(&mut self, request: &BundleRequest) -> Result<Bundle, ActError>;
    /// What the bundle says of a volume is mounted, or the role needs none.
    fn take_volume(&mut self, bundle: &Bundle) -> Result<(), ActError>;
    fn render(&mut self, bundle: &Bundle) -> Result<(), ActError>;
    fn open_ports(&mut self, role: &Name) -> Result<(), ActError>;
    fn take_address(&mut self, address: AddressWithPrefix) -> Result<(), ActError>;
    fn announce(&mut self, address: AddressWithPrefix) -> Result<(), ActError>;
    fn start(&mut self, role: &Name, limit: Duration) -> Result<(), ActError>;
    fn restart(&mut self, role: &Name) -> Result<(), ActError>;
    fn check(&mut self, place: &Place) -> Result<(), ActError>;

    fn drop_addresses(&mut self) -> Result<(), ActError>;
    fn close_ports(&mut self) -> Result<(), ActError>;
    fn stop_roles(&mut self) -> Result<(), ActError>;
    /// Whatever is still written to a volume is an error.
    fn drop_volumes(&mut self) -> Result<(), ActError>;
    fn remove_rendered(&mut self) -> Result<(), ActError>;
}
