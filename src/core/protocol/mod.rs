//! What travels between a node and its site: JSON over HTTPS, both sides with a certificate.
//!
//! A node speaks of itself only: who it is follows from the key of its connection, never from a body.
//! `POST /v1/enrol` takes a [`report::Hello`], `POST /v1/report` a [`report::Report`]; both answer with an
//! [`instruction::Instruction`]. Everything is bounded: a body by [`BODY_BYTES_MAX`], texts by their readers.

pub mod heartbeat;
pub mod instruction;
pub mod inventory;
pub mod report;

/// The largest body of either direction.
pub const BODY_BYTES_MAX: usize = 256 << 10;
/// Where a node says hello, at each of its boots.
pub const ENROL_PATH: &str = "/v1/enrol";
/// Where it says how it goes on.
pub const REPORT_PATH: &str = "/v1/report";
/// The DHCP vendor class (option 60) of our own /init.
pub const VENDOR_CLASS: &str = "understudy-node";
/// The sub-option of DHCP option 43 with the node API's URL, under our vendor class (RFC 2132, section 8.4).
pub const SITE_SUBOPTION: u8 = 1;
