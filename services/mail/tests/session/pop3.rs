//! POP3 clients that others wrote, over loopback: Python's poplib and curl.

use mail::imap::capability::Channel;
use mail::pop3::{Action, Answer, Engine, Event, LoginRefusal, MessageHead, Question};
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::thread::JoinHandle;

const MESSAGES: [&str; 2] = ["Subject: one\r\n\r\n.dot\r\n", "Subject: two\r\n\r\n1\r\n2\r\n"];

const POPLIB: &str = r#"
import poplib, sys
p = poplib.POP3("127.0.0.1", int(sys.argv[1]), timeout=20)
capabilities = p.capa()
assert "UIDL" in capabilities and capabilities["SASL"] == ["PLAIN"], capabilities
try:
    p.user("me"); p.pass_("wrong")
    sys.exit("it was taken")
except poplib.error_proto as error:
    assert b"-ERR [AUTH]" in error.args[0], error
p.user("me"); p.pass_("secret")
assert p.stat() == (2, 44), p.stat()
assert p.list()[1] == [b"1 22", b"2 22"] and p.uidl()[1] == [b"1 0", b"2 1"]
assert p.retr(1)[1] == [b"Subject: one", b"", b".dot"], p.retr(1)
assert p.top(2, 1)[1] == [b"Subject: two", b"", b"1"]
p.dele(1)
assert p.stat()[0] == 1
p.quit()
"#;

/// One session on a port of its own; at its end the messages that were deleted.
fn serve() -> (String, JoinHandle<Vec<usize>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port().to_string();
    let session = std::thread::spawn(move || {
        let (mut socket, _) = listener.accept().unwrap();
        let mut engine = Engine::new(Channel::Trusted);
        let (mut deleted, mut buffer) = (Vec::new(), [0; 4096]);
        let mut is_open = act(&mut engine, Event::Greet, &mut socket, &mut deleted);
        while is_open {
            let octets = socket.read(&mut buffer).unwrap();
            is_open =
                octets > 0 && act(&mut engine, Event::Received(&buffer[..octets]), &mut socket, &mut deleted);
        }
        deleted
    });
    (port, session)
}

/// Whether the session goes on.
fn act(engine: &mut Engine, event: Event<'_>, socket: &mut TcpStream, deleted: &mut Vec<usize>) -> bool {
    for action in engine.step(event) {
        let answer = match action {
            Action::Send(octets) => {
                socket.write_all(&octets).unwrap();
                continue;
            }
            Action::Close | Action::BeginTls => return false,
            Action::Ask(Question::LogIn(login))
                if (&login.name[..], login.password.reveal()) == (b"me", b"secret") =>
            {
                let head = |(at, text): (usize, &&str)| MessageHead {
                    octets: text.len() as u64,
                    id: at.to_string(),
                };
                Answer::LoggedIn(MESSAGES.iter().enumerate().map(head).collect())
            }
            Action::Ask(Question::LogIn(_)) => Answer::Refused(LoginRefusal::WrongPassword),
            Action::Ask(Question::Read(place)) => {
                assert!(act(engine, Event::Content(MESSAGES[place].as_bytes()), socket, deleted));
                Answer::ContentEnds
            }
            Action::Ask(Question::Delete(places)) => {
                deleted.extend(places);
                Answer::Committed(true)
            }
        };
        if !act(engine, Event::Answer(answer), socket, deleted) {
            return false;
        }
    }
    true
}

#[test]
fn pythons_poplib_reads_mail() {
    let (port, session) = serve();
    crate::peers::run("python3", &["-c", POPLIB, &port], "");
    assert_eq!(session.join().unwrap(), [0]);
}

#[test]
fn curl_reads_mail_over_pop3() {
    let (port, session) = serve();
    let url = format!("pop3://127.0.0.1:{port}/1");
    let said = crate::peers::run("curl", &["-sS", "-m", "20", "-u", "me:secret", &url], "");
    assert_eq!(said, "Subject: one\r\n\r\n.dot\r\n");
    assert!(session.join().unwrap().is_empty());
}
