//! Redfish resources as JSON (DSP2046), with the properties that their schemas require and those we fill.

use crate::machine::Power;
use crate::machine::boot::{BootOverride, BootTarget, OverrideEnabled};
use crate::rack::plan::NodePlan;
use serde::Deserialize;
use serde_json::{Value, json};

/// What a reset may be.
pub const RESET_TYPES: [&str; 7] =
    ["On", "ForceOn", "ForceOff", "ForceRestart", "GracefulShutdown", "PowerCycle", "Nmi"];
/// Of a machine that is not in the lab.
pub const FOREIGN_UUID: &str = "f0e1d2c3-b4a5-8697-8877-665544332211";

const BOOT_TARGETS: [&str; 4] = ["None", "Pxe", "Hdd", "UefiHttp"];

pub fn versions() -> Value {
    json!({ "v1": "/redfish/v1/" })
}

pub fn service_root(node: &NodePlan) -> Value {
    json!({
        "@odata.id": "/redfish/v1/",
        "@odata.type": "#ServiceRoot.v1_9_0.ServiceRoot",
        "Id": "RootService",
        "Name": format!("BMC of {}", node.name),
        "RedfishVersion": "1.11.0",
        "UUID": node.uuid,
        "Vendor": "Understudy",
        "Systems": link("Systems"),
        "Managers": link("Managers"),
        "Chassis": link("Chassis"),
        "Links": {},
    })
}

pub fn collection(name: &str, kind: &str) -> Value {
    json!({
        "@odata.id": format!("/redfish/v1/{name}"),
        "@odata.type": format!("#{kind}Collection.{kind}Collection"),
        "Name": format!("{name} of this BMC"),
        "Members@odata.count": 1,
        "Members": [link(&format!("{name}/1"))],
    })
}

pub fn system(uuid: &str, serial: &str, power: Power, boot: BootOverride) -> Value {
    json!({
        "@odata.id": "/redfish/v1/Systems/1",
        "@odata.type": "#ComputerSystem.v1_13_0.ComputerSystem",
        "Id": "1",
        "Name": serial,
        "SystemType": "Virtual",
        "Manufacturer": "Understudy",
        "Model": "Lab",
        "SerialNumber": serial,
        "UUID": uuid,
        "PowerState": power_state(power),
        "Status": { "State": if power == Power::On { "Enabled" } else { "Disabled" }, "Health": "OK" },
        "Boot": {
            "BootSourceOverrideEnabled": boot.enabled,
            "BootSourceOverrideTarget": boot.target,
            "BootSourceOverrideTarget@Redfish.AllowableValues": BOOT_TARGETS,
        },
        "Actions": {
            "#ComputerSystem.Reset": {
                "target": "/redfish/v1/Systems/1/Actions/ComputerSystem.Reset",
                "ResetType@Redfish.AllowableValues": RESET_TYPES,
            },
        },
        "Links": { "Chassis": [link("Chassis/1")], "ManagedBy": [link("Managers/1")] },
    })
}

pub fn manager() -> Value {
    json!({
        "@odata.id": "/redfish/v1/Managers/1",
        "@odata.type": "#Manager.v1_11_0.Manager",
        "Id": "1",
        "Name": "BMC",
        "ManagerType": "BMC",
        "FirmwareVersion": env!("CARGO_PKG_VERSION"),
        "PowerState": "On",
        "Status": { "State": "Enabled", "Health": "OK" },
        "Links": { "ManagerForServers": [link("Systems/1")], "ManagerForChassis": [link("Chassis/1")] },
    })
}

pub fn chassis(power: Power) -> Value {
    json!({
        "@odata.id": "/redfish/v1/Chassis/1",
        "@odata.type": "#Chassis.v1_15_0.Chassis",
        "Id": "1",
        "Name": "Chassis",
        "ChassisType": "RackMount",
        "PowerState": power_state(power),
        "Status": { "State": "Enabled", "Health": "OK" },
        "Power": link("Chassis/1/Power"),
        "Links": { "ComputerSystems": [link("Systems/1")], "ManagedBy": [link("Managers/1")] },
    })
}

/// No watts are measured here; whether the supply gives any is known.
pub fn power(power: Power) -> Value {
    let state = if power == Power::On { "Enabled" } else { "StandbyOffline" };
    json!({
        "@odata.id": "/redfish/v1/Chassis/1/Power",
        "@odata.type": "#Power.v1_7_0.Power",
        "Id": "Power",
        "Name": "Power",
        "PowerSupplies": [{
            "@odata.id": "/redfish/v1/Chassis/1/Power#/PowerSupplies/0",
            "MemberId": "0",
            "Name": "Power supply",
            "Status": { "State": state, "Health": "OK" },
        }],
    })
}

/// DSP0266, 8.6: error responses.
pub fn error(message: &str, text: &str) -> Value {
    let id = format!("Base.1.8.{message}");
    json!({ "error": {
        "code": id,
        "message": text,
        "@Message.ExtendedInfo": [{
            "@odata.type": "#Message.v1_1_1.Message",
            "MessageId": id,
            "Message": text,
            "Severity": "Critical",
        }],
    }})
}

/// The wish in a PATCH of a system; what it leaves out stays as it is.
pub fn parse_boot(body: &[u8], now: BootOverride) -> Result<BootOverride, serde_json::Error> {
    #[derive(Deserialize)]
    #[serde(rename_all = "PascalCase", deny_unknown_fields)]
    struct Body {
        boot: Boot,
    }
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Boot {
        #[serde(rename = "BootSourceOverrideEnabled")]
        enabled: Option<OverrideEnabled>,
        #[serde(rename = "BootSourceOverrideTarget")]
        target: Option<BootTarget>,
        /// Taken and left alone: a machine's firmware cannot be exchanged.
        #[serde(rename = "BootSourceOverrideMode")]
        _mode: Option<String>,
    }
    let Body { boot } = serde_json::from_slice(body)?;
    Ok(BootOverride {
        enabled: boot.enabled.unwrap_or(now.enabled),
        target: boot.target.unwrap_or(now.target),
    })
}

fn power_state(power: Power) -> &'static str {
    match power {
        Power::On => "On",
        Power::Off => "Off",
    }
}

fn link(path: &str) -> Value {
    json!({ "@odata.id": format!("/redfish/v1/{path}") })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_boot_wish_changes_only_what_it_names() {
        let now = BootOverride { enabled: OverrideEnabled::Once, target: BootTarget::Hdd };
        let parse = |text: &str| parse_boot(text.as_bytes(), now);
        let pxe = parse(r#"{"Boot": {"BootSourceOverrideTarget": "Pxe"}}"#).unwrap();
        assert_eq!(pxe, BootOverride { target: BootTarget::Pxe, ..now });
        let off = parse(r#"{"Boot": {"BootSourceOverrideEnabled": "Disabled"}}"#).unwrap();
        assert_eq!(off, BootOverride { enabled: OverrideEnabled::Disabled, ..now });
        for text in ["", "{}", r#"{"Boot": {"BootSourceOverrideTarget": "Cd"}}"#, r#"{"AssetTag": "x"}"#] {
            assert!(parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn what_can_be_asked_for_is_what_is_offered() {
        for target in BOOT_TARGETS {
            let body = json!({ "Boot": { "BootSourceOverrideTarget": target } }).to_string();
            parse_boot(body.as_bytes(), BootOverride::default()).unwrap();
        }
    }
}
