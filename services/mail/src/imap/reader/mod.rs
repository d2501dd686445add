//! Takes commands with their literals from octets that a network cuts anywhere (RFC 3501, section 4.3; RFC 7888).
//!
//! What a client may make us hold is bounded by [`Limits`]. A literal that is too large is refused before it is
//! asked for; where it comes unasked (LITERAL+) it is passed over with the rest of its command, and when that has no end, the session ends.
//! Entry point: [`Reader::pull`].

mod line;

use super::command::Tag;
use bytes::Bytes;
use line::{Literal, literal_at_end, tag_of};
use memchr::memchr;

/// What is passed over of a command that is refused, before the session ends.
pub const DISCARD_OCTETS_MAX: u64 = 256 * 1024 * 1024;
/// What room is made for before it has come.
const RESERVE_OCTETS_MAX: usize = 64 * 1024;

/// Of one command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Of a line, its end included.
    pub line_octets_max: usize,
    /// Of lines and literals, the message of APPEND aside.
    pub command_octets_max: usize,
    /// Of the message of APPEND. Nothing: APPEND is a command like others.
    pub append_octets_max: usize,
}

impl Limits {
    /// For strangers.
    pub const BEFORE_LOGIN: Self =
        Self { line_octets_max: 8 * 1024, command_octets_max: 16 * 1024, append_octets_max: 0 };

    pub const fn after_login(append_octets_max: usize) -> Self {
        Self { line_octets_max: 64 * 1024, command_octets_max: 256 * 1024, append_octets_max }
    }
}

/// What has come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Input {
    /// A whole command with its literals, for [`super::command::parse`].
    Command(Bytes),
    /// A line that [`Reader::expect_line`] asked for, without its end.
    Line(Vec<u8>),
    /// So many octets follow. A client that waits wants `+` before it sends them.
    Literal { octets: usize, is_waiting: bool },
    /// Nothing more comes of this command.
    Refused { tag: Option<Tag>, error: TooLarge },
    /// Nobody knows what comes now: the session ends.
    Broken(Broken),
}

/// A literal that is not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TooLarge {
    #[error("a message may have {limit} octets")]
    Message { limit: usize },
    #[error("a command may have {limit} octets")]
    Command { limit: usize },
}

/// Why a session ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Broken {
    #[error("a line may have {limit} octets")]
    Line { limit: usize },
    #[error("a command that was refused has no end")]
    Endless,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Line,
    Literal {
        left: usize,
    },
    /// In a literal that is refused.
    Discard {
        left: u64,
    },
    /// In the line behind it.
    DiscardLine,
    Broken,
}

/// Holds what has come of a command.
#[derive(Clone, Debug)]
pub struct Reader {
    limits: Limits,
    state: State,
    held: Vec<u8>,
    /// Where the line that is being read begins.
    line_start: usize,
    discarded: u64,
    is_line_expected: bool,
}

impl Reader {
    pub fn new(limits: Limits) -> Self {
        Self {
            limits,
            state: State::Line,
            held: Vec::new(),
            line_start: 0,
            discarded: 0,
            is_line_expected: false,
        }
    }

    pub fn set_limits(&mut self, limits: Limits) {
        self.limits = limits;
    }

    /// The next line is no command: it answers a `+` (RFC 3501, section 6.2.2; RFC 2177).
    pub fn expect_line(&mut self) {
        self.is_line_expected = true;
    }

    /// Whether nothing has come of the next command yet.
    pub fn is_between_commands(&self) -> bool {
        self.state == State::Line && self.held.is_empty()
    }

    /// The next thing, if all of it has come. What it is made of is taken from the front of `input`.
    pub fn pull(&mut self, input: &mut &[u8]) -> Option<Input> {
        while !input.is_empty() {
            let done = match self.state {
                State::Broken => {
                    *input = &[];
                    None
                }
                State::Line => self.pull_line(input),
                State::Literal { left } => {
                    self.pull_literal(left, input);
                    None
                }
                State::Discard { .. } | State::DiscardLine => self.discard(input),
            };
            if done.is_some() {
                return done;
            }
        }
        None
    }

    fn pull_line(&mut self, input: &mut &[u8]) -> Option<Input> {
        let end = memchr(b'\n', input);
        let (piece, rest) = input.split_at(end.map_or(input.len(), |end| end + 1));
        *input = rest;
        if self.held.len() - self.line_start + piece.len() > self.limits.line_octets_max {
            return Some(self.broken(Broken::Line { limit: self.limits.line_octets_max }));
        }
        self.held.extend_from_slice(piece);
        end?;
        self.end_line()
    }

    /// A line is whole.
    fn end_line(&mut self) -> Option<Input> {
        self.normalize_end();
        if std::mem::take(&mut self.is_line_expected) {
            let mut line = self.take();
            line.truncate(line.len() - 2);
            return Some(Input::Line(line));
        }
        match literal_at_end(&self.held[self.line_start..]) {
            Some(literal) => Some(self.begin_literal(literal)),
            None => Some(Input::Command(self.take().into())),
        }
    }

    fn begin_literal(&mut self, literal: Literal) -> Input {
        let octets = usize::try_from(literal.octets).unwrap_or(usize::MAX);
        let Some(error) = self.too_large(octets) else {
            self.held.reserve(octets.min(RESERVE_OCTETS_MAX));
            self.line_start = self.held.len().saturating_add(octets);
            self.state = if octets == 0 { State::Line } else { State::Literal { left: octets } };
            return Input::Literal { octets, is_waiting: literal.is_waiting };
        };
        let tag = tag_of(&self.held);
        self.take();
        if !literal.is_waiting {
            self.discarded = 0;
            self.state = State::Discard { left: literal.octets };
        }
        Input::Refused { tag, error }
    }

    fn too_large(&self, octets: usize) -> Option<TooLarge> {
        let Limits { command_octets_max, append_octets_max, .. } = self.limits;
        let all = self.held.len().saturating_add(octets);
        if append_octets_max > 0 && line::is_append(&self.held) {
            let is_over = octets > append_octets_max || all > append_octets_max + command_octets_max;
            return is_over.then_some(TooLarge::Message { limit: append_octets_max });
        }
        (all > command_octets_max).then_some(TooLarge::Command { limit: command_octets_max })
    }

    fn pull_literal(&mut self, left: usize, input: &mut &[u8]) {
        let (piece, rest) = input.split_at(left.min(input.len()));
        *input = rest;
        self.held.extend_from_slice(piece);
        let left = left - piece.len();
        self.state = if left == 0 { State::Line } else { State::Literal { left } };
    }

    fn discard(&mut self, input: &mut &[u8]) -> Option<Input> {
        let taken = match self.state {
            State::Discard { left } => {
                let taken = usize::try_from(left).unwrap_or(usize::MAX).min(input.len());
                let left = left - taken as u64;
                self.state = if left == 0 { State::DiscardLine } else { State::Discard { left } };
                taken
            }
            _ => return self.discard_line(input),
        };
        *input = &input[taken..];
        self.count_discarded(taken)
    }

    fn discard_line(&mut self, input: &mut &[u8]) -> Option<Input> {
        let before = self.held.len();
        let end = memchr(b'\n', input);
        let (piece, rest) = input.split_at(end.map_or(input.len(), |end| end + 1));
        *input = rest;
        if before + piece.len() > self.limits.line_octets_max {
            return Some(self.broken(Broken::Line { limit: self.limits.line_octets_max }));
        }
        self.held.extend_from_slice(piece);
        if end.is_some() {
            self.normalize_end();
            let literal = literal_at_end(&self.take());
            self.state = match literal {
                Some(literal) if !literal.is_waiting => State::Discard { left: literal.octets },
                _ => State::Line,
            };
        }
        self.count_discarded(piece.len())
    }

    fn count_discarded(&mut self, octets: usize) -> Option<Input> {
        self.discarded += octets as u64;
        (self.discarded > DISCARD_OCTETS_MAX).then(|| self.broken(Broken::Endless))
    }

    /// The end of a line is CRLF from here on, also where a person typed it.
    fn normalize_end(&mut self) {
        if !self.held[self.line_start..].ends_with(b"\r\n") {
            self.held.pop();
            self.held.extend_from_slice(b"\r\n");
        }
    }

    fn take(&mut self) -> Vec<u8> {
        self.line_start = 0;
        std::mem::take(&mut self.held)
    }

    fn broken(&mut self, broken: Broken) -> Input {
        self.take();
        self.state = State::Broken;
        Input::Broken(broken)
    }
}

#[cfg(test)]
mod tests;
