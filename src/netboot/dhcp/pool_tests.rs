//! Addresses, one decision at a time.

use super::*;
use crate::dhcp::config::{Config, Interface, Mode, Own, Reservation};

const START: SystemTime = SystemTime::UNIX_EPOCH;
const LEASE: Duration = Duration::from_secs(100);

fn at(seconds: u64) -> SystemTime {
    START + Duration::from_secs(seconds)
}

fn client(number: u8) -> Client {
    format!("52:54:00:00:00:{number:02x}").parse().unwrap()
}

fn ip(last: u8) -> Ipv4Addr {
    Ipv4Addr::new(10, 77, 0, last)
}

/// 10.77.0.8 to 10.77.0.12, of which .9 is ours, .10 the gateway, and .11 reserved for client 1.
fn pool() -> Pool {
    let own = Own {
        pool: "10.77.0.8-10.77.0.12".parse().unwrap(),
        gateway: Some(ip(10)),
        dns: Vec::new(),
        lease: LEASE,
        reservations: vec![Reservation { mac: client(1).mac().unwrap(), address: ip(11) }],
    };
    let interface = Interface {
        name: "rack0".into(),
        address: ip(9),
        prefix_length: 24,
        mode: Mode::Own(own),
        router_advertisements: false,
    };
    let config =
        Config { interfaces: vec![interface], relayed: Vec::new(), http_port: 80, node_api_port: 8443 };
    Pool::new(config.validate().unwrap().networks.remove(0))
}

#[track_caller]
fn bind(pool: &mut Pool, now: u64, number: u8) -> Option<Ipv4Addr> {
    let address = pool.offer(at(now), &client(number), None)?;
    let claim = pool.claim(at(now), &client(number), address, Stage::Selecting);
    assert!(matches!(claim, Claim::Granted(_)), "{claim:?}");
    Some(address)
}

#[test]
fn special_and_reserved_addresses_are_never_given() {
    let mut pool = pool();
    let given: Vec<_> = (2..9).map(|number| pool.offer(START, &client(number), None)).collect();
    assert_eq!(given[..3], [Some(ip(8)), Some(ip(12)), None]);
    for (address, refusal) in [
        (ip(0), Refusal::NotForClient),
        (ip(255), Refusal::NotForClient),
        (ip(9), Refusal::NotForClient),
        (ip(10), Refusal::NotForClient),
        (ip(11), Refusal::NotForClient),
        (ip(8), Refusal::Taken),
        (ip(77), Refusal::OutsidePool),
        (Ipv4Addr::new(10, 78, 0, 8), Refusal::OtherNetwork),
    ] {
        let claim = pool.claim(START, &client(5), address, Stage::Selecting);
        assert_eq!(claim, Claim::Refused(refusal), "{address}");
    }
}

#[test]
fn n14_a_client_gets_the_same_address_as_long_as_it_is_free() {
    let mut pool = pool();
    assert_eq!(bind(&mut pool, 0, 2), Some(ip(8)));
    assert_eq!(bind(&mut pool, 50, 2), Some(ip(8)));
    // Its lease is over, and another address is fresh.
    assert_eq!(bind(&mut pool, 1000, 3), Some(ip(12)));
    assert_eq!(bind(&mut pool, 1000, 2), Some(ip(8)));
}

#[test]
fn addresses_that_ended_longest_ago_go_first() {
    let mut pool = pool();
    assert_eq!((bind(&mut pool, 0, 2), bind(&mut pool, 10, 3)), (Some(ip(8)), Some(ip(12))));
    assert_eq!(bind(&mut pool, 99, 4), None);
    assert_eq!(bind(&mut pool, 20, 2), Some(ip(8)), "renewed: ends at 120");
    assert_eq!(bind(&mut pool, 109, 4), None);
    assert_eq!(bind(&mut pool, 110, 4), Some(ip(12)));
    assert_eq!(bind(&mut pool, 120, 5), Some(ip(8)));
}

#[test]
fn an_offer_is_held_and_then_forgotten() {
    let mut pool = pool();
    for number in [2, 3] {
        pool.offer(START, &client(number), None).unwrap();
    }
    assert_eq!(pool.offer(at(89), &client(4), None), None);
    assert_eq!(pool.offer(at(90), &client(4), None), Some(ip(8)));
    assert_eq!(pool.claim(at(90), &client(2), ip(8), Stage::Selecting), Claim::Refused(Refusal::Taken));
}

#[test]
fn an_offer_does_not_shorten_a_lease() {
    let mut pool = pool();
    bind(&mut pool, 0, 2);
    pool.offer(at(5), &client(2), None).unwrap();
    bind(&mut pool, 5, 3);
    assert_eq!(pool.offer(at(97), &client(4), None), None);
}

#[test]
fn a_withdrawn_offer_is_free_and_a_lease_is_not() {
    let mut pool = pool();
    pool.offer(START, &client(2), None).unwrap();
    bind(&mut pool, 0, 3);
    assert_eq!(pool.offer(at(1), &client(4), None), None);
    pool.withdraw(at(1), &client(3));
    assert_eq!(pool.offer(at(1), &client(4), None), None);
    pool.withdraw(at(1), &client(2));
    assert_eq!(pool.offer(at(1), &client(4), None), Some(ip(8)));
}

#[test]
fn an_offer_after_a_lease_is_an_offer() {
    let mut pool = pool();
    bind(&mut pool, 0, 2);
    bind(&mut pool, 100, 3);
    pool.offer(at(100), &client(2), None).unwrap();
    pool.withdraw(at(101), &client(2));
    assert_eq!(pool.offer(at(101), &client(4), None), Some(ip(8)));
}

#[test]
fn a_wanted_address_is_given_while_it_is_fresh() {
    let mut pool = pool();
    assert_eq!(pool.offer(START, &client(2), Some(ip(12))), Some(ip(12)));
    assert_eq!(pool.offer(START, &client(3), Some(ip(12))), Some(ip(8)));
}

#[test]
fn a_reservation_is_kept_unless_somebody_else_is_there() {
    let mut pool = pool();
    assert_eq!(pool.offer(START, &client(1), Some(ip(8))), Some(ip(11)));
    assert_eq!(
        pool.claim(START, &client(1), ip(8), Stage::Rebooting),
        Claim::Refused(Refusal::ReservedElsewhere)
    );
    assert!(matches!(pool.claim(START, &client(1), ip(11), Stage::Selecting), Claim::Granted(_)));
    assert!(pool.decline(START, &client(1), ip(11)).is_some());
    assert_eq!(pool.offer(START, &client(1), None), Some(ip(8)));
    assert!(matches!(pool.claim(START, &client(1), ip(8), Stage::Selecting), Claim::Granted(_)));
}

#[test]
fn an_offer_is_honoured_even_if_the_reservation_is_free_again() {
    let mut pool = pool();
    pool.offer(START, &client(1), None).unwrap();
    pool.decline(START, &client(1), ip(11)).unwrap();
    assert_eq!(pool.offer(at(3599), &client(1), None), Some(ip(8)));
    assert!(matches!(pool.claim(at(3601), &client(1), ip(8), Stage::Selecting), Claim::Granted(_)));
}

#[test]
fn a_node_at_work_keeps_an_address_that_is_not_its_reservation() {
    let mut pool = pool();
    assert!(matches!(pool.claim(START, &client(1), ip(8), Stage::Renewing), Claim::Granted(_)));
}

#[test]
fn a_declined_address_is_nobodys_for_a_while() {
    let mut pool = pool();
    bind(&mut pool, 0, 2);
    assert_eq!(pool.decline(START, &client(3), ip(8)), None, "not its address");
    assert_eq!(pool.decline(START, &client(2), ip(8)).unwrap().state, LeaseState::Declined);
    assert_eq!(pool.decline(START, &client(2), ip(8)), None, "already");
    assert_eq!(bind(&mut pool, 0, 2), Some(ip(12)));
    for (now, expected) in [(3599, None), (3600, Some(ip(8)))] {
        bind(&mut pool, now, 2);
        assert_eq!(pool.offer(at(now), &client(4), None), expected, "{now}");
    }
}

#[test]
fn a_released_address_is_free_and_remembered() {
    let mut pool = pool();
    bind(&mut pool, 0, 2);
    bind(&mut pool, 0, 3);
    assert_eq!(pool.release(at(1), &client(3), ip(8)), None, "not its address");
    assert_eq!(pool.release(at(1), &client(2), ip(8)).unwrap().end, at(1));
    assert_eq!(pool.release(at(1), &client(2), ip(8)), None, "already");
    assert_eq!(bind(&mut pool, 2, 2), Some(ip(8)));
    pool.release(at(3), &client(2), ip(8)).unwrap();
    assert_eq!(bind(&mut pool, 4, 4), Some(ip(8)));
}

#[test]
fn silence_where_another_server_may_know_more() {
    let mut pool = pool();
    for stage in [Stage::Rebooting, Stage::Renewing] {
        assert_eq!(pool.claim(START, &client(2), ip(77), stage), Claim::Unknown, "{stage:?}");
    }
    let elsewhere = Ipv4Addr::new(10, 78, 0, 8);
    assert_eq!(pool.claim(START, &client(2), elsewhere, Stage::Renewing), Claim::Unknown);
}

#[test]
fn leases_of_before_hold_after_a_restart() {
    let mut before = pool();
    bind(&mut before, 0, 2);
    let Claim::Granted(lease) = before.claim(START, &client(2), ip(8), Stage::Renewing) else { panic!() };
    let declined = Lease { address: ip(12), client: client(3), end: at(500), state: LeaseState::Declined };
    let foreign = Lease { address: ip(200), ..lease.clone() };
    let mut after = pool();
    assert_eq!([lease, declined, foreign].map(|lease| after.restore(lease)), [true, true, false]);
    assert_eq!(after.offer(at(1), &client(4), None), None);
    assert_eq!(bind(&mut after, 1, 2), Some(ip(8)));
    assert_eq!(after.offer(at(500), &client(3), None), Some(ip(8)), "ended longest ago");
    assert_eq!(after.offer(at(500), &client(4), None), Some(ip(12)));
}

#[test]
fn a_client_without_an_offer_may_take_a_free_address_of_ours() {
    // The server was restarted between OFFER and REQUEST.
    let mut pool = pool();
    assert!(matches!(pool.claim(START, &client(2), ip(12), Stage::Selecting), Claim::Granted(_)));
    assert_eq!(pool.claim(START, &client(3), ip(12), Stage::Selecting), Claim::Refused(Refusal::Taken));
}
