//! This node as the tenant's machine: every act as the kernel, systemd, nft and the site do it.

use super::acts::{self, IdentitySecret, RenderError, Templates, VolumeError, Volumes};
use super::epochs::Epochs;
use super::kept::Memory;
use super::machine::{ActError, Machine};
use super::tenure::{Place, Tenure};
use crate::console::say;
use crate::enrol::{Client, Kept};
use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;
use understudy_core::formats::image_facts::ImageFacts;
use understudy_core::formats::service::{Port, Service};
use understudy_core::model::id::NodeId;
use understudy_core::model::name::Name;
use understudy_core::protocol::bundle::{AddressWithPrefix, Bundle, BundleRequest};

/// Of fetching a bundle, which the site answers at once or not at all.
const FETCH_PATIENCE: Duration = Duration::from_secs(5);

/// The node that this program runs on.
pub struct Node {
    client: Client,
    id: NodeId,
    /// PKCS #8, DER.
    private_key: Vec<u8>,
    roles: BTreeMap<Name, Vec<Service>>,
    /// Roles that keep data.
    with_volume: BTreeSet<Name>,
    templates: Templates,
    volumes: Volumes,
    memory: Memory,
}

impl Node {
    /// Reads what the image's roles consist of. `disk` is the name of the one that this node has booted from.
    pub fn new(
        kept: &Kept,
        image: &ImageFacts,
        disk: &str,
        templates: Templates,
        memory: Memory,
    ) -> Result<Self, RenderError> {
        let mut roles = BTreeMap::new();
        for (name, role) in &image.roles {
            let services = role.services.iter().map(|service| templates.service(service));
            roles.insert(name.clone(), services.collect::<Result<_, _>>()?);
        }
        let with_volume = image.roles.iter().filter(|(_, role)| role.volume);
        Ok(Self {
            client: Client::with_patience(&kept.site, &kept.key, FETCH_PATIENCE),
            id: kept.key.node_id(),
            private_key: kept.key.to_der(),
            roles,
            with_volume: with_volume.map(|(name, _)| name.clone()).collect(),
            templates,
            volumes: Volumes { disk: disk.to_owned(), largest: image.volume_max },
            memory,
        })
    }

    fn services(&self, role: &Name) -> Result<&[Service], RenderError> {
        self.roles.get(role).map(Vec::as_slice).ok_or_else(|| RenderError::NoRole(role.clone()))
    }

    fn units(&self, role: &Name) -> Result<Vec<String>, RenderError> {
        Ok(self.services(role)?.iter().flat_map(|service| service.units.clone()).collect())
    }

    fn all_services(&self) -> Vec<Service> {
        self.roles.values().flatten().cloned().collect()
    }
}

impl Machine for Node {
    fn now(&self) -> Duration {
        crate::console::since_kernel_start()
    }

    fn say(&mut self, text: &str) {
        say(text);
    }

    fn keep_epochs(&mut self, epochs: &Epochs) -> Result<(), ActError> {
        self.memory.keep_epochs(epochs).map_err(ActError::Remember)
    }

    fn keep_tenure(&mut self, tenure: Option<&Tenure>) -> Result<(), ActError> {
        self.memory.keep_tenure(tenure).map_err(ActError::Remember)
    }

    fn fetch(&mut self, request: &BundleRequest) -> Result<Bundle, ActError> {
        self.client.bundle(request).map_err(ActError::Fetch)
    }

    fn take_volume(&mut self, bundle: &Bundle) -> Result<(), ActError> {
        match bundle.volume {
            Some(order) => Ok(self.volumes.take(&bundle.identity, bundle.epoch, order)?),
            // It would write to state, and nobody would look for its data there.
            None if self.with_volume.contains(&bundle.role) => {
                Err(VolumeError::NotOrdered(bundle.role.clone()).into())
            }
            None => Ok(()),
        }
    }

    fn render(&mut self, bundle: &Bundle) -> Result<(), ActError> {
        let Bundle { identity, epoch, secret, .. } = bundle;
        let secret = IdentitySecret::open(secret, &self.private_key, &self.id, identity, *epoch);
        let secret = secret.map_err(RenderError::Secret)?;
        Ok(self.templates.render(self.services(&bundle.role)?, bundle, secret)?)
    }

    fn open_ports(&mut self, role: &Name) -> Result<(), ActError> {
        let ports: Vec<Port> =
            self.services(role)?.iter().flat_map(|service| service.ports.iter().copied()).collect();
        Ok(acts::firewall::let_in(&ports.into_iter().collect())?)
    }

    fn take_address(&mut self, address: AddressWithPrefix) -> Result<(), ActError> {
        Ok(acts::address::take(address)?)
    }

    fn announce(&mut self, address: AddressWithPrefix) -> Result<(), ActError> {
        let interface = acts::address::interface_of(address.address)?;
        Ok(acts::announce::announce(interface, address.address)?)
    }

    fn start(&mut self, role: &Name, limit: Duration) -> Result<(), ActError> {
        Ok(acts::units::start(role, &self.units(role)?, limit)?)
    }

    fn restart(&mut self, role: &Name) -> Result<(), ActError> {
        Ok(acts::units::restart(&self.units(role)?)?)
    }

    fn check(&mut self, place: &Place) -> Result<(), ActError> {
        let address = match place.address {
            Some(own) => {
                acts::address::interface_of(own.address)?;
                own.address
            }
            None => IpAddr::V4(Ipv4Addr::LOCALHOST),
        };
        for service in self.services(&place.role)? {
            match &service.health {
                Some(health) => acts::health::check(health, address)?,
                None => acts::units::check_running(&service.units)?,
            }
        }
        Ok(())
    }

    fn drop_addresses(&mut self) -> Result<(), ActError> {
        Ok(acts::address::drop_all()?)
    }

    fn close_ports(&mut self) -> Result<(), ActError> {
        Ok(acts::firewall::let_in(&Default::default())?)
    }

    fn stop_roles(&mut self) -> Result<(), ActError> {
        // systemctl wants a name.
        if self.roles.is_empty() {
            return Ok(());
        }
        let units: Vec<String> = self.all_services().into_iter().flat_map(|service| service.units).collect();
        Ok(acts::units::stop(self.roles.keys(), &units)?)
    }

    fn drop_volumes(&mut self) -> Result<(), ActError> {
        Ok(acts::volume::drop_all()?)
    }

    fn remove_rendered(&mut self) -> Result<(), ActError> {
        Ok(self.templates.remove(&self.all_services())?)
    }
}
