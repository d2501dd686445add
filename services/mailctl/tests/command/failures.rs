//! What goes wrong is said once, with the next step, and the exit code tells whose fault it is.

use crate::operator::Operator;

#[test]
fn names_that_are_not_there_or_there_already_are_input_to_fix() {
    let operator = Operator::new();
    operator.does("account add joe@here.org --pair p1");
    operator.does("alias add team@here.org --to joe@here.org");
    let failures = [
        ("account show ann@here.org", "there is no account ann@here.org", "mailctl account list"),
        ("account add ann@none.org", "there is no domain none.org", "mailctl domain list"),
        ("account add ann@here.org --pair p9", "there is no pair p9", "mailctl pair list"),
        ("account add team@here.org", "there is already the address team@here.org", "mailctl alias show"),
        ("account set ann@here.org --lock", "there is no account ann@here.org", "mailctl account list"),
        (
            "alias add a@here.org --to nobody@here.org",
            "there is no target nobody@here.org",
            "mailctl account list",
        ),
        ("alias show joe@here.org", "there is no alias joe@here.org", "mailctl alias list"),
        ("domain add here.org", "there is already the domain here.org", "mailctl domain show"),
        ("domain remove here.org", "the domain here.org is in use", "mailctl account list --domain here.org"),
        ("pair remove p1", "the pair p1 is in use", "mailctl mailbox list --pair p1"),
        ("mailbox set team@here.org --pair p1", "there is no mailbox team@here.org", "mailctl mailbox list"),
    ];
    for (words, what, hint) in failures {
        let talk = operator.fails(words, 2);
        let lines: Vec<_> = talk.lines().collect();
        assert_eq!(lines[0], format!("error: {what}"), "{words}");
        assert!(
            lines.len() == 2 && lines[1].starts_with("hint: ") && lines[1].contains(hint),
            "{words}: {talk}"
        );
    }
}

#[test]
fn a_loop_is_refused() {
    let operator = Operator::new();
    operator.does("account add joe@here.org --pair p1");
    let talk = operator.fails("account set joe@here.org --forward JOE@here.org", 2);
    assert!(talk.contains("they lead back to themselves"), "{talk}");
}

#[test]
fn a_command_line_that_means_nothing_is_input_to_fix() {
    let operator = Operator::new();
    let lines = [
        "",
        "account",
        "account add",
        "account add joe",
        "account add joe@[127.0.0.1]",
        "account add joe@here.org --quota 5GiB",
        "account add joe@here.org --pair P_1",
        "account add joe@here.org --pair p1 --quota 5G",
        "account set joe@here.org",
        "account set joe@here.org --lock --unlock",
        "alias add a@here.org",
        "alias set a@here.org",
        "domain set here.org",
        "domain add -bad-.org",
        "domain add x.org --separator ++",
        "domain add x.org --separator a",
        "pair add p2 --lmtp 10.0.0.1:24",
        "pair set p1",
        "pair set p1 --imap 10.0.0.1",
        "pair set p1 --imap 10.0.0.1:0",
        "mailbox set joe@here.org",
        "resolve joe",
    ];
    for line in lines {
        let talk = operator.fails(line, 2);
        assert!(
            talk.contains("Usage: ") || talk.contains("For more information, try '--help'"),
            "{line}: {talk}"
        );
    }
    assert_eq!(operator.says("--help").0, 0);
    assert!(operator.reads("--version").starts_with("mailctl "));
}

#[test]
fn without_tables_the_next_step_is_to_make_them() {
    let operator = Operator::without_directory();
    let talk = operator.fails("domain list", 1);
    assert!(talk.starts_with("error: cannot open the directory "), "{talk}");
    assert!(talk.ends_with("hint: where there is none yet, run: mailctl schema upgrade\n"), "{talk}");
    operator.does("schema upgrade");
    operator.does("schema upgrade");
    operator.does("schema check");
    assert_eq!(operator.reads_json("schema check")["version"], 1);
    assert_eq!(operator.reads("domain list"), "");
}

#[test]
fn a_configuration_that_cannot_be_used_is_named_by_its_line() {
    let operator = Operator::new();
    let file = operator.path("mailctl.toml");
    operator.configure("[directory]\nsqlite = \"x\"\nsqlit = \"y\"\n");
    let talk = operator.fails("domain list", 2);
    assert!(
        talk.starts_with(&format!(
            "error: {file}:3: directory.sqlit: unknown field `sqlit`, expected one of "
        ))
    );
    operator.configure("\n[directory]\n");
    let talk = operator.fails("domain list", 2);
    let hint = "hint: name one: sqlite = \"FILE\", or a table [directory.mariadb]\n";
    assert_eq!(talk, format!("error: {file}:2: directory: a directory is either sqlite or mariadb\n{hint}"));
    let missing = operator.fails("domain list --config /nowhere/mailctl.toml", 2);
    assert!(missing.starts_with("error: cannot read /nowhere/mailctl.toml\n  because: "), "{missing}");
}

#[test]
fn a_server_that_is_not_there_is_no_fault_of_the_input() {
    let operator = Operator::new();
    let socket = operator.path("no-socket");
    operator.configure(&format!(
        "[directory.mariadb]\nsocket = \"{socket}\"\ndatabase = \"mail\"\nuser = \"mailctl\"\n"
    ));
    let talk = operator.fails("domain list", 1);
    assert!(talk.starts_with("error: the directory does not answer\n  because: "), "{talk}");
    assert!(talk.contains("\nhint: see whether"), "{talk}");
}
