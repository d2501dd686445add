//! What a server answers: reply lines, cut anywhere by the network (RFC 5321, section 4.2; RFC 2034).
//!
//! Bounded in lines and octets. A line may end with LF alone: nothing hangs on where a text ends. Pure. Entry point:
//! [`ReplyReader::pull`].

use crate::reply::{Refusal, Status, Text};
use memchr::memchr;
use std::fmt;

/// Of one line; the RFC has 512 (section 4.5.3.1.5), and servers that say more.
pub const LINE_OCTETS_MAX: usize = 2048;
/// Of one reply.
pub const LINES_MAX: usize = 100;

/// A reply is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReplyError {
    #[error("a reply begins with a code of three digits and a space or a hyphen")]
    NoCode,
    #[error("the lines of a reply have the same code")]
    OtherCode,
    #[error("a reply line has more than {LINE_OCTETS_MAX} octets")]
    LineTooLong,
    #[error("a reply has more than {LINES_MAX} lines")]
    TooManyLines,
}

/// A whole reply.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Heard {
    pub code: u16,
    /// What stands behind the code in each line, as far as it is UTF-8.
    pub lines: Vec<String>,
}

/// Holds the beginning of a reply until its end has come.
#[derive(Clone, Debug, Default)]
pub struct ReplyReader {
    line: Vec<u8>,
    code: Option<u16>,
    lines: Vec<String>,
}

impl ReplyReader {
    /// The next reply, if all of it has come. What it is made of is taken from the front of `input`, and nothing behind it; without a
    /// whole reply all of `input` is taken. Behind an error nothing can be believed.
    pub fn pull(&mut self, input: &mut &[u8]) -> Option<Result<Heard, ReplyError>> {
        loop {
            let end = memchr(b'\n', input);
            let (part, rest) = input.split_at(end.unwrap_or(input.len()));
            if self.line.len() + part.len() > LINE_OCTETS_MAX {
                return Some(Err(ReplyError::LineTooLong));
            }
            self.line.extend_from_slice(part);
            *input = rest.get(1..).unwrap_or_default();
            end?;
            let line = std::mem::take(&mut self.line);
            match self.take(line.strip_suffix(b"\r").unwrap_or(&line)) {
                Ok(None) => {}
                Ok(Some(heard)) => return Some(Ok(heard)),
                Err(error) => return Some(Err(error)),
            }
        }
    }

    fn take(&mut self, line: &[u8]) -> Result<Option<Heard>, ReplyError> {
        let (digits, rest) = line.split_at_checked(3).ok_or(ReplyError::NoCode)?;
        let code = code(digits).ok_or(ReplyError::NoCode)?;
        if self.code.is_some_and(|before| before != code) {
            return Err(ReplyError::OtherCode);
        }
        let (is_last, text) = match rest {
            [] => (true, rest),
            [b' ', text @ ..] => (true, text),
            [b'-', text @ ..] => (false, text),
            _ => return Err(ReplyError::NoCode),
        };
        if self.lines.len() == LINES_MAX {
            return Err(ReplyError::TooManyLines);
        }
        self.lines.push(String::from_utf8_lossy(text).into_owned());
        self.code = Some(code);
        if !is_last {
            return Ok(None);
        }
        self.code = None;
        Ok(Some(Heard { code, lines: std::mem::take(&mut self.lines) }))
    }
}

fn code(digits: &[u8]) -> Option<u16> {
    let [first @ b'2'..=b'5', second @ b'0'..=b'9', third @ b'0'..=b'9'] = digits else { return None };
    Some(digits_value(*first) * 100 + digits_value(*second) * 10 + digits_value(*third))
}

fn digits_value(digit: u8) -> u16 {
    u16::from(digit - b'0')
}

impl Heard {
    pub fn is_success(&self) -> bool {
        self.code / 100 == 2
    }

    /// Status and text of its first line. A status of another class than the code's is text.
    fn first(&self) -> (Option<Status>, &str) {
        let line = self.lines.first().map_or("", String::as_str);
        let status = line.split_once(' ').or(Some((line, ""))).and_then(|(word, text)| {
            let mut numbers = word.split('.');
            let class = numbers.next()?.parse::<u16>().ok()?;
            let (subject, detail) = (number(numbers.next()?)?, number(numbers.next()?)?);
            let is_one = class == self.code / 100 && numbers.next().is_none();
            is_one.then_some((Status::new(subject, detail), text))
        });
        status.map_or((None, line), |(status, text)| (Some(status), text))
    }

    /// What it says, for people.
    pub fn text(&self) -> Text {
        Text::of(self.first().1)
    }

    /// As a refusal of ours. A reply that refuses nothing, and 421, which is about another connection, are one for now.
    pub fn refusal(&self) -> Refusal {
        let (status, text) = self.first();
        let code = match self.code {
            421 => 451,
            code @ 400..=599 => code,
            _ => 451,
        };
        let status = status.filter(|_| self.code >= 400).unwrap_or(Status::new(0, 0));
        let rounded = if code < 500 { 450 } else { 550 };
        let refusal = Refusal::new(code, status, text).or_else(|_| Refusal::new(rounded, status, text));
        refusal.expect("450 and 550 are codes of refusals")
    }
}

/// `1*3DIGIT` (RFC 3463, section 2).
fn number(digits: &str) -> Option<u16> {
    let is_number = (1..=3).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then(|| digits.parse().ok()).flatten()
}

impl fmt::Display for Heard {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{} {}", self.code, Text::of(&self.lines.join(" ")).as_str())
    }
}

#[cfg(test)]
#[path = "replies_tests.rs"]
mod tests;
