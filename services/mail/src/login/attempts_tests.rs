use super::*;
use proptest::prelude::*;

const SMALL: Limits = Limits {
    per_client_max: 6,
    per_client_and_account_max: 3,
    per_account_max: 5,
    window: Duration::from_secs(60),
};

fn at(number: u8) -> IpAddr {
    IpAddr::from([192, 0, 2, number])
}

/// Whether a password was compared that was wrong.
fn wrong(attempts: &Attempts, client: u8, account: &str, now: Instant) -> bool {
    attempts.begin(at(client), account, now).map(Attempt::wrong).is_some()
}

fn right(attempts: &Attempts, client: u8, account: &str, now: Instant) -> bool {
    attempts.begin(at(client), account, now).map(|attempt| attempt.right(now)).is_some()
}

#[test]
fn each_limit_is_met() {
    let now = Instant::now();
    type Case = (&'static [(u8, &'static str)], &'static [bool]);
    let cases: [Case; 4] = [
        (&[(1, "ann"), (1, "ann"), (1, "ann"), (1, "ann")], &[true, true, true, false]),
        // Another account of the same client, and another client.
        (&[(1, "a"), (1, "a"), (1, "a"), (1, "b"), (2, "a")], &[true; 5]),
        (
            &[(1, "a"), (1, "b"), (1, "c"), (1, "d"), (1, "e"), (1, "f"), (1, "g")],
            &[true, true, true, true, true, true, false],
        ),
        (
            &[(1, "ann"), (2, "ann"), (3, "ann"), (4, "ann"), (5, "ann"), (6, "ann"), (6, "bob")],
            &[true, true, true, true, true, false, true],
        ),
    ];
    for (tries, allowed) in cases {
        let attempts = Attempts::new(SMALL);
        let told: Vec<_> = tries.iter().map(|(client, name)| wrong(&attempts, *client, name, now)).collect();
        assert_eq!(told, allowed, "{tries:?}");
    }
}

#[test]
fn a_limit_comes_back_part_by_part() {
    let (attempts, now) = (Attempts::new(SMALL), Instant::now());
    let later = |seconds| now + Duration::from_secs(seconds);
    assert_eq!([1, 2, 3, 4].map(|_| wrong(&attempts, 1, "ann", now)), [true, true, true, false]);
    // A third of the window for one of three.
    assert!(!wrong(&attempts, 1, "ann", later(19)));
    assert!(wrong(&attempts, 1, "ann", later(20)) && !wrong(&attempts, 1, "ann", later(20)));
    // What was refused did not count.
    assert!(wrong(&attempts, 1, "ann", later(40)));
    assert_eq!([1, 2, 3, 4].map(|_| wrong(&attempts, 1, "ann", later(100))), [true, true, true, false]);
}

#[test]
fn a_whole_64_is_one_client() {
    let (attempts, now) = (Attempts::new(SMALL), Instant::now());
    let from = |text: &str| attempts.begin(text.parse().unwrap(), "ann", now).is_some();
    assert!(from("2001:db8::1") && from("2001:db8::2") && from("2001:db8::3"));
    assert!(!from("2001:db8::4") && from("2001:db8:0:1::4"));
}

/// Catches a limit on the account that counts everybody: then one attacker would lock its owner out.
#[test]
fn an_attack_from_one_client_does_not_keep_the_owner_out() {
    let (attempts, now) = (Attempts::new(SMALL), Instant::now());
    for _ in 0..100 {
        wrong(&attempts, 1, "ann", now);
    }
    assert!(right(&attempts, 2, "ann", now));
}

#[test]
fn an_attack_from_everywhere_does_not_keep_out_who_is_known() {
    let (attempts, now) = (Attempts::new(SMALL), Instant::now());
    assert!(right(&attempts, 9, "ann", now));
    for client in 10..200 {
        wrong(&attempts, client, "ann", now);
    }
    assert!(!right(&attempts, 8, "ann", now), "nobody knows this client");
    assert!(right(&attempts, 9, "ann", now));
    // But it may not guess either.
    assert_eq!([1, 2, 3, 4].map(|_| wrong(&attempts, 9, "ann", now)), [true, true, true, false]);
}

/// Catches attempts that count only when they have ended.
#[test]
fn many_at_once_are_not_one() {
    let (attempts, now) = (Attempts::new(SMALL), Instant::now());
    let begun: Vec<_> = (0..10).filter_map(|_| attempts.begin(at(1), "ann", now)).collect();
    assert_eq!(begun.len(), 3);
    begun.into_iter().for_each(Attempt::undecided);
    assert!((0..50).all(|_| right(&attempts, 1, "ann", now)), "a right one costs nothing");
    assert!([1, 2, 3].iter().all(|_| wrong(&attempts, 1, "ann", now)));
}

#[test]
fn a_right_one_makes_good_for_slips_at_that_account_alone() {
    let (attempts, now) = (Attempts::new(SMALL), Instant::now());
    assert!(wrong(&attempts, 1, "ann", now) && wrong(&attempts, 1, "ann", now));
    assert!(right(&attempts, 1, "ann", now));
    assert!(
        wrong(&attempts, 1, "ann", now) && wrong(&attempts, 1, "ann", now) && wrong(&attempts, 1, "ann", now)
    );
    // Five of six by now: who has an account of its own still may not guess at those of others.
    assert!(wrong(&attempts, 1, "bob", now) && !wrong(&attempts, 1, "carl", now));
}

/// Catches a memory that grows with an attack.
#[test]
fn what_is_remembered_has_an_end() {
    let now = Instant::now();
    let limits = Limits { per_client_max: 1000, ..SMALL };
    let attempts = Attempts::new(limits);
    for number in 0..500 {
        wrong(&attempts, 1, &format!("account {number}"), now);
    }
    for number in 0..COUNTS_MAX as u32 / 2 {
        let later = now + Duration::from_nanos(u64::from(number));
        let attempt = attempts.begin(IpAddr::from(number.to_be_bytes()), &number.to_string(), later);
        attempt.map(Attempt::wrong).unwrap();
    }
    assert!(attempts.memory().counts.len() <= COUNTS_MAX);
    let count = attempts.memory().counts.get(&Key::Client(at(1))).copied();
    assert!(count.is_some_and(|until| until > now), "those who tried most are remembered longest");
    for number in 0..=TRUSTED_MAX as u32 {
        let later = now + Duration::from_secs(100 + u64::from(number));
        attempts.begin(IpAddr::from(number.to_be_bytes()), "bob", later).unwrap().right(later);
    }
    assert!(attempts.memory().trusted.len() <= TRUSTED_MAX);
}

#[derive(Clone, Copy, Debug)]
struct Step {
    milliseconds: u64,
    client: u8,
    account: usize,
    is_right: bool,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = (0_u64..20_000, 0_u8..3, 0_usize..3, prop::bool::weighted(0.1));
    let step = step.prop_map(|(milliseconds, client, account, is_right)| Step {
        milliseconds,
        client,
        account,
        is_right,
    });
    prop::collection::vec(step, 0..200)
}

/// How many of them there were in the window that ends now.
fn within(compared: &[(Instant, Step)], now: Instant, is_one: impl Fn(&Step) -> bool) -> u32 {
    let is_young = |then: Instant| now.duration_since(then) < SMALL.window;
    compared.iter().filter(|(then, step)| is_young(*then) && is_one(step)).count() as u32
}

proptest! {
    /// However attempts come, in one window no more than twice a limit are compared that are wrong: those that were left, and those that
    /// came back. And nobody is refused who has not used up a limit.
    #[test]
    fn no_history_gets_more_than_its_limits(steps in steps()) {
        let (attempts, mut now) = (Attempts::new(SMALL), Instant::now());
        let mut compared: Vec<(Instant, Step)> = Vec::new();
        for step in steps {
            now += Duration::from_millis(step.milliseconds);
            let name = ["ann", "bob", "carl"][step.account];
            let counts = [
                (within(&compared, now, |other| other.client == step.client), SMALL.per_client_max),
                (within(&compared, now, |other| other.account == step.account), SMALL.per_account_max),
                (
                    within(&compared, now, |other| (other.client, other.account) == (step.client, step.account)),
                    SMALL.per_client_and_account_max,
                ),
            ];
            match attempts.begin(at(step.client), name, now) {
                Some(attempt) if step.is_right => attempt.right(now),
                Some(_) => compared.push((now, step)),
                None => prop_assert!(counts.iter().any(|(count, max)| count >= max), "{counts:?}"),
            }
            let of_client = within(&compared, now, |other| other.client == step.client);
            prop_assert!(of_client <= 2 * SMALL.per_client_max, "{of_client}");
        }
        // Then everything is forgotten.
        let then = now + SMALL.window;
        prop_assert!(attempts.memory().counts.values().all(|until| *until <= then));
    }
}
