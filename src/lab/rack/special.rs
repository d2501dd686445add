//! What one machine of a rack has that the others have not: `LAB-2:disks=8GiB+4GiB,clock=2040-01-01`.
//!
//! Entry points: the parser, and [`Special::apply`].

use super::plan::{NodeName, NodeNameError, NodePlan};
use std::str::FromStr;
use understudy_core::base::byte_count::{ByteCount, ByteCountError};
use understudy_core::model::mac::MacAddress;
use understudy_core::model::uuid::Uuid;

/// What a board of q35 has room for beside the other devices.
const DISKS_MAX: usize = 8;

/// One machine's own properties; nothing: as the others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Special {
    node: NodeName,
    disks: Option<Vec<ByteCount>>,
    clock: Option<String>,
    mac: Option<MacAddress>,
    uuid: Option<Uuid>,
}

/// The text describes no machine.
#[derive(Debug, thiserror::Error)]
pub enum SpecialError {
    #[error("`{0}` does not say which machine has what; write LAB-2:disks=8GiB+4GiB")]
    Shape(String),
    #[error(transparent)]
    Node(#[from] NodeNameError),
    #[error("a machine has no `{0}`; there are disks, clock, mac and uuid")]
    Key(String),
    #[error(transparent)]
    Disk(#[from] ByteCountError),
    #[error("a machine has 1 to {DISKS_MAX} disks, and not {0}")]
    DiskCount(usize),
    #[error("`{0}` is not a time of a clock; write 2040-01-01 or 2040-01-01T12:00:00")]
    Clock(String),
    #[error("`{0}` is not the address of a card; write 52:54:00:77:00:01")]
    Mac(String),
    #[error("`{0}` is not a UUID; write 8, 4, 4, 4 and 12 hexadecimal digits with hyphens between")]
    Uuid(String),
    #[error("there is no {0} in this lab")]
    NoSuchNode(NodeName),
}

impl FromStr for Special {
    type Err = SpecialError;

    fn from_str(text: &str) -> Result<Self, SpecialError> {
        let shape = || SpecialError::Shape(text.to_owned());
        let (node, properties) = text.split_once(':').ok_or_else(shape)?;
        let mut special = Self { node: node.parse()?, disks: None, clock: None, mac: None, uuid: None };
        for property in properties.split(',') {
            let (key, value) = property.split_once('=').ok_or_else(shape)?;
            match key {
                "disks" => special.disks = Some(disks(value)?),
                "clock" => special.clock = Some(clock(value)?),
                "mac" => special.mac = Some(value.parse().map_err(|_| SpecialError::Mac(value.to_owned()))?),
                "uuid" => {
                    special.uuid = Some(value.parse().map_err(|_| SpecialError::Uuid(value.to_owned()))?);
                }
                _ => return Err(SpecialError::Key(key.to_owned())),
            }
        }
        Ok(special)
    }
}

impl Special {
    /// Makes the machine what it should be.
    pub fn apply(&self, nodes: &mut [NodePlan]) -> Result<(), SpecialError> {
        let node = nodes.iter_mut().find(|node| node.name == self.node);
        let node = node.ok_or(SpecialError::NoSuchNode(self.node))?;
        if let Some(disks) = &self.disks {
            node.disks.clone_from(disks);
        }
        if let Some(uuid) = self.uuid {
            node.uuid = uuid.to_string();
        }
        node.mac = self.mac.unwrap_or(node.mac);
        node.clock = self.clock.clone().or(node.clock.take());
        Ok(())
    }
}

fn disks(text: &str) -> Result<Vec<ByteCount>, SpecialError> {
    let disks: Vec<ByteCount> = text.split('+').map(str::parse).collect::<Result<_, _>>()?;
    if (1..=DISKS_MAX).contains(&disks.len()) { Ok(disks) } else { Err(SpecialError::DiskCount(disks.len())) }
}

/// A date, or a date and a time; which days there are is for qemu to say.
fn clock(text: &str) -> Result<String, SpecialError> {
    let shape: String =
        text.chars().map(|letter| if letter.is_ascii_digit() { '0' } else { letter }).collect();
    match shape.as_str() {
        "0000-00-00" => Ok(format!("{text}T00:00:00")),
        "0000-00-00T00:00:00" => Ok(text.to_owned()),
        _ => Err(SpecialError::Clock(text.to_owned())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rack::plan::NodeFirmware;

    fn nodes() -> Vec<NodePlan> {
        let lab = "lab".parse().unwrap();
        NodeName::first(2).map(|name| NodePlan::new(&lab, name, NodeFirmware::Bios)).collect()
    }

    #[test]
    fn one_machine_is_changed_and_the_others_are_not() {
        let mut changed = nodes();
        let text = "LAB-2:disks=8GiB+512MiB,clock=2040-01-01,mac=52:54:00:77:00:01,\
                    uuid=12345678-9ABC-def0-1234-56789abcdef0";
        text.parse::<Special>().unwrap().apply(&mut changed).unwrap();
        assert_eq!((changed[0].mac, &changed[0].disks), (nodes()[0].mac, &nodes()[0].disks));
        assert_eq!(changed[1].mac, nodes()[0].mac);
        assert_eq!(changed[1].disks, [ByteCount::mebibytes(8192), ByteCount::mebibytes(512)]);
        assert_eq!(changed[1].clock.as_deref(), Some("2040-01-01T00:00:00"));
        assert_eq!(changed[1].uuid, "12345678-9abc-def0-1234-56789abcdef0");
    }

    #[test]
    fn what_no_machine_can_have_is_refused() {
        for (text, expected) in [
            ("LAB-2", "which machine"),
            ("LAB-2:", "which machine"),
            ("LAB-2:disks", "which machine"),
            ("rack:disks=1GiB", "not a node"),
            ("2:wings=2", "no `wings`"),
            ("2:disks=", "not a size"),
            ("2:disks=1GB", "not a size"),
            ("2:disks=1+1+1+1+1+1+1+1+1", "1 to 8 disks"),
            ("2:clock=now", "not a time"),
            ("2:clock=2040-01-01 00:00:00", "not a time"),
            ("2:mac=1", "not the address"),
            ("2:uuid=12345678", "not a UUID"),
            ("2:uuid=12345678x9abc-def0-1234-56789abcdef0", "not a UUID"),
        ] {
            let error = text.parse::<Special>().unwrap_err().to_string();
            assert!(error.contains(expected), "{text}: {error}");
        }
        let absent: Special = "LAB-3:disks=1GiB".parse().unwrap();
        assert!(matches!(absent.apply(&mut nodes()), Err(SpecialError::NoSuchNode(_))));
    }
}
