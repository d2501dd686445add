//! The network cuts where it likes, and the policy takes its time: nothing that can be seen from outside depends on it.

use crate::party::{Party, Seen, config};
use mail::data::LongLines;
use mail::engine::{Action, Config, Ended, Engine, Event, Limits, Protocol, Tls};
use mail::reply::Text;
use proptest::prelude::*;
use std::sync::Arc;

/// What a client may say, sense and nonsense.
fn words() -> impl Strategy<Value = String> {
    prop_oneof![
        6 => "(EHLO|LHLO|HELO) [a-z_]{0,3}\r\n",
        8 => "MAIL FROM:<(a@b|green@b|\"x>\"@b)?>( SIZE=[0-9]{1,4}| BODY=8BITMIME| SMTPUTF8| RET=HDRS)?\r\n",
        12 => "RCPT TO:<(c|green|grey|full|\u{e9}|postmaster)(@d)?>( NOTIFY=NEVER)?\r\n",
        6 => Just("DATA\r\n".to_owned()),
        6 => "[.a]{0,3}(\r\n[.a]{0,3}){0,3}(\r\n)?\\.\r\n",
        4 => "(MAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\n){1}(RCPT TO:<full@d>\r\n)?DATA\r\n([.a]{0,3}\r\n){0,3}\\.\r\n",
        4 => "BDAT [0-9]{1,2}( LAST)?\r\n[a.\r\n]{0,12}",
        4 => "(RSET|NOOP|QUIT|VRFY x|STARTTLS|FOO|HELP|)\r\n",
        2 => "[a\r\n.]{0,6}",
        1 => "x{2040,2060}\r\n",
    ]
}

fn session(protocol: Protocol, tls: Tls, input: &str, size: usize) -> Vec<Seen> {
    let limits = Limits { recipients_max: 3, errors_max: 8, idle_max: 6, ..Limits::default() };
    let base = config(protocol);
    let config = Config { tls, message_octets_max: 20, long_lines: LongLines::Refuse, limits, ..base };
    let mut party = Party::new(config);
    party.receive(input.as_bytes(), size);
    party.end(Ended::TimedOut);
    party.seen
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn any_split_of_the_input_gives_the_same_actions(
        said in prop::collection::vec(words(), 0..20),
        is_lmtp in any::<bool>(),
        tls in prop::sample::select(vec![Tls::Offered, Tls::Required, Tls::Unavailable]),
        size in 1..40usize,
    ) {
        let (protocol, hello) =
            if is_lmtp { (Protocol::Lmtp, "LHLO x\r\n") } else { (Protocol::Smtp, "EHLO x\r\n") };
        let input = format!("{hello}{}", said.concat());
        let whole = session(protocol, tls, &input, usize::MAX);
        prop_assert_eq!(&whole, &session(protocol, tls, &input, size));
        holds(&whole);
    }

    /// Answers that come late, when more has arrived meanwhile, are the same answers.
    #[test]
    fn a_slow_policy_gives_the_same_dialogue(said in prop::collection::vec(words(), 0..20), size in 1..40usize) {
        let input = format!("EHLO x\r\n{}", said.concat());
        prop_assert_eq!(with_late_answers(&input, size, 0), with_late_answers(&input, size, 3));
    }

    #[test]
    fn messages_arrive_as_they_were_sent(contents in prop::collection::vec("([.a-c\u{e4}]{0,6}\r\n){0,6}", 1..6), size in 1..40usize) {
        let mut wire = b"EHLO x\r\n".to_vec();
        for (number, content) in contents.iter().enumerate() {
            wire.extend(b"MAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\n");
            if number % 2 == 0 {
                wire.extend(b"DATA\r\n");
                mail::data::dots::encode(content.as_bytes(), &mut wire);
            } else {
                wire.extend(format!("BDAT {} LAST\r\n{content}", content.len()).bytes());
            }
        }
        let mut party = Party::smtp();
        party.receive(&wire, size);
        let arrived: Vec<_> = party.messages().into_iter().map(|(_, content)| content.to_owned()).collect();
        prop_assert_eq!(arrived, contents);
    }

    #[test]
    fn any_octets_are_answered_without_panic(octets in prop::collection::vec(any::<u8>(), 0..400)) {
        let mut party = Party::smtp();
        party.receive(&octets, 33);
        let mut party = Party::smtp();
        party.receive(b"EHLO x\r\nMAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nDATA\r\n", 1000);
        party.receive(&octets, 33);
    }
}

/// Whatever was said: the end is told once, every reply is one, and a message has somebody to receive it.
fn holds(seen: &[Seen]) {
    let ends = seen.iter().filter(|&seen| *seen == Seen::Closed).count();
    assert!(ends == 1 || seen.contains(&Seen::TlsBegun), "{seen:?}");
    for part in seen {
        match part {
            Seen::Said(text) => {
                for line in text.lines() {
                    assert!(line[..3].parse::<u16>().is_ok_and(|code| (214..=555).contains(&code)), "{line}");
                }
            }
            Seen::Message(message, content) => {
                assert!((1..=3).contains(&message.envelope.recipients.len()) && content.len() <= 20);
            }
            Seen::Abandoned | Seen::TlsBegun | Seen::Closed => {}
        }
    }
}

/// Everything that was said to the client, where an answer comes only after so many more pieces.
fn with_late_answers(input: &str, size: usize, late: usize) -> Vec<u8> {
    let mut engine = Engine::new(Arc::new(Config { tls: Tls::Unavailable, ..config(Protocol::Smtp) }));
    let mut said = Vec::new();
    let mut open = take(engine.step(Event::Greet), &mut said);
    let mut waited = 0;
    for piece in input.as_bytes().chunks(size) {
        while let Some(answer) = open.take_if(|_| waited >= late) {
            waited = 0;
            open = take(engine.step(answer), &mut said);
        }
        waited += 1;
        let next = take(engine.step(Event::Received(piece)), &mut said);
        assert!(open.is_none() || next.is_none(), "two questions at once");
        open = open.or(next);
    }
    while let Some(answer) = open.take() {
        open = take(engine.step(answer), &mut said);
    }
    said
}

fn take(actions: Vec<Action>, said: &mut Vec<u8>) -> Option<Event<'static>> {
    let mut open = None;
    for action in actions {
        match action {
            Action::Send(text) => said.extend(text),
            Action::Ask(mail::engine::Question::Message(message)) => {
                let outcomes = message.envelope.recipients.iter().map(|_| Ok(Text::of("stored"))).collect();
                open = Some(Event::Delivered(outcomes));
            }
            Action::Ask(_) => open = Some(Event::Verdict(Ok(()))),
            Action::Content(_) | Action::Abandon | Action::BeginTls | Action::Close => {}
        }
    }
    open
}
