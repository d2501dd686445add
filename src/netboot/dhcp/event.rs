//! What happened, for logs, counters and people.

use super::client::Client;
use super::firmware::Firmware;
use super::pool::Refusal;
use std::fmt;
use std::net::Ipv4Addr;
use std::sync::Arc;

/// One thing that happened on one interface.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    pub interface: Arc<str>,
    /// Who asked, once that is known.
    pub client: Option<Client>,
    /// Which machine its firmware says that it is (option 97), where it says so. Never an identity.
    pub machine: Option<[u8; 16]>,
    pub kind: EventKind,
}

/// What happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EventKind {
    /// An address is held for the client.
    Offered {
        address: Ipv4Addr,
        firmware: Firmware,
    },
    /// The client has the address, for the first time or again.
    Acknowledged {
        address: Ipv4Addr,
        firmware: Firmware,
    },
    /// The client must not use the address (DHCPNAK).
    Refused {
        address: Ipv4Addr,
        refusal: Refusal,
    },
    /// The client found somebody else at its address; nobody gets it for a while.
    Declined {
        address: Ipv4Addr,
    },
    Released {
        address: Ipv4Addr,
    },
    /// A client with an address of its own asked for the rest.
    Informed {
        address: Ipv4Addr,
    },
    /// Told what to boot, beside another server's offer.
    ProxyOffered {
        firmware: Firmware,
    },
    /// Told what to boot on port 4011, or when it asked us by name.
    ProxyAcknowledged {
        firmware: Firmware,
    },
    /// Every address of the network is taken.
    PoolExhausted {
        network: Arc<str>,
    },
    /// The client would boot, and there is nothing for its architecture.
    NothingToBoot {
        architectures: Vec<u16>,
    },
    /// These options did not fit into what the client takes.
    OptionsOmitted {
        codes: Vec<u8>,
    },
    /// No answer.
    Dropped {
        reason: DropReason,
    },
    /// Leases from before are no longer in any pool.
    LeasesForgotten {
        count: usize,
    },
    /// Leases could not be saved; so many clients were not answered.
    StoreFailed {
        unanswered: usize,
        error: String,
    },
    SendFailed {
        error: String,
    },
    ReceiveFailed {
        error: String,
    },
}

/// Why a message got no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum DropReason {
    Malformed,
    Bootp,
    NotARequest,
    UnknownType,
    NoClient,
    /// For another server.
    OtherServer,
    /// From a relay in no network of ours.
    UnknownRelay,
    /// Nothing to say beside another DHCP server.
    NotBooting,
    /// Not what port 4011 is for.
    WrongPort,
    /// No address where the message must have one.
    NoAddress,
    /// An address that we know nothing about: another server may.
    UnknownAddress,
    /// Option 82 leaves no room for an answer.
    RelayInformationLarge,
    /// The lease could not be saved.
    Unsaved,
    /// More messages than could be looked at.
    Overloaded,
}

impl DropReason {
    /// All of them, as the counters have them.
    pub const ALL: [Self; 14] = [
        Self::Malformed,
        Self::Bootp,
        Self::NotARequest,
        Self::UnknownType,
        Self::NoClient,
        Self::OtherServer,
        Self::UnknownRelay,
        Self::NotBooting,
        Self::WrongPort,
        Self::NoAddress,
        Self::UnknownAddress,
        Self::RelayInformationLarge,
        Self::Unsaved,
        Self::Overloaded,
    ];

    /// The label of a counter.
    pub fn label(self) -> &'static str {
        match self {
            Self::Malformed => "malformed",
            Self::Bootp => "bootp",
            Self::NotARequest => "not_a_request",
            Self::UnknownType => "unknown_type",
            Self::NoClient => "no_client",
            Self::OtherServer => "other_server",
            Self::UnknownRelay => "unknown_relay",
            Self::NotBooting => "not_booting",
            Self::WrongPort => "wrong_port",
            Self::NoAddress => "no_address",
            Self::UnknownAddress => "unknown_address",
            Self::RelayInformationLarge => "relay_information_large",
            Self::Unsaved => "unsaved",
            Self::Overloaded => "overloaded",
        }
    }
}

impl fmt::Display for Event {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}: ", self.interface)?;
        if let Some(client) = &self.client {
            write!(out, "{client} ")?;
        }
        self.kind.fmt(out)
    }
}

impl fmt::Display for EventKind {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Offered { address, firmware } => write!(out, "is offered {address} ({firmware:?})"),
            Self::Acknowledged { address, firmware } => write!(out, "has {address} ({firmware:?})"),
            Self::Refused { address, refusal } => write!(out, "must not use {address}: {refusal}"),
            Self::Declined { address } => write!(out, "found somebody else at {address}"),
            Self::Released { address } => write!(out, "gave {address} back"),
            Self::Informed { address } => write!(out, "asked at {address} for the rest"),
            Self::ProxyOffered { firmware } => write!(out, "is offered a boot file ({firmware:?})"),
            Self::ProxyAcknowledged { firmware } => write!(out, "is told its boot file ({firmware:?})"),
            Self::PoolExhausted { network } => write!(out, "gets no address: all of {network} are taken"),
            Self::NothingToBoot { architectures } => {
                write!(out, "would boot as architecture {architectures:?}, for which there is nothing")
            }
            Self::OptionsOmitted { codes } => write!(out, "has no room for options {codes:?}"),
            Self::Dropped { reason } => write!(out, "is not answered ({})", reason.label()),
            Self::LeasesForgotten { count } => write!(out, "{count} leases are in no pool any more"),
            Self::StoreFailed { unanswered, error } => {
                write!(out, "{unanswered} clients are not answered: {error}")
            }
            Self::SendFailed { error } => write!(out, "cannot send: {error}"),
            Self::ReceiveFailed { error } => write!(out, "cannot receive: {error}"),
        }
    }
}
