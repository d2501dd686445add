//! The command line.

use crate::verbs::{account, alias, domain, mailbox, pair, schema};
use clap::{Parser, Subcommand};
use mail::address::Mailbox;
use std::path::PathBuf;
use std::str::FromStr;

/// Manages domains, accounts, aliases and mailboxes of the mail daemons
#[derive(Debug, Parser)]
#[command(name = "mailctl", version)]
pub struct Arguments {
    /// Its settings: a TOML file with a table [directory]
    #[arg(
        long,
        global = true,
        env = "MAILCTL_CONFIG",
        value_name = "FILE",
        default_value = "/etc/mailctl.toml"
    )]
    pub config: PathBuf,
    /// Print JSON
    #[arg(long, global = true)]
    pub json: bool,
    #[command(subcommand)]
    pub word: Word,
}

#[derive(Debug, Subcommand)]
pub enum Word {
    /// The directory's tables
    Schema {
        #[command(subcommand)]
        verb: schema::Verb,
    },
    /// Pairs of machines that hold mailboxes
    Pair {
        #[command(subcommand)]
        verb: pair::Verb,
    },
    /// Domains whose mail comes here
    Domain {
        #[command(subcommand)]
        verb: domain::Verb,
    },
    /// Who logs in: password, lock, forwards
    Account {
        #[command(subcommand)]
        verb: account::Verb,
    },
    /// Addresses that lead to others
    Alias {
        #[command(subcommand)]
        verb: alias::Verb,
    },
    /// Which pair holds an account's mailbox, and how big it may be
    Mailbox {
        #[command(subcommand)]
        verb: mailbox::Verb,
    },
    /// Where mail to an address goes
    Resolve { address: Mailbox },
}

/// Something, or the word `none`.
#[derive(Clone, Debug)]
pub struct OrNone<T>(pub Option<T>);

impl<T: FromStr> FromStr for OrNone<T> {
    type Err = T::Err;

    fn from_str(text: &str) -> Result<Self, T::Err> {
        if text == "none" { Ok(Self(None)) } else { text.parse().map(|value| Self(Some(value))) }
    }
}

/// A character between user and tag.
#[derive(Clone, Copy, Debug)]
pub struct Separator(pub char);

impl FromStr for Separator {
    type Err = mail::directory::model::NameError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut letters = text.chars();
        match (letters.next(), letters.next()) {
            (Some(letter), None) if mail::directory::model::SEPARATORS.contains(letter) => Ok(Self(letter)),
            _ => Err(mail::directory::model::NameError::Separator),
        }
    }
}
