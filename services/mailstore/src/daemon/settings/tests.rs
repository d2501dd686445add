use super::*;
use mail::config;

const SMALL: &str =
    "host = 'store-1.example'\nfolder = '/var/lib/mailstore'\n[lmtp]\nlisten = ['127.0.0.1:24']\n";

const LARGE: &str = "host = 'store-1.example'\nfolder = '/var/lib/mailstore'\npair = 'store-1'\n\
    own_names = ['mx1.example', 'mx2.example']\ndrain = '5s'\n[lmtp]\nlisten = ['127.0.0.1:24']\n\
    [imap]\nlisten = ['[::1]:993']\ntls = 'at-once'\n[pop3]\nlisten = ['127.0.0.1:110']\n\
    [tls]\ncertificates = '/run/tls.crt'\nkey = '/run/tls.key'\n[directory]\nsqlite = '/var/lib/directory.db'\n\
    [proxy]\nname = 'access'\nsecret_file = '/run/secret'\n[logins]\nwindow = '1h'\n\
    [observe]\nlisten = '[::1]:9124'\n[compaction]\nevery = '1h'\n";

/// Each problem as line, key and words.
fn problems(text: &str) -> Vec<String> {
    let findings = config::parse::<Settings>(text).unwrap_err();
    findings
        .iter()
        .map(|found| format!("{} {}: {}", found.line, found.problem.key, found.problem.what))
        .collect()
}

#[test]
fn a_small_file_is_enough() {
    let settings = config::parse::<Settings>(SMALL).unwrap();
    assert_eq!(settings.drain, Period::seconds(30));
    assert_eq!(settings.compaction.every, Period::seconds(600));
    assert!(settings.own_names.is_empty() && settings.observe.is_none() && settings.pop3.is_none());
}

#[test]
fn a_file_says_who_reads_and_how() {
    let settings = config::parse::<Settings>(LARGE).unwrap();
    assert_eq!(settings.own_names.len(), 2);
    assert_eq!(settings.observe.unwrap().listen.port(), 9124);
    assert_eq!((settings.imap.unwrap().tls, settings.pop3.unwrap().tls), (Tls::AtOnce, Tls::StartTls));
    assert_eq!(settings.logins.window, Period::seconds(3600));
    assert_eq!(settings.pair.unwrap().as_str(), "store-1");
    let off = config::parse::<Settings>(&LARGE.replace("at-once", "off")).unwrap();
    assert_eq!(off.imap.unwrap().tls, Tls::Off);
}

#[test]
fn what_cannot_work_is_told_at_its_line() {
    let bad = SMALL.replace("'/var", "'var").replace(":24", ":25") + "[compaction]\nevery = '1ms'\n";
    let expected = [
        "2 folder: the folder depends on where this is started",
        "4 lmtp.listen[0]: LMTP must not be spoken on the port of SMTP",
        "6 compaction.every: that is too often",
    ];
    assert_eq!(problems(&bad), expected);
    assert_eq!(problems(&SMALL.replace("'127.0.0.1:24'", "")), ["4 lmtp.listen: nobody could deliver"]);
}

#[test]
fn what_does_not_go_together_is_told() {
    let without = |lines: &str| {
        assert!(LARGE.contains(lines), "{lines}");
        problems(&LARGE.replace(lines, ""))
    };
    let told = without("[tls]\ncertificates = '/run/tls.crt'\nkey = '/run/tls.key'\n");
    let expected =
        ["10 imap.tls: there is no certificate for TLS", "11 pop3.tls: there is no certificate for TLS"];
    assert_eq!(told, expected);
    let told = without("pair = 'store-1'\n");
    assert_eq!(told, ["15 directory: it is not said which pair of the directory this is"]);
    let told = without("[directory]\nsqlite = '/var/lib/directory.db'\n");
    let expected = [
        "3 pair: without a directory it means nothing",
        "8 imap: nobody could log in without a directory",
        "11 pop3: nobody could log in without a directory",
        "16 proxy: without a directory it can log in for nobody",
    ];
    assert_eq!(told, expected);
    assert_eq!(without("'[::1]:993'"), ["9 imap.listen: nobody could read mail"]);
    assert_eq!(
        problems(&LARGE.replace("'/run/tls.key'", "'tls.key'")),
        ["15 tls.key: the file depends on where this is started"]
    );
    assert_eq!(
        problems(&LARGE.replace("'access'", "'a@b.org'")),
        ["19 proxy.name: a proxy cannot have this name"]
    );
    assert_eq!(problems(&LARGE.replace("'1h'\n[observe]", "'1s'\n[observe]")).len(), 1);
}

/// Catches a refusal that does not say what would be taken.
#[test]
fn a_word_that_is_none_is_told_with_those_that_are() {
    let told = problems(&SMALL.replace("store-1.example", "store_1.example"));
    let expected = "1 host: \"store_1.example\" is no name of a host: letters, digits and hyphens inside, with dots between such words, \
        255 octets at most, such as store-1.example";
    assert_eq!(told, [expected]);
    let told = problems(&LARGE.replace("mx2.example", "mx2 example"));
    assert!(told[0].starts_with("4 own_names") && told[0].contains("such as store-1.example"), "{told:?}");
    let told = problems(&LARGE.replace("'store-1'", "'Store 1'"));
    assert_eq!(told, ["3 pair: \"Store 1\" is no name of a pair: 1 to 63 of a-z, 0-9 and hyphens inside"]);
    let told = problems(&LARGE.replace("at-once", "always"));
    assert_eq!(told, ["10 imap.tls: unknown variant `always`, expected one of `starttls`, `at-once`, `off`"]);
}
