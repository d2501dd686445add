//! Commands: which may stand where, and what each does.

use super::actions::Actions;
use super::config::{Protocol, Tls};
use super::event::{Channel, Hello, HelloVerb};
use super::{Engine, Phase, replies};
use crate::command::{self, ClientName, Command, CommandError};
use crate::line::{COMMAND_OCTETS_MAX, LineError, LineReader};
use crate::reply::{Refusal, Reply};

impl Engine {
    pub(super) fn hear_line(&mut self, line: Result<Vec<u8>, LineError>, out: &mut Actions) {
        if let Some(end) = self.counters.command(&self.config.limits) {
            return self.close_with(&end, out);
        }
        match line.map(|line| command::parse(&line)) {
            Ok(Ok(command)) => self.obey(command, out),
            // What follows is content of unknown length: it must not be taken for commands.
            Ok(Err(error @ CommandError::Chunk)) => self.close_with(&error.refusal(), out),
            Ok(Err(error)) => self.fail(&error.refusal(), out),
            Err(LineError::TooLong) => self.fail(&replies::LINE_TOO_LONG, out),
            Err(LineError::Garbage) => self.close_with(&replies::LINE_TOO_LONG, out),
            Err(LineError::BareCr | LineError::BareLf) => self.close_with(&replies::BARE_END, out),
        }
    }

    fn obey(&mut self, command: Command, out: &mut Actions) {
        match (self.out_of_place(&command), command) {
            (Some(refusal), Command::Bdat(chunk)) => self.begin_skip(chunk.octets, refusal, out),
            (Some(refusal), _) => self.fail(&refusal, out),
            (None, Command::Ehlo(client)) => self.greet(HelloVerb::Ehlo, client, out),
            (None, Command::Helo(client)) => self.greet(HelloVerb::Helo, client, out),
            (None, Command::Lhlo(client)) => self.greet(HelloVerb::Lhlo, client, out),
            (None, Command::Mail(mail)) => self.begin_transaction(mail, out),
            (None, Command::Rcpt(rcpt)) => self.add_recipient(rcpt, out),
            (None, Command::Data) => self.begin_data(out),
            (None, Command::Bdat(chunk)) => self.begin_chunk(chunk, out),
            (None, Command::Rset) => {
                self.abandon(out);
                self.idle(&replies::OK, out);
            }
            (None, Command::Noop) => self.idle(&replies::OK, out),
            (None, Command::Vrfy) => self.idle(&replies::NOT_VERIFIED, out),
            (None, Command::Help) => self.idle(&replies::HELP, out),
            (None, Command::Quit) => {
                out.send(&replies::BYE);
                self.close(out);
            }
            (None, Command::StartTls) => self.begin_tls(out),
            (None, Command::Expn | Command::Auth(_)) => self.fail(&replies::NOT_OFFERED, out),
        }
    }

    /// Why a command may not stand here (RFC 5321, section 4.1.4).
    fn out_of_place(&self, command: &Command) -> Option<Refusal> {
        if self.config.tls == Tls::Required && self.channel == Channel::Clear && needs_tls(command) {
            return Some(replies::NEEDS_TLS);
        }
        match command {
            // RFC 2033, section 4.1.
            Command::Ehlo(_) | Command::Helo(_) if self.config.protocol == Protocol::Lmtp => {
                Some(replies::NOT_LMTP)
            }
            Command::Lhlo(_) if self.config.protocol == Protocol::Smtp => Some(replies::NOT_SMTP),
            Command::Mail(_) if self.hello.is_none() => Some(replies::NO_HELLO),
            Command::Mail(_) if self.transaction.is_some() => Some(replies::NESTED),
            Command::Rcpt(_) | Command::Data if self.is_in_chunks() => Some(replies::IN_CHUNKS),
            Command::Rcpt(_) if self.transaction.is_none() => Some(replies::NO_MAIL),
            Command::Data | Command::Bdat(_) => self.lacks_recipients(),
            Command::StartTls if self.config.tls == Tls::Unavailable => Some(replies::NOT_OFFERED),
            Command::StartTls if self.channel == Channel::Tls => Some(replies::HAS_TLS),
            _ => None,
        }
    }

    fn greet(&mut self, verb: HelloVerb, client: ClientName, out: &mut Actions) {
        self.abandon(out);
        self.hello = Some(Hello { verb, client });
        let reply = match verb {
            HelloVerb::Helo => replies::helo(&self.config),
            HelloVerb::Ehlo | HelloVerb::Lhlo => replies::ehlo(&self.config, self.channel),
        };
        self.idle(&reply, out);
    }

    /// Everything that was said in the clear is forgotten (RFC 3207, section 4.2).
    fn begin_tls(&mut self, out: &mut Actions) {
        self.abandon(out);
        self.hello = None;
        self.lines = LineReader::new(COMMAND_OCTETS_MAX);
        out.send(&replies::BEGIN_TLS);
        out.begin_tls();
        self.phase = Phase::Handshake;
    }

    /// Answers a command that brings no mail.
    fn idle(&mut self, reply: &Reply, out: &mut Actions) {
        out.send(reply);
        if let Some(end) = self.counters.idle(&self.config.limits) {
            self.close_with(&end, out);
        }
    }
}

/// RFC 3207, section 4: all but NOOP, EHLO, STARTTLS and QUIT.
fn needs_tls(command: &Command) -> bool {
    !matches!(
        command,
        Command::Noop
            | Command::Ehlo(_)
            | Command::Helo(_)
            | Command::Lhlo(_)
            | Command::StartTls
            | Command::Quit
    )
}
