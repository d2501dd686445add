//! Router advertisements, as rdisc6 sees them.

use crate::rack::{Host, Server, config, inside, own};
use std::sync::atomic::Ordering;
use understudy_netboot::dhcp::Mode;

#[test]
fn whoever_asks_for_a_router_is_told_at_once_that_there_is_none() {
    inside("advertisements::whoever_asks_for_a_router_is_told_at_once_that_there_is_none", || {
        let server = Server::start(config(Mode::Own(own("10.77.1.0-10.77.1.9"))));
        let host = Host::new("client", "52:54:00:00:00:02");
        let said = host.run("rdisc6", &["-1", "-w", "3000", "eth0"]);
        for line in ["Router lifetime           :            0", "Stateful address conf.    :           No"] {
            assert!(said.contains(line), "{said}");
        }
        assert!(!said.contains("Prefix"), "{said}");
        assert!(server.advertised.solicitations.load(Ordering::Relaxed) >= 1);
        let addresses = host.run("ip", &["-6", "address", "show", "dev", "eth0"]);
        assert!(!addresses.contains("scope global"), "{addresses}");
        assert_eq!(host.run("ip", &["-6", "route", "show", "default"]), "");
    });
}
