//! Mail to the account is only forwarded, or it may not log in: the client is told which, and no pair is asked.

use crate::house::{At, House, More, address, block_on};
use crate::pair::{Mood, Pair};
use mail::directory::Access;
use mail::directory::changes::AccountChange;

#[test]
fn an_account_without_a_mailbox_is_told_so_and_a_locked_one_nothing() {
    let pair = Pair::imap(Mood::Good);
    let accounts = [("ann", None), ("bob", Some("p1"))];
    let house = House::start(&[At::imap("p1", pair.address)], &accounts, More::default());
    let said = house.imap().log_in("ann");
    assert_eq!(said, "l NO [AUTHORIZATIONFAILED] this account has no mailbox: its mail is forwarded");
    let said = house.pop3().log_in_pop3("ann");
    assert_eq!(said, "-ERR [SYS/PERM] this account has no mailbox: its mail is forwarded");
    let lock = AccountChange { access: Some(Access::Locked), ..AccountChange::default() };
    block_on(house.records.set_account(&address("bob"), &lock)).unwrap();
    let said = house.imap().log_in("bob");
    assert_eq!(said, "l NO [AUTHENTICATIONFAILED] wrong name or password");
    assert!(pair.accounts().is_empty());
}
