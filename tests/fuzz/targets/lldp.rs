//! What a switch says, behind the Ethernet header.

#![no_main]

use libfuzzer_sys::fuzz_target;
use understudy_core::formats::lldp::{Heard, read};

fuzz_target!(|frame: &[u8]| {
    if let Some(Heard::Neighbour(heard, life)) = read(frame) {
        assert!(!life.is_zero());
        for text in [Some(heard.system), Some(heard.chassis), Some(heard.port), heard.port_description]
            .into_iter()
            .flatten()
        {
            assert!(text.chars().count() <= 128 && !text.contains(char::is_control));
        }
    }
});
