//! `understudy lab ssh`: root on a machine of a lab that runs its image, with the key of the lab's operator.

use super::exec;
use super::target::LabOption;
use crate::cli::Outcome;
use crate::cli::failure::Failure;
use crate::cli::operator::{Operator, SiteOptions};
use clap::Args;
use std::ffi::OsString;
use std::io::Write;
use std::net::IpAddr;
use std::path::Path;
use tempfile::NamedTempFile;
use understudy_core::model::ssh_key::SshPublicKey;
use understudy_lab::rack::plan::NodeName;
use understudy_site::view::NodeView;

/// Keys only, no question is ever asked, and nothing of the user's own configuration plays a part.
const OPTIONS: [&str; 9] = [
    "BatchMode=yes",
    "ConnectTimeout=15",
    "GlobalKnownHostsFile=/dev/null",
    "IdentitiesOnly=yes",
    "IdentityAgent=none",
    "LogLevel=ERROR",
    "PreferredAuthentications=publickey",
    "StrictHostKeyChecking=yes",
    "UpdateHostKeys=no",
];

#[derive(Args)]
pub struct Arguments {
    /// The machine: its name, such as LAB-1, or its number
    node: NodeName,
    #[command(flatten)]
    lab: LabOption,
    /// A command for the machine's shell; without it, the shell itself
    #[arg(last = true)]
    command: Vec<OsString>,
}

/// The command's exit code; 255 where ssh could not run it.
pub fn run(arguments: &Arguments) -> Outcome {
    let Arguments { node, lab, command } = arguments;
    let (address, host_key) = find(lab, *node)?;
    // What the machine said of itself over its own key: whoever else answers at its address is refused.
    let known = known_hosts(lab.folder().path(), *node, &host_key)?;
    let mut words: Vec<OsString> = ["ssh", "-F", "/dev/null"].map(OsString::from).to_vec();
    words.extend(["-i".into(), lab.folder().operator_key().into_os_string()]);
    let own = [format!("HostKeyAlias={node}"), format!("UserKnownHostsFile={}", known.path().display())];
    for option in OPTIONS.into_iter().chain(own.iter().map(String::as_str)) {
        words.extend(["-o".into(), option.into()]);
    }
    words.push(format!("root@{address}").into());
    words.extend(command.iter().cloned());
    exec::run_inside(lab, &words)
}

/// Where the machine is and how it is known, by the word of the lab's site.
fn find(lab: &LabOption, node: NodeName) -> Result<(IpAddr, SshPublicKey), Failure> {
    let site = lab.folder().site_file();
    if lab.status()?.site.is_none() {
        return Err(Failure::input(anyhow::anyhow!("this lab has no site, so that nobody may log in"))
            .hint("understudy lab up --site-image FOLDER"));
    }
    let watch = format!("understudy nodes --watch --site {}", site.display());
    let nodes: Vec<NodeView> = Operator::find(&SiteOptions::of(site))?.get("/v1/nodes")?;
    // One that enrolled again has a key of its own; the newest is the one that runs.
    let serial = node.to_string();
    let newest = nodes.into_iter().filter(|view| view.serial == serial).max_by_key(|view| view.last_seen);
    let Some(view) = newest else {
        return Err(Failure::operation(anyhow::anyhow!("the site has not heard of {node} yet")).hint(watch));
    };
    match (view.address, view.ssh_host_key) {
        (Some(address), Some(key)) => Ok((address, key)),
        (None, Some(_)) => {
            let error = anyhow::anyhow!("{node} has said nothing since the site started");
            Err(Failure::operation(error).hint(watch))
        }
        (_, None) => {
            let error = anyhow::anyhow!("{node} does not run its image: it is {}", view.state);
            Err(Failure::operation(error).hint(watch))
        }
    }
}

fn known_hosts(folder: &Path, node: NodeName, key: &SshPublicKey) -> Result<NamedTempFile, Failure> {
    let written = NamedTempFile::with_prefix_in("known-hosts-", folder).and_then(|mut file| {
        writeln!(file, "{node} {}", key.without_comment())?;
        Ok(file)
    });
    written.map_err(|error| {
        let named = anyhow::Error::new(error).context(format!("cannot write into {}", folder.display()));
        Failure::operation(named)
    })
}
