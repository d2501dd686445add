use super::*;
use mail::config::Octets;

const SMALL: &str = "host = 'mx1.example'\nfolder = '/var/lib/inbound'\n[directory]\nsqlite = '/var/lib/mail/directory.db'\n\
    [smtp]\nlisten = ['127.0.0.1:25']\n[dns]\nservers = ['127.0.0.1:53']\n";

/// Each problem as line, key and words.
fn problems(text: &str) -> Vec<String> {
    let findings = config::parse::<Settings>(text).unwrap_err();
    let line =
        |found: &config::Finding| format!("{} {}: {}", found.line, found.problem.key, found.problem.what);
    findings.iter().map(line).collect()
}

#[test]
fn a_small_file_is_enough() {
    let settings = config::parse::<Settings>(SMALL).unwrap();
    assert_eq!(settings.postmaster().unwrap().to_string(), "postmaster@mx1.example");
    assert_eq!(settings.smtp.message_octets_max, Octets(50 << 20));
    assert_eq!(settings.authentication.dmarc_reject, Reject::Honour);
    assert!(settings.tls.is_none() && settings.greylisting.is_none() && settings.dnsbl.is_empty());
}

#[test]
fn a_large_file_says_everything() {
    let large = format!(
        "own_names = ['mx2.example']\npostmaster = 'root@example'\ndrain = '5s'\n{SMALL}timeout = '2s'\n\
         [tls]\ncertificates = '/a'\nkey = '/b'\n\
         [limits]\nexempt = ['10.0.0.0/8']\nmessages = {{ burst = 1, per_minute = 2 }}\n\
         [authentication]\nname = 'mail.example'\ndmarc_reject = 'note'\ntrusted_sealers = ['lists.example']\n\
         [[dnsbl]]\nzone = 'bl.example'\nanswers = ['127.0.0.2']\n[[dnsbl]]\nzone = 'other.example'\n\
         [greylisting]\nwait = '1min'\n[delivery]\nwhole = '1min'\n[observe]\nlisten = '[::1]:9125'\n"
    );
    let settings = config::parse::<Settings>(&large).unwrap();
    assert_eq!(settings.postmaster().unwrap().to_string(), "root@example");
    assert_eq!((settings.dnsbl.len(), settings.dnsbl[0].answers.len()), (2, 1));
    assert_eq!(settings.greylisting.unwrap().wait, Period::seconds(60));
    assert_eq!(settings.limits.messages.per_minute, 2);
    assert_eq!(settings.authentication.dmarc_reject, Reject::Note);
}

#[test]
fn what_cannot_work_is_told_at_its_line() {
    let bad = SMALL.replace("'/var/lib/inbound'", "'x'").replace("'127.0.0.1:53'", "")
        + "[authentication]\ntimeout = '2min'\n[[dnsbl]]\nzone = 'a.b'\nanswers = ['10.0.0.1']\n\
           [greylisting]\nwait = '2d'\n[limits]\nexempt = []\nconnections = { burst = 0, per_minute = 1 }\n\
           [delivery]\nwhole = '9min'\nconnections_max = 0\n";
    let expected = [
        "2 folder: the folder depends on where this is started",
        "8 dns.servers: nobody could be asked",
        "10 authentication.timeout: clients do not wait so long",
        "13 dnsbl[0].answers[0]: lists answer with addresses in 127.0.0.0/8",
        "14 greylisting.window: it is over before the wait is",
        "18 limits.connections: nobody could send",
        "20 delivery.whole: clients do not wait so long",
        "21 delivery.connections_max: nothing could be delivered",
    ];
    assert_eq!(problems(&bad), expected);
    let few =
        "listen = []\nrecipients_max = 99\nhops_max = 10\nmessage_octets_max = '1KiB'\noctets_max = '1B'\n";
    let told = problems(&SMALL.replace("listen = ['127.0.0.1:25']\n", few));
    assert_eq!(told.len(), 5, "{told:?}");
    assert!(problems(&SMALL.replace("mx1.example", "-")).concat().contains("host"));
    let wrong = format!("{SMALL}[limits]\nexempt = ['10.0.0.1/8']\n");
    assert!(problems(&wrong)[0].contains("no network"), "{:?}", problems(&wrong));
}
