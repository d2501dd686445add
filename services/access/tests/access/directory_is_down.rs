//! Nobody can be looked up: no password is wrong for that, and the daemon says that it is not well.

use crate::house::{At, House, More, NOWHERE};
use crate::pair::dead_port;

#[test]
fn a_directory_that_is_gone_makes_no_password_wrong() {
    let directory = format!(
        "[directory.mariadb]\nhost = '127.0.0.1'\nport = {}\ndatabase = 'mail'\nuser = 'access'\ntls = 'off'",
        dead_port().port()
    );
    let more = More { directory: Some(&directory), ..More::default() };
    let house = House::start(&[At::imap("p1", NOWHERE)], &[("ann", Some("p1"))], more);
    let mut imap = house.imap();
    assert_eq!(imap.log_in("ann"), "l NO [UNAVAILABLE] nobody can be looked up now; try again later");
    assert_eq!(imap.ask("n NOOP"), "n OK done", "and may try again");
    let said = house.pop3().log_in_pop3("ann");
    assert_eq!(said, "-ERR [SYS/TEMP] nobody can be looked up now; try again later");
    let health = house.get("/health");
    assert!(health.starts_with("HTTP/1.1 503 "), "{health}");
    house.measures("access_logins_total{listener=\"imap\",outcome=\"no_directory\"} 1");
    house.measures("access_logins_total{listener=\"imap\",outcome=\"wrong\"} 0");
}
