//! What the switch says of itself at each machine's port (LLDP), as switches in a data centre do.

use super::engine::Port;
use super::{Fabric, UPLINK};
use bytes::Bytes;
use std::io;
use std::time::Duration;
use tokio::time::{Instant, MissedTickBehavior, interval_at};
use understudy_core::formats::lldp::Announcement;

/// How often, and how long it may be believed: msgTxInterval and msgTxHold (IEEE 802.1AB-2016, clause 9.2.5).
const EVERY: Duration = Duration::from_secs(30);
const LIFE: Duration = Duration::from_secs(4 * 30 + 1);
/// Locally administered (IEEE 802-2014, section 8.2.2).
const MAC: [u8; 6] = [0x02, 0x77, 0, 0, 0, 1];

/// The frame of each port; the site's has none.
pub(super) fn frames(system: &str, ports: usize) -> Vec<Option<Bytes>> {
    let frame = |port: Port| {
        let name = format!("LAB-{port}");
        let (port, port_description) = (name.as_str(), "a machine of the lab");
        Bytes::from(Announcement { mac: MAC, system, port, port_description, life: LIFE }.write())
    };
    (0..ports).map(|port| (port != UPLINK).then(|| frame(port))).collect()
}

/// Says it at every port, again and again; never ends.
pub(super) async fn run(fabric: &Fabric) -> io::Error {
    let mut ticks = interval_at(Instant::now() + EVERY, EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        (0..fabric.announcements.len()).for_each(|port| fabric.announce(port));
    }
}
