//! CONDSTORE (RFC 7162): who changed what since when, and no change over another one's.

use crate::client::Raw;
use crate::house::{House, Plan, message};
use mailstore::Flags;

#[tokio::test(flavor = "multi_thread")]
async fn nobody_changes_what_another_one_changed_meanwhile() {
    let house = House::open(Plan::default()).await;
    for number in 1..=3 {
        house.put("INBOX", Flags::default(), message(number, "x")).await;
    }
    let mut one = Raw::ann(house.address).await;
    assert!(one.ok("SELECT INBOX (CONDSTORE)").await.contains(&"* OK [HIGHESTMODSEQ 4] Highest".to_owned()));
    let mut other = Raw::selected(house.address, "INBOX").await;
    other.ok("STORE 2 +FLAGS (\\Flagged)").await;
    assert_eq!(
        one.ask("UID STORE 1:3 (UNCHANGEDSINCE 4) +FLAGS.SILENT (\\Seen)").await,
        [
            "* 1 FETCH (UID 1 MODSEQ (6))",
            "* 3 FETCH (UID 3 MODSEQ (6))",
            "* 2 FETCH (UID 2 FLAGS (\\Flagged \\Recent) MODSEQ (5))",
            "OK [MODIFIED 2] Some were changed by others",
        ]
    );
    assert_eq!(
        one.answer("STORE 1 (UNCHANGEDSINCE 0) FLAGS ()").await,
        "OK [MODIFIED 1] Some were changed by others"
    );
    assert_eq!(
        one.ok("FETCH 1:* (FLAGS) (CHANGEDSINCE 5)").await,
        ["* 1 FETCH (MODSEQ (6) FLAGS (\\Seen \\Recent))", "* 3 FETCH (MODSEQ (6) FLAGS (\\Seen \\Recent))"]
    );
    assert_eq!(one.ok("SEARCH MODSEQ 5").await, ["* SEARCH 1 2 3 (MODSEQ 6)"]);
    assert_eq!(one.ok("SEARCH MODSEQ 5 UNSEEN").await, ["* SEARCH 2 (MODSEQ 5)"]);
    let esearch = one.ok("UID SEARCH RETURN (MIN) MODSEQ 1").await;
    assert!(esearch[0].ends_with(" UID MIN 1 MODSEQ 6"), "{esearch:?}");
    assert_eq!(one.ok("STATUS INBOX (HIGHESTMODSEQ)").await, ["* STATUS \"INBOX\" (HIGHESTMODSEQ 6)"]);
    // Flags that change by the way have their moment as well.
    assert_eq!(
        one.ok("FETCH 2 BODY[]<0.4>").await.join("|"),
        "* 2 FETCH (FLAGS (\\Flagged \\Seen \\Recent) MODSEQ (7) BODY[]<0> {4}|From)"
    );
    // The other one learns of MODSEQ, and from then on it is told.
    other.ok("NOOP").await;
    assert_eq!(
        other.ok("ENABLE CONDSTORE X-NOTHING").await,
        ["* ENABLED CONDSTORE", "* OK [HIGHESTMODSEQ 7] Highest"]
    );
    one.ok("STORE 3 -FLAGS (\\Seen)").await;
    assert_eq!(other.ok("NOOP").await, ["* 3 FETCH (UID 3 FLAGS () MODSEQ (8))"]);
}
