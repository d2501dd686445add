//! One message: sender, recipients, content, and an answer for each recipient that was accepted (RFC 2033, section 4.2).
//! Or only the question whether it would be taken: sender, recipients, RSET.

use super::connection::Connection;
use super::replies::Heard;
use super::{Envelope, LmtpError, Outcome};
use crate::content::Content;
use crate::data::dots::Encoder;
use crate::reply::{Refusal, Status, Text};
use std::error::Error;

/// Of a recipient that was only asked for.
const WOULD_BE_TAKEN: Outcome = Outcome::Delivered(Text::fixed("Would be taken"));

/// Commands that are sent before the first of their answers is read: few enough for both to fit what the system holds, so that nobody
/// waits for the other (RFC 2920, section 3.1).
const GROUP_MAX: usize = 50;

/// What is known of each recipient.
pub(super) struct Told {
    outcomes: Vec<Option<Outcome>>,
    /// Whether the server has answered anything.
    is_fresh: bool,
    /// Whether nothing of the message is left on the connection.
    is_clean: bool,
}

impl Told {
    pub(super) fn new(recipients: usize) -> Self {
        Self { outcomes: vec![None; recipients], is_fresh: true, is_clean: false }
    }

    /// Nothing was answered, so nothing can have been delivered.
    pub(super) fn is_fresh(&self) -> bool {
        self.is_fresh
    }

    pub(super) fn is_clean(&self) -> bool {
        self.is_clean
    }

    /// One for each recipient. Those that nobody told of are to come again.
    pub(super) fn outcomes(self, failure: Option<&LmtpError>) -> Vec<Outcome> {
        let reason = failure.map_or_else(|| "The server did not answer".to_owned(), chain);
        self.outcomes
            .into_iter()
            .map(|outcome| outcome.unwrap_or_else(|| Outcome::temporary(&reason)))
            .collect()
    }

    fn all(&mut self, outcome: &Outcome) {
        for place in &mut self.outcomes {
            place.get_or_insert_with(|| outcome.clone());
        }
    }

    /// Nothing follows for those who were not refused.
    fn would_be_taken(&mut self, is_clean: bool) {
        if is_clean {
            self.all(&WOULD_BE_TAKEN);
        }
        self.is_clean = is_clean;
    }

    /// Those who were not refused.
    fn open(&self) -> Vec<usize> {
        (0..self.outcomes.len()).filter(|&number| self.outcomes[number].is_none()).collect()
    }
}

/// An error with its causes.
fn chain(error: &LmtpError) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    text
}

/// What a connection is for.
pub(super) struct Errand<'a> {
    pub(super) envelope: &'a Envelope,
    /// Of the message; 0 where nobody knows yet.
    pub(super) octets: u64,
    /// None: it is only asked for.
    pub(super) content: Option<&'a Content>,
}

/// What stands in the place of a command in a group.
enum Command {
    Mail,
    Rcpt(usize),
    Data,
    Reset,
}

pub(super) async fn send(
    connection: &mut Connection,
    errand: &Errand<'_>,
    told: &mut Told,
) -> Result<(), LmtpError> {
    if let Some(refusal) = impossible(connection, errand) {
        told.all(&Outcome::Permanent(refusal));
        told.is_clean = true;
        return Ok(());
    }
    let is_awaited = introduce(connection, errand, told).await?;
    let Some(content) = errand.content else {
        told.would_be_taken(is_awaited);
        return Ok(());
    };
    if !is_awaited {
        return Ok(());
    }
    send_content(connection, content).await?;
    for number in told.open() {
        let heard = connection.reply(connection.timeouts.answer).await?;
        told.outcomes[number] = Some(outcome(&heard));
        if heard.code == 421 {
            return Err(LmtpError::Closed);
        }
    }
    told.is_clean = true;
    Ok(())
}

/// Why the server would not take it, whenever we come.
fn impossible(connection: &Connection, errand: &Errand<'_>) -> Option<Refusal> {
    let offers = connection.offers;
    let refuse = |code, subject, detail, text| Refusal::new(code, Status::new(subject, detail), text).ok();
    if errand.envelope.is_utf8 && !offers.utf8 {
        // RFC 6531, section 3.2.
        return refuse(550, 6, 7, "The mailbox's server does not take addresses beyond ASCII");
    }
    if offers.octets_max.is_some_and(|octets_max| errand.octets > octets_max) {
        return refuse(552, 3, 4, "Message too big for the mailbox's server");
    }
    None
}

/// Everything up to 354, or up to the answer to RSET. Whether that one came.
async fn introduce(
    connection: &mut Connection,
    errand: &Errand<'_>,
    told: &mut Told,
) -> Result<bool, LmtpError> {
    let recipients = (0..errand.envelope.recipients.len()).map(Command::Rcpt);
    let last = if errand.content.is_some() { Command::Data } else { Command::Reset };
    let commands: Vec<_> =
        std::iter::once(Command::Mail).chain(recipients).chain(std::iter::once(last)).collect();
    let group_max = if connection.offers.pipelining { GROUP_MAX } else { 1 };
    let mut is_awaited = false;
    for group in commands.chunks(group_max) {
        // Without anybody to receive it there is no message.
        if told.open().is_empty() {
            return Ok(false);
        }
        let mut text = String::new();
        for command in group {
            text.push_str(&command.text(connection, errand));
        }
        connection.write(text.as_bytes(), connection.timeouts.command).await?;
        for command in group {
            let heard = connection.reply(connection.timeouts.command).await?;
            // It may have been said long ago, to a connection that waited.
            if heard.code == 421 && told.is_fresh {
                return Err(LmtpError::Closed);
            }
            told.is_fresh = false;
            is_awaited |= command.answered(&heard, told)?;
        }
    }
    Ok(is_awaited)
}

impl Command {
    fn text(&self, connection: &Connection, errand: &Errand<'_>) -> String {
        let envelope = errand.envelope;
        match self {
            Self::Mail => {
                let offers = connection.offers;
                let size = if offers.size { format!(" SIZE={}", errand.octets) } else { String::new() };
                // What was taken with 8BITMIME may have eight bits, and so may what was taken without it.
                let body = if offers.eight_bit { " BODY=8BITMIME" } else { "" };
                let utf8 = if envelope.is_utf8 { " SMTPUTF8" } else { "" };
                format!("MAIL FROM:{}{size}{body}{utf8}\r\n", envelope.from)
            }
            Self::Rcpt(number) => format!("RCPT TO:{}\r\n", envelope.recipients[*number]),
            Self::Data => "DATA\r\n".to_owned(),
            Self::Reset => "RSET\r\n".to_owned(),
        }
    }

    /// Whether the content is awaited now, or nothing more.
    fn answered(&self, heard: &Heard, told: &mut Told) -> Result<bool, LmtpError> {
        if heard.code == 421 {
            told.all(&outcome(heard));
            return Err(LmtpError::Closed);
        }
        match self {
            Self::Mail if !heard.is_success() => told.all(&outcome(heard)),
            Self::Rcpt(number) if !heard.is_success() => {
                told.outcomes[*number].get_or_insert_with(|| outcome(heard));
            }
            // A message for nobody: the server breaks RFC 2033, section 4.2, and nobody knows what it waits for.
            Self::Data if heard.code == 354 && told.open().is_empty() => {
                return Err(LmtpError::Unexpected {
                    answer: heard.to_string(),
                    to: "to DATA without recipients",
                });
            }
            Self::Data if heard.code == 354 => return Ok(true),
            Self::Data => told.all(&outcome(heard)),
            Self::Reset => return Ok(heard.is_success()),
            Self::Mail | Self::Rcpt(_) => {}
        }
        Ok(false)
    }
}

async fn send_content(connection: &mut Connection, content: &Content) -> Result<(), LmtpError> {
    let (mut reader, mut encoder) = (content.reader(), Encoder::default());
    let mut wire = Vec::new();
    while let Some(piece) = reader.next().await.map_err(LmtpError::Content)? {
        encoder.encode(&piece, &mut wire);
        connection.write(&wire, connection.timeouts.piece).await?;
        wire.clear();
    }
    encoder.finish(&mut wire);
    connection.write(&wire, connection.timeouts.piece).await
}

fn outcome(heard: &Heard) -> Outcome {
    match heard.code {
        200..=299 => Outcome::Delivered(heard.text()),
        500..=599 => Outcome::Permanent(heard.refusal()),
        _ => Outcome::Temporary(heard.refusal()),
    }
}
