//! Python's imaplib and Perl's Mail::IMAPClient.

use crate::client::{python, run, stdout};
use crate::house::{House, PASSWORD, Plan};

const IMAPLIB: &str = r#"
import imaplib, sys, time
port, password = int(sys.argv[1]), sys.argv[3]
c = imaplib.IMAP4("127.0.0.1", port)
def ok(answer):
    assert answer[0] == "OK", answer
    return answer[1]
try:
    c.login("ann", "wrong")
    sys.exit("a wrong password was right")
except imaplib.IMAP4.error as error:
    assert "AUTHENTICATIONFAILED" in str(error), error
ok(c.login("ann", password))
ok(c.capability())
assert ok(c.namespace()) == [b'(("" "/")) NIL NIL']
ok(c.enable("CONDSTORE"))
ok(c.create('"work/two words"'))
ok(c.subscribe('"work/two words"'))
names = ok(c.list())
assert b'(\\HasNoChildren \\Sent) "/" "Sent"' in names, names
assert b'() "/" "work/two words"' in ok(c.lsub())
when = imaplib.Time2Internaldate(1000000000)
for number in range(5):
    text = f"From: ann@example.org\r\nSubject: number {number}\r\n\r\nbody {number}\r\n".encode()
    ok(c.append("INBOX", r"(\Seen)" if number % 2 else None, when, text))
assert ok(c.select("INBOX")) == [b"5"]
assert c.response("UIDNEXT")[1] == [b"6"]
assert ok(c.search(None, "UNSEEN")) == [b"1 3 5"]
assert ok(c.search("UTF-8", "SUBJECT", "\"number 3\"")) == [b"4"]
assert ok(c.uid("SEARCH", "BODY", "\"body 4\"")) == [b"5"]
assert ok(c.sort("REVERSE SUBJECT", "UTF-8", "ALL")) == [b"5 4 3 2 1"]
data = ok(c.fetch("2", "(UID FLAGS INTERNALDATE RFC822.SIZE BODY[])"))
assert imaplib.ParseFlags(data[0][0]) == (b"\\Seen", b"\\Recent"), data
assert time.mktime(imaplib.Internaldate2tuple(data[0][0])) == 1000000000, data
assert data[0][1] == b"From: ann@example.org\r\nSubject: number 1\r\n\r\nbody 1\r\n", data
assert ok(c.fetch("1", "(BODY.PEEK[TEXT]<0.4>)"))[0][1] == b"body"
ok(c.store("1:3", "+FLAGS", r"(\Flagged $Label1)"))
assert ok(c.search(None, "KEYWORD $label1")) == [b"1 2 3"]
ok(c.copy("1:2", '"work/two words"'))
assert ok(c.status('"work/two words"', "(MESSAGES UNSEEN)")) == [b'"work/two words" (MESSAGES 2 UNSEEN 1)']
ok(c.store("1", "+FLAGS", r"(\Deleted)"))
assert ok(c.expunge()) == [b"1"]
ok(c.uid("MOVE", "2", "Archive"))
assert ok(c.noop()) and ok(c.search(None, "ALL")) == [b"1 2 3"]
assert ok(c.getquotaroot("INBOX"))[0] == [b'"INBOX" ""']
ok(c.check())
ok(c.close())
ok(c.unsubscribe('"work/two words"'))
ok(c.delete('"work/two words"'))
ok(c.select("Archive", readonly=True))
ok(c.unselect())
c.logout()
"#;

const PERL: &str = r#"
use strict; use warnings; use Mail::IMAPClient;
my ($port, $password) = @ARGV;
my $c = Mail::IMAPClient->new(Server => "127.0.0.1", Port => $port, User => "ann", Password => $password, Uid => 1)
    or die "no connection: $@";
my $must = sub { my ($what, $got) = @_; die "$what: " . ($c->LastError // "") unless defined $got; return $got };
$must->("create", $c->create("Perl"));
$must->("append", $c->append_string("Perl", "Subject: from perl\r\n\r\nhello\r\n", '\\Flagged'));
$must->("select", $c->select("Perl"));
my @found = $c->search("SUBJECT", "perl");
die "found @found" unless "@found" eq "1";
die "message" unless $c->message_string(1) =~ /^Subject: from perl\r\n\r\nhello\r\n/;
my $hash = $must->("hash", scalar $c->fetch_hash("FLAGS", "RFC822.SIZE"));
die "flags $hash->{1}{FLAGS}" unless $hash->{1}{FLAGS} =~ /Flagged/;
die "subject" unless $c->subject(1) eq "from perl";
$must->("see", $c->see(1));
die "unseen" if $c->unseen_count;
$must->("move", $c->move("Archive", 1)); $c->expunge;
die "count" if $c->message_count("Perl");
die "quota" unless $c->has_capability("QUOTA");
$must->("idle", my $tag = $c->idle); $must->("done", $c->done($tag));
$must->("rename", $c->rename("Perl", "Perl2")); $must->("delete", $c->delete("Perl2"));
$c->logout;
print "done";
"#;

#[tokio::test(flavor = "multi_thread")]
async fn pythons_imaplib_reads_and_keeps_mail() {
    let house = House::open(Plan::default()).await;
    python(&house, IMAPLIB).await;
    house.until_empty().await;
    assert_eq!(house.number("mail_logins_total{listener=\"imap\",outcome=\"known\"}"), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn perls_client_reads_and_keeps_mail() {
    let house = House::open(Plan::default()).await;
    let said = stdout(run("perl", &["-e", PERL, &house.port(), PASSWORD], b"").await);
    assert_eq!(said, "done");
    house.until_empty().await;
}
