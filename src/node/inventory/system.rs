//! SMBIOS type 1, as the kernel shows it.

use std::path::Path;
use understudy_core::base::fs;
use understudy_core::model::uuid::Uuid;
use understudy_core::protocol::inventory::System;

const DMI: &str = "/sys/class/dmi/id";
/// What vendors leave in fields that they do not fill.
const PLACEHOLDERS: [&str; 5] =
    ["not specified", "to be filled by o.e.m.", "default string", "system serial number", "none"];

/// Who made this machine, and which one it is.
pub fn system() -> System {
    let field = |name: &str| fs::read_text(&Path::new(DMI).join(name)).unwrap_or_default();
    System {
        manufacturer: meaningful(&field("sys_vendor")),
        product: meaningful(&field("product_name")),
        serial: meaningful(&field("product_serial")),
        uuid: uuid(&field("product_uuid")),
    }
}

/// The text, or nothing where it only fills a field.
fn meaningful(text: &str) -> String {
    let text = text.trim();
    if PLACEHOLDERS.contains(&text.to_ascii_lowercase().as_str()) { String::new() } else { text.to_owned() }
}

fn uuid(text: &str) -> Option<String> {
    let uuid: Uuid = text.trim().parse().ok()?;
    (!uuid.names_nobody()).then(|| uuid.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_that_many_machines_share_name_nobody() {
        for text in [
            "",
            "00000000-0000-0000-0000-000000000000\n",
            "03000200-0400-0500-0006-000700080009",
            "FFFFFFFF-FFFF-FFFF-FFFF-FFFFFFFFFFFF",
        ] {
            assert_eq!(uuid(text), None, "{text}");
        }
        let own = "12345678-9ABC-DEF0-1234-56789ABCDEF0\n";
        assert_eq!(uuid(own).as_deref(), Some("12345678-9abc-def0-1234-56789abcdef0"));
    }

    #[test]
    fn a_placeholder_is_no_serial() {
        assert_eq!(meaningful("To Be Filled By O.E.M.\n"), "");
        assert_eq!(meaningful(" LAB-1 \n"), "LAB-1");
    }
}
