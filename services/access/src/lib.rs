//! `access`: the front end of IMAP and POP3. Clients log in here, and are handed over to the pair of machines that holds their mailbox.
//!
//! | module | what it does | starts at |
//! | --- | --- | --- |
//! | [`front`] | what is said until the client is known; a pure engine for each protocol | [`front::Engine::step`] |
//! | [`backend`] | logs in to a pair as the client's account | [`backend::Backend::open`] |
//! | [`pairs`] | from an account to its pair, also when the mailbox has just moved | [`pairs::Pairs::open`] |
//! | [`splice`] | carries octets both ways until one side leaves | [`splice::Splice::run`] |
//! | [`session`] | one connection: drives [`front`], asks, hands over | [`session::Server`] |
//! | [`numbers`] | what is counted | |
//! | [`daemon`] | the settings file, listeners, certificates, the end | [`daemon::run`] |
//!
//! Nothing of a mailbox is kept or understood here: behind the login every octet is the pair's and the client's. A password is never sent
//! on; the pair trusts this front end by a secret of its own. A directory or a pair that does not answer is never a wrong password.

pub mod backend;
pub mod daemon;
pub mod front;
pub mod numbers;
pub mod pairs;
pub mod session;
pub mod splice;

use std::fmt;

/// What is spoken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Protocol {
    Imap,
    Pop3,
}

impl Protocol {
    /// In logs and metrics.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Imap => "imap",
            Self::Pop3 => "pop3",
        }
    }
}

impl fmt::Display for Protocol {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.word())
    }
}
