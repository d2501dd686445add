//! The few properties of Redfish resources that are read (DSP2046), and nothing else of them.

use serde::Deserialize;
use std::fmt;

/// Longer than any path of a BMC that we know of.
const LINK_BYTES_MAX: usize = 512;

/// PowerState of a ComputerSystem.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Power {
    On,
    Off,
    /// `PoweringOn`, `PoweringOff`, `Paused`, nothing, or what nobody knows.
    Other,
}

/// What a machine can be told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reset {
    /// Off at once.
    ForceOff,
    /// On if it was off.
    On,
}

/// A path on the same BMC.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Link(String);

/// The text is no path, or leads elsewhere.
#[derive(Debug, thiserror::Error)]
#[error("`{0}` is not a link within a BMC")]
pub struct LinkError(String);

/// `/redfish/v1/`
#[derive(Debug, Deserialize)]
#[serde(from = "RawRoot")]
pub struct Root {
    pub systems: Link,
}

/// A collection of systems.
#[derive(Debug, Deserialize)]
#[serde(from = "RawCollection")]
pub struct Collection {
    pub members: Vec<Link>,
}

/// A ComputerSystem.
#[derive(Debug, Deserialize)]
#[serde(from = "RawSystem")]
pub struct System {
    pub power: Power,
    pub uuid: Option<String>,
    reset: Option<RawReset>,
}

impl Link {
    /// For a request.
    pub fn path(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for Link {
    type Error = LinkError;

    fn try_from(text: String) -> Result<Self, LinkError> {
        let is_plain = text.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'#' && byte != b'\\');
        if text.starts_with('/') && !text.starts_with("//") && is_plain && text.len() <= LINK_BYTES_MAX {
            Ok(Self(text))
        } else {
            Err(LinkError(text.chars().take(LINK_BYTES_MAX).collect()))
        }
    }
}

impl System {
    /// Where resets go; a system that names no place has the usual one.
    pub fn reset_target(&self, own: &Link) -> Link {
        let named = self.reset.as_ref().and_then(|reset| reset.target.clone());
        let usual = || Link(format!("{}/Actions/ComputerSystem.Reset", own.0.trim_end_matches('/')));
        named.unwrap_or_else(usual)
    }

    /// The name of the first kind that does it and that the BMC offers. One that lists none is tried with the first.
    pub fn reset_type(&self, reset: Reset) -> Option<&'static str> {
        let names: &[&'static str] = match reset {
            Reset::ForceOff => &["ForceOff"],
            Reset::On => &["On", "ForceOn"],
        };
        match self.reset.as_ref().and_then(|reset| reset.allowable.as_ref()) {
            Some(offered) => names.iter().copied().find(|name| offered.iter().any(|other| other == name)),
            None => names.first().copied(),
        }
    }
}

impl fmt::Display for Reset {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::ForceOff => "ForceOff",
            Self::On => "On",
        })
    }
}

/// The text of an error response (DSP0266, section 8.6), if it is one.
pub fn error_message(body: &[u8]) -> Option<String> {
    #[derive(Deserialize)]
    struct Body {
        error: Inner,
    }
    #[derive(Deserialize)]
    struct Inner {
        message: String,
    }
    const CHARS_MAX: usize = 200;
    let Body { error } = serde_json::from_slice(body).ok()?;
    let is_text = |letter: &char| !letter.is_control();
    Some(error.message.chars().filter(is_text).take(CHARS_MAX).collect())
}

#[derive(Deserialize)]
struct RawRoot {
    #[serde(rename = "Systems")]
    systems: RawLink,
}

#[derive(Deserialize)]
struct RawCollection {
    #[serde(rename = "Members")]
    members: Vec<RawLink>,
}

#[derive(Deserialize)]
struct RawLink {
    #[serde(rename = "@odata.id")]
    id: Link,
}

#[derive(Deserialize)]
struct RawSystem {
    #[serde(rename = "PowerState")]
    power: Option<String>,
    #[serde(rename = "UUID")]
    uuid: Option<String>,
    #[serde(rename = "Actions", default)]
    actions: RawActions,
}

#[derive(Default, Deserialize)]
struct RawActions {
    #[serde(rename = "#ComputerSystem.Reset")]
    reset: Option<RawReset>,
}

#[derive(Debug, Deserialize)]
struct RawReset {
    target: Option<Link>,
    #[serde(rename = "ResetType@Redfish.AllowableValues")]
    allowable: Option<Vec<String>>,
}

impl From<RawRoot> for Root {
    fn from(raw: RawRoot) -> Self {
        Self { systems: raw.systems.id }
    }
}

impl From<RawCollection> for Collection {
    fn from(raw: RawCollection) -> Self {
        Self { members: raw.members.into_iter().map(|member| member.id).collect() }
    }
}

impl From<RawSystem> for System {
    fn from(raw: RawSystem) -> Self {
        let power = match raw.power.as_deref() {
            Some("On") => Power::On,
            Some("Off") => Power::Off,
            _ => Power::Other,
        };
        Self { power, uuid: raw.uuid, reset: raw.actions.reset }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn system(value: serde_json::Value) -> System {
        serde_json::from_value(value).unwrap()
    }

    /// Mutant: every PowerState but `On` counts as off.
    #[test]
    fn only_off_is_off() {
        for (text, power) in [
            (json!("On"), Power::On),
            (json!("Off"), Power::Off),
            (json!("PoweringOff"), Power::Other),
            (json!("off"), Power::Other),
            (json!(""), Power::Other),
            (json!(null), Power::Other),
        ] {
            assert_eq!(system(json!({ "PowerState": text })).power, power, "{text}");
        }
        assert_eq!(system(json!({})).power, Power::Other);
    }

    #[test]
    fn a_link_stays_on_its_bmc() {
        for path in ["/redfish/v1/Systems/1", "/redfish/v1/Systems/System.Embedded.1"] {
            assert!(Link::try_from(path.to_owned()).is_ok(), "{path}");
        }
        let long = format!("/{}", "a".repeat(LINK_BYTES_MAX));
        for path in ["", "redfish", "http://evil/", "//evil/redfish", "/a b", "/a\r\nb", "/\\evil", &long] {
            assert!(Link::try_from(path.to_owned()).is_err(), "{path}");
        }
    }

    #[test]
    fn what_is_not_offered_is_not_asked_for() {
        let own = Link::try_from("/redfish/v1/Systems/1/".to_owned()).unwrap();
        let silent = system(json!({}));
        assert_eq!(silent.reset_type(Reset::ForceOff), Some("ForceOff"));
        assert_eq!(silent.reset_target(&own).path(), "/redfish/v1/Systems/1/Actions/ComputerSystem.Reset");
        let offered = json!({ "Actions": { "#ComputerSystem.Reset": {
            "target": "/reset", "ResetType@Redfish.AllowableValues": ["ForceOn", "GracefulShutdown"] } } });
        let offered = system(offered);
        assert_eq!(offered.reset_type(Reset::ForceOff), None);
        assert_eq!(offered.reset_type(Reset::On), Some("ForceOn"));
        assert_eq!(offered.reset_target(&own).path(), "/reset");
    }
}
