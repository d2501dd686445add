use super::*;
use mail::config::Period;

fn authenticator(reject: Reject, trusted: &[&str]) -> Authenticator {
    let dns = settings::Dns { servers: vec!["127.0.0.1:53".parse().unwrap()], timeout: Period::seconds(1) };
    let settings = settings::Authentication {
        dmarc_reject: reject,
        trusted_sealers: trusted.iter().map(|name| name.parse().unwrap()).collect(),
        ..settings::Authentication::default()
    };
    Authenticator::new(Dns::new(&dns).unwrap(), "mx1.example".parse().unwrap(), &settings)
}

fn results(outcome: Outcome, policy: Policy) -> Results {
    Results { dmarc: Dmarc { outcome, policy, from: Some("b.org".to_owned()) }, ..Results::default() }
}

/// Catches mail that is refused because nobody could tell, or although nobody asked for it.
#[tokio::test]
async fn only_a_certain_failure_under_reject_is_refused() {
    use Outcome::{Fail, None, Pass, PermError, TempError};
    let honour = authenticator(Reject::Honour, &[]);
    for outcome in [None, Pass, Fail, TempError, PermError] {
        for policy in [Policy::None, Policy::Quarantine, Policy::Reject] {
            let expected = outcome == Fail && policy == Policy::Reject;
            assert_eq!(honour.is_refused(&results(outcome, policy)), expected, "{outcome:?} {policy:?}");
        }
    }
    let note = authenticator(Reject::Note, &[]);
    assert!(!note.is_refused(&results(Fail, Policy::Reject)));
}

#[tokio::test]
async fn what_a_trusted_host_vouches_for_is_taken() {
    let authenticator = authenticator(Reject::Honour, &["lists.example"]);
    let sealed = |outcome, sealer: &str| {
        let mut results = results(Outcome::Fail, Policy::Reject);
        results.arc = Arc { outcome, sealer: Some(sealer.to_owned()) };
        authenticator.is_refused(&results)
    };
    assert!(!sealed(Outcome::Pass, "Lists.Example"));
    assert!(sealed(Outcome::Pass, "evil.example") && sealed(Outcome::Fail, "lists.example"));
    assert!(sealed(Outcome::Pass, "") && sealed(Outcome::TempError, "lists.example"));
}
