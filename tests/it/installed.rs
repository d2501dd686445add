//! Five spares, suspended: made once for all tests that begin behind that.

use crate::fixture::{fixture, tree};
use crate::rack::Rack;
use std::fs::File;
use std::path::PathBuf;
use understudy_core::base::fs;

const MACHINES: u8 = 5;

/// The folder of a lab that is suspended, from which labs may begin.
pub fn installed() -> PathBuf {
    let fixture = fixture();
    let folder = tree().join("target/test");
    let turn = File::create(folder.join("rack-turn")).unwrap();
    turn.lock().unwrap();
    let (rack, stamp) = (folder.join("rack"), folder.join("rack-made-from"));
    let image = fixture.made_from();
    if fs::read_text(&stamp).is_ok_and(|made_from| made_from == image) {
        return rack;
    }
    if rack.exists() {
        fs::remove_dir_all(&rack).unwrap();
    }
    let more = ["--nodes", &MACHINES.to_string(), "--firmware", "bios"];
    let up = Rack::up("installed", &fixture.image, &fixture.public_key, &more);
    for number in 1..=MACHINES {
        up.wait_for_state(&format!("LAB-{number}"), "spare");
    }
    up.suspend(&rack);
    fs::write(&stamp, image.as_bytes()).unwrap();
    rack
}
