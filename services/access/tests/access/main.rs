//! The daemon as a process, before real pairs (Dovecot) and before pairs that fail. One scenario for each file, named after what fails.

#![expect(clippy::unwrap_used, reason = "here a panic with its place is the message")]

mod account_without_mailbox;
mod backend_hangs_in_greeting;
mod backend_is_dead;
mod backend_is_somebody_else;
mod certificate_expires;
mod client_sends_a_byte_a_second;
mod clients;
mod configuration_is_wrong;
mod directory_is_down;
mod dovecot;
mod drain_lets_sessions_live;
mod house;
mod line;
mod mailbox_moved;
mod own_stores;
mod pair;
mod pipelined_behind_login;
mod starttls_injection;
mod thousand_idle_connections;
mod too_many_sessions;
mod wrong_passwords;
