//! A pair takes the connection and says nothing, or not what it should: the client hears so in the time that the file says.

use crate::house::{At, House, More};
use crate::pair::{Mood, Pair};
use std::time::{Duration, Instant};

#[test]
fn a_pair_that_says_nothing_useful_is_given_up() {
    let moods = [Mood::Silent, Mood::Half, Mood::Busy, Mood::Nonsense];
    let pairs = moods.map(Pair::imap);
    let names = ["p1", "p2", "p3", "p4"];
    let at: Vec<_> = names.iter().zip(&pairs).map(|(name, pair)| At::imap(name, pair.address)).collect();
    let accounts = names.map(|name| (name, Some(name)));
    let more = More { backend: Some("tls = 'off'\nlogin = '1s'"), ..More::default() };
    let house = House::start(&at, &accounts, more);
    for (name, is_slow) in names.into_iter().zip([true, true, false, false]) {
        let start = Instant::now();
        let mut imap = house.imap();
        let said = imap.log_in(name);
        assert!(said.starts_with("l NO [UNAVAILABLE] "), "{name}: {said}");
        assert_eq!(start.elapsed() >= Duration::from_secs(1), is_slow, "{name}: {:?}", start.elapsed());
        assert!(start.elapsed() < Duration::from_secs(10), "{name}");
        assert_eq!(imap.ask("n NOOP"), "n OK done");
    }
    for (pair, reason) in names.into_iter().zip(["slow", "slow", "later", "nonsense"]) {
        let labels = format!("pair=\"{pair}\",listener=\"imap\",reason=\"{reason}\"");
        house.measures(&format!("access_pair_failures_total{{{labels}}} 1"));
    }
}
