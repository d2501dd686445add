//! From an empty disk to a spare, with real firmware; and the bad days on that way.

use crate::fixture::fixture;
use crate::rack::Rack;

/// One machine of each kind, at once: BIOS PXE, UEFI PXE, UEFI HTTP boot. Each boots its own disk afterwards,
/// with nobody there to ask.
#[test]
fn machines_of_every_firmware_go_from_an_empty_disk_to_a_spare() {
    let fixture = fixture();
    let rack =
        Rack::up("kinds", &fixture.image, &fixture.public_key, &["--nodes", "3", "--firmware", "mixed"]);
    for serial in ["LAB-1", "LAB-2", "LAB-3"] {
        let node = rack.wait_for_state(serial, "spare");
        assert_eq!(node["image"], "mail 0.1.0", "{node}");
        assert_eq!(node["approved_by"], "serial list", "{node}");
        assert_eq!(node["is_boot_unverified"], true, "{node}");
        let console = rack.console(serial);
        assert!(console.contains("the site counts this node as a spare"), "{console}");
        let code = node["code"].as_str().unwrap();
        assert!(console.contains(&format!("code {code}")), "console and site show the same code: {console}");
    }
}
