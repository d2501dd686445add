//! Port 25: mail of the whole world comes in here, is checked, and is in its mailstores before its client hears 250.
//!
//! # The way of a message
//!
//! | module | what it does | starts at |
//! | --- | --- | --- |
//! | [`policy`] | the answers to MAIL, RCPT and messages | [`policy::Inbound`] |
//! | [`gate`] | what is asked of a client first | [`gate::Gate`] |
//! | [`rates`] | how much a client may bring | [`rates::Rates::take`] |
//! | [`dnsbl`] | lists of clients | [`dnsbl::Lists::listed`] |
//! | [`greylisting`] | who has never been here comes again | [`greylisting::Greylist::ask`] |
//! | [`trace`] | what the header says of the way here, forged or ours | [`trace::header::read`], [`trace::forged::places`], [`trace::Received`] |
//! | [`authentication`] | SPF, DKIM, DMARC and ARC; Authentication-Results | [`authentication::Authenticator::check`] |
//! | [`filter`] | engines that look into a message: order, times, failures | [`filter::Filter`], [`filter::Chain::check`] |
//! | [`delivery`] | by LMTP to all mailstores at once; one answer for all recipients | [`delivery::Mailstores::deliver`], [`delivery::answer`] |
//!
//! # What it stands on
//!
//! | module | what it does | starts at |
//! | --- | --- | --- |
//! | [`daemon`] | `inbound --config FILE`: listeners, signals, metrics, health | [`daemon::run`] |
//! | [`settings`] | its file | [`settings::Settings`] |
//! | [`dns`] | the resolvers that the file names | [`dns::Dns`] |
//! | [`network`], [`numbers`], [`replies`] | prefixes; what is counted; what clients hear | |
//!
//! It keeps nothing that is not in memory or in a file without a name: what was not answered with 250, its client still has. It never
//! makes a report of failure, opens no message for writing, and asks no resolver that its file does not name.

pub mod authentication;
pub mod daemon;
pub mod delivery;
pub mod dns;
pub mod dnsbl;
pub mod filter;
pub mod gate;
pub mod greylisting;
pub mod network;
pub mod numbers;
pub mod policy;
pub mod rates;
pub mod replies;
pub mod settings;
pub mod trace;
