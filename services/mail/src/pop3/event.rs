//! What goes into an engine, and what comes out of it.

use crate::login::PlainLogin;

/// Something happened.
#[derive(Debug)]
pub enum Event<'a> {
    Greet,
    Received(&'a [u8]),
    /// The next octets of the message that [`Question::Read`] asked for.
    Content(&'a [u8]),
    Answer(Answer),
    /// All that was to be sent is on its way: wanted when [`super::Engine::holds_back`] says so.
    Sent,
    TlsBegun,
    Ended(Ended),
}

/// Why there is nothing more to come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    Gone,
    TimedOut,
    ShuttingDown,
}

/// What is to be done, in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    Send(Vec<u8>),
    /// One at a time.
    Ask(Question),
    /// When all was sent.
    BeginTls,
    /// When all was sent.
    Close,
}

/// What an engine cannot know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Question {
    LogIn(PlainLogin),
    /// The message at this place of the list that was given, as far as [`super::Engine::wants_content`] says.
    Read(usize),
    /// Those at these places, for good.
    Delete(Vec<usize>),
}

/// What is answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// The messages as they are now; they stay so for the session (RFC 1939, section 5).
    LoggedIn(Vec<MessageHead>),
    Refused(LoginRefusal),
    /// All of the message went in.
    ContentEnds,
    /// It cannot be read. Content that went in before is no message: the session ends.
    NoContent,
    /// Whether all were deleted.
    Committed(bool),
}

/// Why somebody may not come in (RFC 2449, section 8.1; RFC 3206).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LoginRefusal {
    WrongPassword,
    /// After so many wrong ones that none is compared any more.
    TooMany,
    InUse,
    Unavailable,
}

/// A message in the list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MessageHead {
    pub octets: u64,
    /// For UIDL: 1 to 70 printable letters (RFC 1939, section 7). Others are not told of.
    pub id: String,
}
