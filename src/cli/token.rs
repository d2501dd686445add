//! `understudy token`: who may use the operator API over TLS.

use super::operator::{Operator, SiteOptions};
use super::{Outcome, table, talk};
use clap::{Args, Subcommand};
use serde_json::json;
use std::num::NonZeroU16;
use std::process::ExitCode;
use understudy_core::model::name::Name;
use understudy_site::access::{Role, TokenView};
use understudy_site::operator_api::MadeToken;

const HEADER: [&str; 5] = ["NAME", "ROLE", "MADE", "MADE BY", "EXPIRES"];

#[derive(Subcommand)]
pub enum Verb {
    /// Make a token, and print it: this once
    New(New),
    /// List tokens, without their secrets
    Ls(Ls),
    /// End a token at once
    Revoke(Revoke),
}

#[derive(Args)]
pub struct New {
    /// A name for whoever holds it, as events will tell it
    name: Name,
    /// What it is good for: read (see), operate (see, change nodes) or admin (all, and tokens)
    #[arg(long)]
    role: Role,
    /// For how many days it is good [default: until it is revoked]
    #[arg(long, value_name = "DAYS")]
    expires: Option<NonZeroU16>,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    site: SiteOptions,
}

#[derive(Args)]
pub struct Ls {
    /// Print one JSON array
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    site: SiteOptions,
}

#[derive(Args)]
pub struct Revoke {
    /// Its name
    name: Name,
    #[command(flatten)]
    site: SiteOptions,
}

pub fn run(verb: Verb) -> Outcome {
    match verb {
        Verb::New(arguments) => new(&arguments),
        Verb::Ls(arguments) => ls(&arguments),
        Verb::Revoke(arguments) => revoke(&arguments),
    }
}

fn new(arguments: &New) -> Outcome {
    let operator = Operator::find(&arguments.site)?;
    let wanted = json!({ "name": arguments.name, "role": arguments.role, "days": arguments.expires });
    let made: MadeToken = operator.post("/v1/tokens", &wanted)?;
    if arguments.json {
        talk::json(&made);
        return Ok(ExitCode::SUCCESS);
    }
    let TokenView { name, role, expires, .. } = &made.token;
    let until = expires.map_or("it is revoked".to_owned(), |at| at.strftime("%F %TZ").to_string());
    talk::talk(&format!("token {name}, role {role}, good until {until}; nobody can show it again:"));
    talk::data(&made.secret);
    Ok(ExitCode::SUCCESS)
}

fn ls(arguments: &Ls) -> Outcome {
    let tokens: Vec<TokenView> = Operator::find(&arguments.site)?.get("/v1/tokens")?;
    if arguments.json {
        talk::json(&tokens);
    } else if tokens.is_empty() {
        talk::talk("there is no token");
    } else {
        let rows: Vec<Vec<String>> = tokens.iter().map(row).collect();
        table::lines(&HEADER, &rows).iter().for_each(|line| talk::data(line));
    }
    Ok(ExitCode::SUCCESS)
}

fn row(token: &TokenView) -> Vec<String> {
    let date = |at: jiff::Timestamp| at.strftime("%F %TZ").to_string();
    let expires = match token.expires {
        Some(at) if token.is_expired => format!("{} (expired)", date(at)),
        Some(at) => date(at),
        None => "-".to_owned(),
    };
    vec![token.name.to_string(), token.role.to_string(), date(token.made), token.made_by.clone(), expires]
}

fn revoke(arguments: &Revoke) -> Outcome {
    let operator = Operator::find(&arguments.site)?;
    let _rest: Vec<TokenView> = operator.delete(&format!("/v1/tokens/{}", arguments.name))?;
    talk::data(&format!("{} revoked", arguments.name));
    Ok(ExitCode::SUCCESS)
}
