//! Each word does what it says, and shows it as text and as JSON.

use crate::operator::Operator;
use serde_json::json;

#[test]
fn an_account_is_added_shown_changed_and_removed() {
    let operator = Operator::new();
    let (code, out, talk) = operator.says("account add Joe@Here.org --pair p1 --quota 5GiB");
    assert_eq!((code, out.as_str(), talk.as_str()), (0, "", "added account joe@here.org\n"));
    let shown = "address: joe@here.org\nlocked: no\npassword: no\npair: p1\nquota: 5GiB\nkeeps_copy: yes\nforwards: -\n";
    assert_eq!(operator.reads("account show joe@here.org"), shown);
    operator
        .does("account set joe@here.org --lock --forward Joe@else.org --forward j@third.org --no-keep-copy");
    let expected = json!({
        "address": "joe@here.org", "locked": true, "password": false, "pair": "p1", "quota": "5GiB",
        "keeps_copy": false, "forwards": ["Joe@else.org", "j@third.org"],
    });
    assert_eq!(operator.reads_json("account show JOE@here.org"), expected);
    operator.does("account set joe@here.org --unlock --no-forward Joe@else.org --keep-copy");
    operator.does("domain add other.org --separator none");
    operator.does("account add ann@other.org");
    let list = "address\tlocked\tpassword\tpair\tquota\nann@other.org\tno\tno\t-\t-\njoe@here.org\tno\tno\tp1\t5GiB\n";
    assert_eq!(operator.reads("account list"), list);
    let listed = operator.reads_json("account list --domain other.org");
    let ann =
        json!({"address": "ann@other.org", "locked": false, "password": false, "pair": null, "quota": null});
    assert_eq!(listed, json!([ann]));
    assert_eq!(operator.reads_json("account remove ann@other.org"), json!({"removed": "ann@other.org"}));
    assert_eq!(operator.reads_json("account list --domain other.org"), json!([]));
    assert_eq!(operator.reads("account list --domain other.org"), "");
}

#[test]
fn domains_pairs_aliases_and_mailboxes_are_kept() {
    let operator = Operator::new();
    operator.does("account add joe@here.org --pair p1");
    operator.does("domain set here.org --separator - --catch-all joe@here.org");
    let domain = json!({"name": "here.org", "separator": "-", "catch_all": "joe@here.org"});
    assert_eq!(operator.reads_json("domain show HERE.org"), domain);
    operator.does("domain set here.org --separator none --catch-all none");
    assert_eq!(operator.reads("domain list"), "name\tseparator\tcatch_all\nhere.org\t-\t-\n");
    operator.does("domain add B\u{fc}cher.example");
    assert_eq!(operator.reads_json("domain show xn--bcher-kva.example")["separator"], json!("+"));
    operator.does("domain remove b\u{fc}cher.example");

    operator.does("pair add p2 --lmtp store.example:24 --imap [fd00::2]:143 --pop3 store.example:110");
    operator.does("pair set p2 --lmtp store.example:2400");
    let pair = json!({"name": "p2", "lmtp": "store.example:2400", "imap": "[fd00::2]:143", "pop3": "store.example:110"});
    assert_eq!(operator.reads_json("pair show p2"), pair);
    assert_eq!(operator.reads_json("pair list").as_array().unwrap().len(), 2);

    operator.does("alias add team@here.org --to joe@here.org --to Ext@else.org");
    assert_eq!(
        operator.reads("alias show team@here.org"),
        "address: team@here.org\nto: Ext@else.org, joe@here.org\n"
    );
    operator.does("alias set team@here.org --to x@else.org --not-to Ext@else.org");
    let aliases = json!([{"address": "team@here.org", "to": ["joe@here.org", "x@else.org"]}]);
    assert_eq!(operator.reads_json("alias list --domain here.org"), aliases);

    operator.does("mailbox set joe@here.org --pair p2 --quota 1GiB");
    let mailbox = json!({"account": "joe@here.org", "pair": "p2", "quota": "1GiB"});
    assert_eq!(operator.reads_json("mailbox show joe@here.org"), mailbox);
    assert_eq!(operator.reads_json("mailbox list --pair p2"), json!([mailbox]));
    assert_eq!(operator.reads_json("mailbox list --pair p1"), json!([]));
    operator.does("mailbox remove joe@here.org");
    operator.does("mailbox add joe@here.org --pair p1");
    assert_eq!(operator.reads("mailbox show joe@here.org"), "account: joe@here.org\npair: p1\nquota: -\n");
    operator.does("alias remove team@here.org");
    operator.does("pair remove p2");
}

#[test]
fn resolve_says_where_mail_goes() {
    let operator = Operator::new();
    operator.does("account add joe@here.org --pair p1 --quota 1GiB");
    operator.does("alias add team@here.org --to joe+team@here.org --to ext@else.org");
    let text = "mailboxes: joe@here.org on p1\nforwards: ext@else.org\n";
    assert_eq!(operator.reads("resolve team@here.org"), text);
    let joe = json!({"account": "joe@here.org", "tag": "team", "pair": "p1", "quota": "1GiB"});
    let expected = json!({"mailboxes": [joe], "forwards": ["ext@else.org"]});
    assert_eq!(operator.reads_json("resolve team@here.org"), expected);
    assert!(
        operator
            .fails("resolve ann@here.org", 2)
            .starts_with("error: there is no address ann@here.org\nhint: ")
    );
    assert!(
        operator.fails("resolve ann@else.org", 2).starts_with("error: there is no domain else.org\nhint: ")
    );
}

#[test]
fn a_long_list_is_whole() {
    let operator = Operator::new();
    operator.does("account add joe@here.org --pair p1");
    let names: Vec<_> = (0..12).map(|number| format!("a{number:02}@here.org")).collect();
    for name in &names {
        operator.does(&format!("alias add {name} --to joe@here.org"));
    }
    let listed = operator.reads_json("alias list");
    let listed: Vec<_> =
        listed.as_array().unwrap().iter().map(|alias| alias["address"].as_str().unwrap()).collect();
    assert_eq!(listed, names);
}
