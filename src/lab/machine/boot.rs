//! What a machine is told to boot from, in the words of Redfish (DSP2046, ComputerSystem, Boot).

use serde::{Deserialize, Serialize};

/// The wish, and for how long it holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct BootOverride {
    pub enabled: OverrideEnabled,
    pub target: BootTarget,
}

/// How long a wish holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum OverrideEnabled {
    #[default]
    Disabled,
    /// For the next start only.
    Once,
    Continuous,
}

/// What comes first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum BootTarget {
    /// The network, then the disk.
    #[default]
    #[serde(rename = "None")]
    Usual,
    Pxe,
    Hdd,
    UefiHttp,
}

impl BootTarget {
    /// The network card's place in the order, from 1.
    pub fn card_index(self) -> u8 {
        if self == Self::Hdd { 2 } else { 1 }
    }

    /// The disk's place in the order, from 1.
    pub fn disk_index(self) -> u8 {
        3 - self.card_index()
    }
}

impl BootOverride {
    /// What the machine that starts now boots from.
    pub fn target_of_start(self) -> BootTarget {
        if self.enabled == OverrideEnabled::Disabled { BootTarget::Usual } else { self.target }
    }

    /// What is left of the wish after a start.
    pub fn after_start(self) -> Self {
        if self.enabled == OverrideEnabled::Once { Self::default() } else { self }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wish_for_once_holds_for_one_start() {
        let once = BootOverride { enabled: OverrideEnabled::Once, target: BootTarget::Hdd };
        assert_eq!(once.target_of_start(), BootTarget::Hdd);
        assert_eq!(once.after_start().target_of_start(), BootTarget::Usual);
        let always = BootOverride { enabled: OverrideEnabled::Continuous, ..once };
        assert_eq!(always.after_start().target_of_start(), BootTarget::Hdd);
        let never = BootOverride { enabled: OverrideEnabled::Disabled, ..once };
        assert_eq!(never.target_of_start(), BootTarget::Usual);
    }
}
