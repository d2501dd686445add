//! What outlives a process: assignments, epochs, volumes, fences, takeovers, allowances, pauses. Nothing of it changes but by
//! what the ledger says: a transaction that it stored, or what it reads back.

pub(crate) mod allowance;
mod fence;
mod identity;
mod pause;
mod takeover;
mod volume;

pub use allowance::{Allowance, Spent};
pub use fence::{Evidence, Fence, FenceRef, FenceState, Reason, Rung, Strength};
pub use identity::{Holder, Identity, IdentityState};
pub use pause::{Distrust, Drain, Pause};
pub use takeover::{Closed, Outcome, Takeover};
pub use volume::Volume;

use crate::intent::{Expected, Write};
use crate::key::{Key, LedgerEntry, LoadError, Scope};
use serde::Serialize;
use serde_json::Value;
use std::collections::BTreeMap;
use understudy_core::model::epoch::Epoch;
use understudy_core::model::id::NodeId;
use understudy_core::model::name::Name;

/// All durable objects with the revisions at which they were read or written.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Durable {
    entries: BTreeMap<Key, (Object, u64)>,
}

/// The value of one entry.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(untagged)]
pub enum Object {
    Epoch(Epoch),
    Identity(Identity),
    Takeover(Box<Takeover>),
    Fence(Box<Fence>),
    Allowance(Allowance),
    Pause(Pause),
    Drain(Drain),
    Distrust(Distrust),
    Volume(Volume),
}

impl Durable {
    /// From all entries below [`crate::key::PREFIXES`], in any order.
    pub fn load(entries: impl IntoIterator<Item = LedgerEntry>) -> Result<Self, LoadError> {
        let mut durable = Self::default();
        for entry in entries {
            let key = Key::read(&entry.key)?;
            let object = Object::read(&key, entry.value).map_err(|source| LoadError::value(&key, source))?;
            durable.entries.insert(key, (object, entry.revision));
        }
        for (name, identity) in durable.identities() {
            let epoch = durable.epoch(name);
            if identity.epoch != epoch {
                return Err(LoadError::Epochs(name.clone(), identity.epoch, epoch));
            }
        }
        for (name, volume) in durable.volumes() {
            let epoch = durable.epoch(name);
            if volume.born > epoch {
                return Err(LoadError::Volume(name.clone(), volume.born, epoch));
            }
        }
        Ok(durable)
    }

    /// What a transaction wrote, once it is known to be stored.
    pub(crate) fn stored(&mut self, writes: &[Write], revision: u64) {
        for write in writes {
            match &write.object {
                Some(object) => self.entries.insert(write.key.clone(), (object.clone(), revision)),
                None => self.entries.remove(&write.key),
            };
        }
    }

    /// What a transaction compares, so that it counts only if this object is still as it was read.
    pub fn expected(&self, key: &Key) -> Expected {
        self.entries.get(key).map_or(Expected::Absent, |(_, revision)| Expected::Modified(*revision))
    }

    fn object(&self, key: &Key) -> Option<&Object> {
        self.entries.get(key).map(|(object, _)| object)
    }

    /// The epoch of the newest assignment.
    pub fn epoch(&self, name: &Name) -> Epoch {
        match self.object(&Key::Epoch(name.clone())) {
            Some(Object::Epoch(epoch)) => *epoch,
            _ => Epoch::NEVER,
        }
    }

    /// An identity; `None` before its first assignment.
    pub fn identity(&self, name: &Name) -> Option<&Identity> {
        match self.object(&Key::Identity(name.clone())) {
            Some(Object::Identity(identity)) => Some(identity),
            _ => None,
        }
    }

    /// All identities that were ever assigned.
    pub fn identities(&self) -> impl Iterator<Item = (&Name, &Identity)> {
        self.entries.iter().filter_map(|(key, (object, _))| match (key, object) {
            (Key::Identity(name), Object::Identity(identity)) => Some((name, identity)),
            _ => None,
        })
    }

    /// The identity that a node is to act under, or to let go of.
    pub fn identity_of(&self, node: &NodeId) -> Option<(&Name, &Identity)> {
        self.identities().find(|(_, identity)| identity.node() == Some(node))
    }

    /// The takeover that ended, or is to end, this epoch.
    pub fn takeover(&self, name: &Name, epoch: Epoch) -> Option<&Takeover> {
        match self.object(&Key::Takeover(name.clone(), epoch)) {
            Some(Object::Takeover(takeover)) => Some(takeover),
            _ => None,
        }
    }

    /// All takeovers, old ones included.
    pub fn takeovers(&self) -> impl Iterator<Item = (&Name, Epoch, &Takeover)> {
        self.entries.iter().filter_map(|(key, (object, _))| match (key, object) {
            (Key::Takeover(name, epoch), Object::Takeover(takeover)) => Some((name, *epoch, &**takeover)),
            _ => None,
        })
    }

    /// A fence by its number.
    pub fn fence(&self, fence: &FenceRef) -> Option<&Fence> {
        match self.object(&Key::Fence(fence.node.clone(), fence.number)) {
            Some(Object::Fence(fence)) => Some(fence),
            _ => None,
        }
    }

    /// All fences, old ones included.
    pub fn fences(&self) -> impl Iterator<Item = (FenceRef, &Fence)> {
        self.entries.iter().filter_map(|(key, (object, _))| match (key, object) {
            (Key::Fence(node, number), Object::Fence(fence)) => {
                Some((FenceRef { node: node.clone(), number: *number }, &**fence))
            }
            _ => None,
        })
    }

    /// The newest fence of a node.
    pub fn newest_fence(&self, node: &NodeId) -> Option<(FenceRef, &Fence)> {
        let range = Key::Fence(node.clone(), 0)..=Key::Fence(node.clone(), u32::MAX);
        self.entries.range(range).next_back().and_then(|(key, (object, _))| match (key, object) {
            (Key::Fence(node, number), Object::Fence(fence)) => {
                Some((FenceRef { node: node.clone(), number: *number }, &**fence))
            }
            _ => None,
        })
    }

    /// The fence that keeps a node from everything: begun, confirmed or not, and the node has not come back since.
    pub fn open_fence(&self, node: &NodeId) -> Option<(FenceRef, &Fence)> {
        self.newest_fence(node).filter(|(_, fence)| !fence.is_over())
    }

    /// The tokens that a rack has spent.
    pub fn allowance(&self, rack: &Name) -> Allowance {
        match self.object(&Key::Allowance(rack.clone())) {
            Some(Object::Allowance(allowance)) => allowance.clone(),
            _ => Allowance::default(),
        }
    }

    /// The pause of one scope.
    pub fn pause(&self, scope: &Scope) -> Option<&Pause> {
        match self.object(&Key::Pause(scope.clone())) {
            Some(Object::Pause(pause)) => Some(pause),
            _ => None,
        }
    }

    /// Whether an operator took the node out of service.
    pub fn drain(&self, node: &NodeId) -> Option<&Drain> {
        match self.object(&Key::Drain(node.clone())) {
            Some(Object::Drain(drain)) => Some(drain),
            _ => None,
        }
    }

    /// Whether the node's BMC was caught at a lie.
    pub fn distrust(&self, node: &NodeId) -> Option<&Distrust> {
        match self.object(&Key::Distrust(node.clone())) {
            Some(Object::Distrust(distrust)) => Some(distrust),
            _ => None,
        }
    }

    /// Where the data of an identity is; `None` while it never had any.
    pub fn volume(&self, name: &Name) -> Option<&Volume> {
        match self.object(&Key::Volume(name.clone())) {
            Some(Object::Volume(volume)) => Some(volume),
            _ => None,
        }
    }

    /// All volumes, those of identities that nobody declares any more included.
    pub fn volumes(&self) -> impl Iterator<Item = (&Name, &Volume)> {
        self.entries.iter().filter_map(|(key, (object, _))| match (key, object) {
            (Key::Volume(name), Object::Volume(volume)) => Some((name, volume)),
            _ => None,
        })
    }
}

impl Object {
    /// Reads the value of this key.
    pub fn read(key: &Key, value: Value) -> Result<Self, serde_json::Error> {
        Ok(match key {
            Key::Epoch(_) => Self::Epoch(serde_json::from_value(value)?),
            Key::Identity(_) => Self::Identity(serde_json::from_value(value)?),
            Key::Takeover(..) => Self::Takeover(serde_json::from_value(value)?),
            Key::Fence(..) => Self::Fence(serde_json::from_value(value)?),
            Key::Allowance(_) => Self::Allowance(serde_json::from_value(value)?),
            Key::Pause(_) => Self::Pause(serde_json::from_value(value)?),
            Key::Drain(_) => Self::Drain(serde_json::from_value(value)?),
            Key::Distrust(_) => Self::Distrust(serde_json::from_value(value)?),
            Key::Volume(_) => Self::Volume(serde_json::from_value(value)?),
        })
    }

    /// The value to put.
    pub fn to_value(&self) -> Value {
        serde_json::to_value(self).expect("durable objects have text keys only, and no value of them fails")
    }
}
