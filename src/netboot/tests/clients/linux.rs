//! Linux clients: each gets, renews and gives back an address.

use crate::rack::{Host, Server, client_script, config, eventually, inside, own, run, told};
use crate::wire::{ask, request};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use std::net::Ipv4Addr;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;
use understudy_core::base::causes::with_causes;
use understudy_netboot::dhcp::{
    Config, EventKind, Firmware, Lease, LeaseStore, LeaseStoreError, MemoryLeases, Mode, Own, Reservation,
    build,
};

const MAC: &str = "52:54:00:00:00:02";

#[test]
fn udhcpc_gets_an_address_and_everything_with_it() {
    inside("linux::udhcpc_gets_an_address_and_everything_with_it", || {
        let mut server = Server::start(config(Mode::Own(own("10.77.1.0-10.77.1.9"))));
        let (host, folder) = (Host::new("client", MAC), tempfile::tempdir().unwrap());
        let script = client_script(folder.path());
        let class =
            ["-V", "PXEClient:Arch:00007:UNDI:003016", "-x", "0x5d:0007", "-O", "tftp", "-O", "bootfile"];
        let options = ["-i", "eth0", "-f", "-n", "-s", &script];
        let client = host.start("udhcpc", &[&options[..], &class[..]].concat());
        for (variable, value) in [
            ("ip", "10.77.1.0"),
            ("subnet", "255.255.0.0"),
            ("router", "10.77.255.254"),
            ("dns", "10.77.0.53"),
            ("serverid", "10.77.0.1"),
            ("lease", "600"),
            ("siaddr", "10.77.0.1"),
            ("boot_file", "snponly.efi"),
            ("tftp", "10.77.0.1"),
            ("bootfile", "snponly.efi"),
        ] {
            assert_eq!(told(folder.path(), "bound", variable), value, "{variable}");
        }
        let address = Ipv4Addr::new(10, 77, 1, 0);
        let pid = i32::try_from(client.child.id()).unwrap();
        kill(Pid::from_raw(pid), Signal::SIGUSR2).unwrap();
        eventually("its release", || server.metrics.rows().contains(&("releases_total", 1)));
        assert_eq!(
            server.events(),
            [
                EventKind::Offered { address, firmware: Firmware::UefiPxe },
                EventKind::Acknowledged { address, firmware: Firmware::UefiPxe },
                EventKind::Released { address },
            ]
        );
    });
}

#[test]
fn dhclient_renews_and_reboots_into_the_same_address() {
    inside("linux::dhclient_renews_and_reboots_into_the_same_address", || {
        let lease = Duration::from_secs(10);
        let mut server = Server::start(config(Mode::Own(Own { lease, ..own("10.77.1.0-10.77.1.9") })));
        let (host, folder) = (Host::new("client", MAC), tempfile::tempdir().unwrap());
        let script = client_script(folder.path());
        let file = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
        let (leases, pid) = (file("leases"), file("pid"));
        let options = ["-4", "-d", "-cf", "/dev/null", "-sf", &script, "-lf", &leases, "-pf", &pid, "eth0"];
        let client = host.start("dhclient", &options);
        assert_eq!(told(folder.path(), "BOUND", "new_ip_address"), "10.77.1.0");
        assert_eq!(told(folder.path(), "RENEW", "new_ip_address"), "10.77.1.0");
        drop(client);
        // It starts again, and asks for what it remembers.
        let _client = host.start("dhclient", &options);
        assert_eq!(told(folder.path(), "REBOOT", "new_ip_address"), "10.77.1.0");
        let happened = server.events();
        assert!(happened.iter().all(|kind| !matches!(kind, EventKind::Refused { .. })), "{happened:?}");
    });
}

#[test]
fn dhcpcd_declines_an_address_that_somebody_else_has() {
    inside("linux::dhcpcd_declines_an_address_that_somebody_else_has", || {
        let mut server = Server::start(config(Mode::Own(own("10.77.1.0-10.77.1.9"))));
        let squatter = Host::new("squatter", "52:54:00:00:00:99");
        squatter.address("10.77.1.0/16");
        let (host, folder) = (Host::new("client", MAC), tempfile::tempdir().unwrap());
        let script = client_script(folder.path());
        let _client = host.start("dhcpcd", &["-4", "-B", "-f", "/dev/null", "-c", &script, "eth0"]);
        assert_eq!(told(folder.path(), "BOUND", "new_ip_address"), "10.77.1.1");
        let happened = server.events();
        let declined = EventKind::Declined { address: Ipv4Addr::new(10, 77, 1, 0) };
        assert!(happened.contains(&declined), "{happened:?}");
    });
}

#[test]
fn a_reserved_address_is_given_and_other_clients_do_not_get_it() {
    inside("linux::a_reserved_address_is_given_and_other_clients_do_not_get_it", || {
        let reservation = Reservation { mac: MAC.parse().unwrap(), address: Ipv4Addr::new(10, 77, 1, 0) };
        let reservations = vec![reservation];
        let _server = Server::start(config(Mode::Own(Own { reservations, ..own("10.77.1.0-10.77.1.9") })));
        for (name, mac, expected) in
            [("other", "52:54:00:00:00:03", "10.77.1.1"), ("reserved", MAC, "10.77.1.0")]
        {
            let (host, folder) = (Host::new(name, mac), tempfile::tempdir().unwrap());
            let script = client_script(folder.path());
            host.run("udhcpc", &["-i", "eth0", "-f", "-n", "-q", "-s", &script]);
            assert_eq!(told(folder.path(), "bound", "ip"), expected, "{name}");
        }
    });
}

#[test]
fn dhcping_is_answered_on_a_client_with_an_address() {
    inside("linux::dhcping_is_answered_on_a_client_with_an_address", || {
        let server = Server::start(config(Mode::Own(own("10.77.1.0-10.77.1.9"))));
        let host = Host::new("client", MAC);
        host.address("10.77.1.5/16");
        for kind in ["-r", "-i"] {
            let said = host.run("dhcping", &["-v", kind, "-s", "10.77.0.1", "-c", "10.77.1.5", "-h", MAC]);
            assert!(said.contains("Got answer from: 10.77.0.1"), "{said}");
        }
        assert!(server.metrics.rows().contains(&("informs_total", 1)));
    });
}

#[test]
fn leases_hold_over_a_restart_of_the_server() {
    inside("linux::leases_hold_over_a_restart_of_the_server", || {
        let store = Arc::new(MemoryLeases::default());
        let serve = || Server::start_with(config(Mode::Own(own("10.77.1.0-10.77.1.1"))), store.clone());
        let ask = |name: &'static str, mac: &str| {
            let (host, folder) = (Host::new(name, mac), tempfile::tempdir().unwrap());
            let script = client_script(folder.path());
            host.run("udhcpc", &["-i", "eth0", "-f", "-n", "-q", "-s", &script]);
            told(folder.path(), "bound", "ip")
        };
        let first = serve();
        assert_eq!(ask("one", MAC), "10.77.1.0");
        drop(first);
        let _second = serve();
        assert_eq!(ask("two", "52:54:00:00:00:03"), "10.77.1.1");
        run("ip", &["netns", "delete", "one"]);
        assert_eq!(ask("again", MAC), "10.77.1.0");
    });
}

#[test]
fn n15_the_address_that_was_asked_answers_even_if_it_is_not_the_first_of_its_interface() {
    inside(
        "linux::n15_the_address_that_was_asked_answers_even_if_it_is_not_the_first_of_its_interface",
        || {
            run("ip", &["address", "add", "10.77.0.9/16", "dev", "rack0"]);
            let mut config = config(Mode::Own(own("10.77.1.0-10.77.1.9")));
            config.interfaces[0].address = Ipv4Addr::new(10, 77, 0, 9);
            let _server = Server::start(config);
            let host = Host::new("client", MAC);
            // Everybody hears the offer, which is a frame of ours; the rest is sent by the kernel.
            let mac = [0x52, 0x54, 0, 0, 0, 2];
            let discover = request(mac, Ipv4Addr::UNSPECIFIED, &[(53, &[1])]);
            let offers = ask(&host, (Ipv4Addr::BROADCAST, 67), &discover);
            host.address("10.77.1.5/16");
            let inform = request(mac, Ipv4Addr::new(10, 77, 1, 5), &[(53, &[8])]);
            let informed = ask(&host, (Ipv4Addr::BROADCAST, 67), &inform);
            for answers in [offers, informed] {
                assert_eq!(answers.len(), 1, "{answers:?}");
                assert_eq!(answers[0].source, "10.77.0.9:67".parse().unwrap());
                assert_eq!(answers[0].option(54), Some([10, 77, 0, 9].as_slice()));
            }
        },
    );
}

#[test]
fn an_interface_without_the_address_is_not_served() {
    inside("linux::an_interface_without_the_address_is_not_served", || {
        let refused = |change: fn(&mut Config)| {
            let mut config = config(Mode::Own(own("10.77.1.0-10.77.1.9")));
            change(&mut config);
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            let _guard = runtime.enter();
            let (sender, _events) = tokio::sync::mpsc::channel(1);
            let built = build(&config, Arc::new(MemoryLeases::default()), sender, Arc::default());
            with_causes(&built.err().unwrap())
        };
        assert_eq!(
            refused(|config| config.interfaces[0].address = Ipv4Addr::new(10, 77, 0, 7)),
            "DHCP cannot be served: interface rack0 does not have the address 10.77.0.7"
        );
        assert_eq!(
            refused(|config| config.interfaces[0].name = "rack7".into()),
            "DHCP cannot be served: there is no Ethernet interface rack7"
        );
        let _first = Server::start(config(Mode::Proxy));
        assert_eq!(
            refused(|_| ()),
            "DHCP cannot be served: cannot listen on port 67 of rack0: Address already in use (os error 98)"
        );
    });
}

/// Saves nothing.
struct BrokenLeases;

impl LeaseStore for BrokenLeases {
    fn load(&self) -> Result<Vec<Lease>, LeaseStoreError> {
        Ok(Vec::new())
    }

    fn save(&self, _: &[Lease]) -> Result<(), LeaseStoreError> {
        Err(LeaseStoreError { action: "save", source: "the disk is full".into() })
    }
}

#[test]
fn no_address_is_promised_that_could_not_be_saved() {
    inside("linux::no_address_is_promised_that_could_not_be_saved", || {
        let config = config(Mode::Own(own("10.77.1.0-10.77.1.9")));
        let mut server = Server::start_with(config, Arc::new(BrokenLeases));
        let (host, folder) = (Host::new("client", MAC), tempfile::tempdir().unwrap());
        let script = client_script(folder.path());
        let options = ["-i", "eth0", "-f", "-n", "-q", "-t", "1", "-T", "1", "-s", &script];
        let output = host.process("udhcpc").args(options).output().unwrap();
        assert!(!output.status.success() && !folder.path().join("bound").exists());
        assert_eq!(server.metrics.acknowledgements.load(Ordering::Relaxed), 0);
        let error = "cannot save DHCP leases: the disk is full".to_owned();
        let happened = server.events();
        assert!(happened.contains(&EventKind::StoreFailed { unanswered: 1, error }), "{happened:?}");
    });
}

#[test]
fn interfaces_that_are_not_named_are_not_served() {
    inside("linux::interfaces_that_are_not_named_are_not_served", || {
        let server = Server::start(config(Mode::Own(own("10.77.1.0-10.77.1.9"))));
        // A cable that does not end in the rack, but in the same computer.
        run("ip", &["netns", "add", "stranger"]);
        run("ip", &["link", "add", "side0", "type", "veth", "peer", "name", "eth0", "netns", "stranger"]);
        run("ip", &["address", "add", "10.99.0.1/24", "dev", "side0"]);
        run("ip", &["link", "set", "side0", "up"]);
        let (stranger, folder) = (Host { name: "stranger" }, tempfile::tempdir().unwrap());
        stranger.run("ip", &["link", "set", "eth0", "up"]);
        let script = client_script(folder.path());
        let options = ["-i", "eth0", "-f", "-n", "-q", "-t", "2", "-T", "1", "-s", &script];
        assert!(!stranger.process("udhcpc").args(options).output().unwrap().status.success());
        stranger.address("10.99.0.2/24");
        let ping = ["-s", "10.99.0.1", "-c", "10.99.0.2", "-h", MAC, "-t", "1", "-i"];
        assert!(!stranger.process("dhcping").args(ping).output().unwrap().status.success());
        assert!(server.metrics.rows().iter().all(|(_, count)| *count == 0), "{:?}", server.metrics.rows());
    });
}
