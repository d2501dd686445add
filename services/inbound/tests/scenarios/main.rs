//! `inbound` with real mailstores, a real resolver, and clients that others wrote. One scenario, one file.

#![expect(clippy::unwrap_used, reason = "here a panic with its place is the message")]

mod client;
mod dns;
mod house;
mod mailstore;
mod peer;
mod process;

mod a_mailstore_does_not_know_the_account;
mod a_message_loops;
mod authentication_results;
mod clients;
mod directory_is_down;
mod disconnect_in_data;
mod dmarc_reject;
mod dns_is_down;
mod dnsbl;
mod drain;
mod filters;
mod forward_elsewhere;
mod greylisting;
mod killed;
mod mailbox_full;
mod mailstore_dies_before_250;
mod one_of_two_mailstores_refuses;
mod rates;
mod signed;
mod smuggled;
mod startup;
mod unknown_recipient;
