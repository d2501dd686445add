//! Which lab and which machine a verb is about, and how their answers are shown.

use crate::cli::failure::Failure;
use crate::cli::{Outcome, talk};
use clap::Args;
use std::process::ExitCode;
use understudy_core::model::name::Name;
use understudy_lab::control::client::{ClientError, ask};
use understudy_lab::control::{Answer, LabStatus, NodeStatus, Request};
use understudy_lab::machine::{Order, Power};
use understudy_lab::rack::folder::LabFolder;
use understudy_lab::rack::plan::NodeName;

#[derive(Args)]
pub struct LabOption {
    /// The lab
    #[arg(long, default_value = "lab")]
    pub name: Name,
}

impl LabOption {
    pub fn folder(&self) -> LabFolder {
        LabFolder::of(&self.name)
    }

    /// The lab as it is.
    pub fn status(&self) -> Result<LabStatus, Failure> {
        match self.ask(&Request::Status)? {
            Answer::Lab(status) => Ok(status),
            other => Err(self.nonsense(&other)),
        }
    }

    pub fn ask(&self, request: &Request) -> Result<Answer, Failure> {
        ask(&self.folder(), request).map_err(|error| self.failure(error))
    }

    /// Adds the next step.
    pub fn failure(&self, error: ClientError) -> Failure {
        let name = &self.name;
        let hint = match &error {
            ClientError::NotUp => format!("understudy lab up --name {name}"),
            ClientError::Refused(_) => format!("understudy lab status --name {name}"),
            ClientError::Talk(_) => format!("look at {}", self.folder().supervisor_log().display()),
            _ => return Failure::operation(error),
        };
        let named = anyhow::Error::new(error).context(format!("cannot do this to lab `{name}`"));
        Failure::operation(named).hint(hint)
    }

    fn nonsense(&self, answer: &Answer) -> Failure {
        Failure::operation(anyhow::anyhow!("the lab's supervisor answered {answer:?}"))
            .hint("the lab may run another version: understudy lab down, then up")
    }
}

#[derive(Args)]
pub struct NodeArguments {
    /// The machine: its name, such as LAB-1, or its number
    pub node: NodeName,
    #[command(flatten)]
    pub lab: LabOption,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

impl NodeArguments {
    pub fn order(&self, order: Order) -> Outcome {
        self.act(&Request::Order { node: self.node, order })
    }

    /// Asks for something to be done to the machine, and shows the machine as it is then.
    pub fn act(&self, request: &Request) -> Outcome {
        match self.lab.ask(request)? {
            Answer::Done(node) if self.json => talk::json(&node),
            Answer::Done(node) => talk::data(&describe(&node)),
            other => return Err(self.lab.nonsense(&other)),
        }
        Ok(ExitCode::SUCCESS)
    }
}

fn describe(node: &NodeStatus) -> String {
    format!("{} is {}", node.node, state(node))
}

/// A few words: `on, unplugged`.
pub fn state(node: &NodeStatus) -> String {
    let power = match node.power {
        Power::On => "on",
        Power::Off => "off",
    };
    let frozen = if node.frozen { ", frozen" } else { "" };
    let unplugged = if node.plugged { "" } else { ", unplugged" };
    format!("{power}{frozen}{unplugged}")
}
