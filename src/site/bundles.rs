//! What the holder of an identity needs to act under it: what `site.toml` says, and the secret of its epoch.
//!
//! Who holds what is not known here: whoever calls [`Bundles::of`] has asked the rack agent.

use crate::definition::{Cluster, Identity};
use crate::secrets::{Recipient, SealError, Secrets, SecretsError};
use std::sync::Arc;
use understudy_core::model::name::Name;
use understudy_core::protocol::bundle::{Bundle, BundleRequest};
use understudy_rack::Granted;

/// Why a bundle cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum BundleError {
    #[error("site.toml has no identity {0}")]
    NoSuchIdentity(Name),
    #[error(transparent)]
    Secrets(#[from] SecretsError),
    #[error(transparent)]
    Seal(#[from] SealError),
}

/// The bundles of a site.
pub struct Bundles {
    clusters: Arc<[Cluster]>,
    secrets: Secrets,
}

impl Bundles {
    pub fn new(clusters: Arc<[Cluster]>, secrets: Secrets) -> Self {
        Self { clusters, secrets }
    }

    /// The bundle of an identity that was granted so at an epoch, for the node with this key (DER of its SubjectPublicKeyInfo).
    pub async fn of(
        &self,
        request: &BundleRequest,
        granted: Granted,
        public_key_info: &[u8],
    ) -> Result<Bundle, BundleError> {
        let BundleRequest { identity, epoch } = request;
        let (cluster, known) =
            self.find(identity).ok_or_else(|| BundleError::NoSuchIdentity(identity.clone()))?;
        // A node whose key cannot be sealed to must not use up an epoch's first secret.
        let recipient = Recipient::of(public_key_info)?;
        let secret = self.secrets.of(identity, *epoch).await?;
        Ok(Bundle {
            identity: identity.clone(),
            epoch: *epoch,
            role: cluster.role.clone(),
            cluster: cluster.name.clone(),
            host_name: known.host_name.to_string(),
            address: Some(known.address).filter(|_| granted.takes_address),
            members: cluster.members(),
            settings: cluster.settings.clone(),
            volume: granted.volume,
            secret: recipient.seal(identity, *epoch, &secret)?,
        })
    }

    fn find(&self, identity: &Name) -> Option<(&Cluster, &Identity)> {
        self.clusters.iter().find_map(|cluster| {
            Some((cluster, cluster.identities.iter().find(|known| known.name == *identity)?))
        })
    }
}
