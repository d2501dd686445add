//! Before the client is known (RFC 1939, section 4; RFC 2595, section 4; RFC 5034).

use super::event::{Action, LoginRefusal, MessageHead, Question};
use super::transaction::Transaction;
use super::{Command, Engine, Phase, REFUSALS_MAX, send, send_octets};
use crate::imap::capability::Channel;
use crate::login::PlainLogin;
use mail_parser::decoders::base64::base64_decode;

impl Engine {
    pub(super) fn tell_capabilities(&self, out: &mut Vec<Action>) {
        let mut lines =
            "+OK these\r\nTOP\r\nUIDL\r\nPIPELINING\r\nRESP-CODES\r\nAUTH-RESP-CODE\r\n".to_owned();
        if self.transaction.is_none() {
            lines += match self.channel {
                Channel::Clear => "STLS\r\n",
                Channel::Trusted | Channel::Tls => "USER\r\nSASL PLAIN\r\n",
            };
        }
        lines += ".\r\n";
        send_octets(lines.as_bytes(), out);
    }

    pub(super) fn obey_before_login(&mut self, command: Command, out: &mut Vec<Action>) {
        let is_clear = self.channel == Channel::Clear;
        match command {
            Command::Stls if is_clear => {
                self.phase = Phase::Handshake;
                self.name = None;
                send("+OK begin TLS now", out);
                out.push(Action::BeginTls);
            }
            Command::Stls => self.fail("there is no TLS to begin", out),
            Command::User(_) | Command::Pass(_) | Command::Auth { .. } if is_clear => {
                self.fail("begin TLS first", out);
            }
            Command::User(name) => {
                // Whether there is such a name is not told.
                self.name = Some(name);
                send("+OK and the password", out);
            }
            Command::Pass(password) => match self.name.take() {
                Some(name) => self.ask_to_log_in(PlainLogin::new(name, password), out),
                None => self.fail("who are you?", out),
            },
            Command::Auth { mechanism: None, .. } => send_octets(b"+OK these\r\nPLAIN\r\n.\r\n", out),
            Command::Auth { mechanism: Some(mechanism), .. } if mechanism != "PLAIN" => {
                self.fail("no such mechanism", out);
            }
            Command::Auth { initial: Some(initial), .. } => self.hear_sasl(&initial, out),
            Command::Auth { .. } => {
                self.phase = Phase::Sasl;
                send("+ ", out);
            }
            _ => self.fail("log in first", out),
        }
    }

    /// The message of PLAIN (RFC 4616, section 2).
    pub(super) fn hear_sasl(&mut self, line: &[u8], out: &mut Vec<Action>) {
        let message = match line {
            b"*" => return self.fail("as you like", out),
            line => base64_decode(line).unwrap_or_default(),
        };
        match PlainLogin::of_sasl(&message) {
            Some(login) => self.ask_to_log_in(login, out),
            None => self.fail("[AUTH] not a message of PLAIN", out),
        }
    }

    fn ask_to_log_in(&mut self, login: PlainLogin, out: &mut Vec<Action>) {
        self.phase = Phase::LoggingIn;
        out.push(Action::Ask(Question::LogIn(login)));
    }

    pub(super) fn begin(&mut self, messages: Vec<MessageHead>, out: &mut Vec<Action>) {
        let transaction = Transaction::new(messages);
        send(&format!("+OK {} messages", transaction.count()), out);
        self.transaction = Some(transaction);
        self.phase = Phase::Commands;
    }

    pub(super) fn refuse_login(&mut self, refusal: LoginRefusal, out: &mut Vec<Action>) {
        self.phase = Phase::Commands;
        match refusal {
            // Whoever guesses has to come again.
            LoginRefusal::TooMany => {
                self.close_with("-ERR [SYS/TEMP] too many wrong passwords; try again later", out);
            }
            LoginRefusal::InUse => send("-ERR [IN-USE] another session has the mailbox", out),
            LoginRefusal::Unavailable => send("-ERR [SYS/TEMP] nobody can log in now", out),
            LoginRefusal::WrongPassword => {
                self.refusals += 1;
                let line = "-ERR [AUTH] wrong name or password";
                match self.refusals < REFUSALS_MAX {
                    true => send(line, out),
                    false => self.close_with(line, out),
                }
            }
        }
    }
}
