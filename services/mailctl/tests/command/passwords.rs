//! Passwords come in by standard input and never go out.

use crate::operator::Operator;
use mail::directory::{Directory, DirectorySettings, Records};
use mail::password::Password;

fn matches(operator: &Operator, password: &str) -> bool {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let records = Records::open(&DirectorySettings::sqlite(operator.path("directory.db"))).unwrap();
    let account = runtime.block_on(records.account("joe@here.org")).unwrap().unwrap();
    assert_eq!(account.password.is_some(), account.scram.is_some());
    account.password.is_some_and(|hash| hash.matches(&Password::new(password).unwrap()))
}

#[test]
fn a_password_is_one_line_of_standard_input() {
    let operator = Operator::new();
    let add = "account add joe@here.org --pair p1 --password-stdin --json";
    let (code, out, talk) = operator.says_with(add, "pass word\n");
    assert_eq!((code, talk.as_str()), (0, ""));
    assert!(
        out.contains("\"password\": true") && !out.contains("argon2") && !out.contains("pass word"),
        "{out}"
    );
    assert!(matches(&operator, "pass word"));
    for (input, password) in
        [("no end", "no end"), ("dos\r\n", "dos"), (" kept \n", " kept "), ("p\u{e4}ss\n", "p\u{e4}ss")]
    {
        let (code, ..) = operator.says_with("account set joe@here.org --password-stdin", input);
        assert_eq!(code, 0);
        assert!(matches(&operator, password), "{password}");
    }
}

#[test]
fn what_is_no_password_changes_nothing() {
    let operator = Operator::new();
    operator.does("account add joe@here.org --pair p1");
    for input in ["", "\n", "two\nlines\n", "bell\u{7}\n", &"x".repeat(513)] {
        let (code, out, talk) = operator.says_with("account set joe@here.org --password-stdin --lock", input);
        assert_eq!((code, out.as_str()), (2, ""), "{input:?}");
        assert!(talk.starts_with("error: a password "), "{talk}");
        assert!(talk.contains("\nhint: "), "{talk}");
    }
    assert_eq!(operator.reads_json("account show joe@here.org")["locked"], false);
    // There is no way to say it where others see it.
    operator.fails("account set joe@here.org --password secret", 2);
}
