//! The site of a lab: its file, its shelf, and `understudy serve` as a process of its own.
//!
//! The lab knows of the site only its command line, its file and its ports.

use super::folder::LabFolder;
use super::origin::SITE_STATE;
use super::plan::{Approval, NodePlan, POOL, Plan, SITE_ADDRESS, SITE_INTERFACE, SitePlan};
use crate::bmc;
use crate::machine::guest::{Guest, GuestError};
use nix::errno::Errno;
use nix::mount::{MsFlags, mount};
use nix::sys::signal::Signal;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;
use understudy_core::base::fs::{self, FsError};
use understudy_core::base::process::{Process, ProcessError};
use understudy_core::formats::manifest::{MANIFEST_FILE, Manifest};
use understudy_core::model::name::Name;
use understudy_core::model::ssh_key::SshPublicKey;

/// Where nodes and operators reach the site's node API.
const NODE_API_PORT: u16 = 8443;
const HTTP_PORT: u16 = 80;
/// A site on a computer that is busy.
const READY_TIME_MAX: Duration = Duration::from_secs(60);
const READY_PAUSE: Duration = Duration::from_millis(50);
/// How long a site may take to end by itself.
const END_TIME_MAX: Duration = Duration::from_secs(10);
const LOG_LINES_MAX: usize = 20;
/// Beside the site's file.
const BMC_PASSWORD_FILE: &str = "bmc.password";

/// The lab has no site.
#[derive(Debug, thiserror::Error)]
pub enum SiteError {
    #[error(transparent)]
    File(#[from] FsError),
    #[error("{} is not an image folder", folder.display())]
    NotAnImage {
        folder: PathBuf,
        #[source]
        source: serde_json::Error,
    },
    #[error("there is no image for the site's shelf")]
    NoImage,
    #[error("cannot put {} on the shelf", folder.display())]
    Shelf {
        folder: PathBuf,
        #[source]
        source: Errno,
    },
    #[error("cannot write the site's file")]
    Format(#[from] toml::ser::Error),
    #[error("cannot make a key for the lab's operator")]
    OperatorKey(#[source] ProcessError),
    #[error("cannot find this program's own file")]
    OwnFile(#[source] io::Error),
    #[error("cannot start the site")]
    Start(#[source] GuestError),
    #[error("the site ended before it served ({status}); the end of {} is:\n{words}", log.display())]
    Ended { status: String, log: PathBuf, words: String },
    #[error(
        "the site did not serve within {} s; the end of {} is:\n{words}",
        READY_TIME_MAX.as_secs(),
        log.display()
    )]
    Late { log: PathBuf, words: String },
}

/// A site that serves.
pub struct Site {
    guest: Guest,
}

/// What can be seen of a site.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SiteStatus {
    Serving { pid: Option<u32> },
    Ended { status: String },
}

impl Site {
    /// Writes the site's file and shelf and returns when the site serves.
    pub async fn build(folder: &LabFolder, plan: &Plan, site: &SitePlan) -> Result<Self, SiteError> {
        let names: Vec<Name> =
            site.images.iter().map(|image| shelve(folder, image)).collect::<Result<_, _>>()?;
        let name = names.first().ok_or(SiteError::NoImage)?;
        fs::write_secret_atomic(&folder.path().join(BMC_PASSWORD_FILE), bmc::PASSWORD.as_bytes())?;
        let operator = operator_key(folder, plan)?;
        let file = toml::to_string(&site_file(plan, site, name.as_str(), &operator))?;
        fs::write(&folder.site_file(), file.as_bytes())?;
        let program = std::env::current_exe().map_err(SiteError::OwnFile)?;
        let serve = Process::new(program).args(["serve", "--site"]).arg(folder.site_file());
        let guest = Guest::start(serve, &folder.site_log()).map_err(SiteError::Start)?;
        let served = tokio::select! {
            served = timeout(READY_TIME_MAX, serves()) => served.is_ok(),
            () = guest.ended() => {
                let status = guest.end().map_or_else(|error| error.to_string(), |status| status.to_string());
                let (log, words) = (folder.site_log(), last_lines(&folder.site_log()));
                return Err(SiteError::Ended { status, log, words });
            }
        };
        if served {
            return Ok(Self { guest });
        }
        let (log, words) = (folder.site_log(), last_lines(&folder.site_log()));
        Err(SiteError::Late { log, words })
    }

    /// What can be seen of it now.
    pub fn status(&self) -> SiteStatus {
        SiteStatus::Serving { pid: self.guest.pid_on_computer() }
    }

    /// Lives until it ends by itself, or is asked to when cancelled; says how it ended.
    pub async fn run(self, cancel: CancellationToken) -> SiteStatus {
        tokio::select! {
            () = self.guest.ended() => {}
            () = cancel.cancelled() => {
                // One that has just ended needs no signal.
                let _ = self.guest.signal(Signal::SIGTERM);
                // One that does not end in time is killed below.
                drop(timeout(END_TIME_MAX, self.guest.ended()).await);
            }
        }
        let status = self.guest.end().map_or_else(|error| error.to_string(), |status| status.to_string());
        SiteStatus::Ended { status }
    }
}

/// A mount of the image folder, seen only inside the lab: nothing is copied. Returns the image's name.
fn shelve(folder: &LabFolder, image: &Path) -> Result<Name, SiteError> {
    let manifest: Manifest = serde_json::from_slice(&fs::read(&image.join(MANIFEST_FILE))?)
        .map_err(|source| SiteError::NotAnImage { folder: image.to_owned(), source })?;
    let place = folder.images().join(format!("{}-{}", manifest.name, manifest.version));
    fs::create_dir_all(&place)?;
    let flags = MsFlags::MS_BIND | MsFlags::MS_REC;
    mount(Some(image), &place, None::<&str>, flags, None::<&str>)
        .map_err(|source| SiteError::Shelf { folder: image.to_owned(), source })?;
    Ok(manifest.name)
}

/// The key of the lab that this one began with, or a new one; returns the public one.
fn operator_key(folder: &LabFolder, plan: &Plan) -> Result<SshPublicKey, SiteError> {
    let path = folder.operator_key();
    if !path.exists() {
        let comment = format!("lab-{}", plan.name);
        let make = ["-q", "-t", "ed25519", "-N", "", "-C", &comment, "-f"];
        Process::new("ssh-keygen").args(make).arg(&path).run().map_err(SiteError::OperatorKey)?;
    }
    let public = fs::read_text(&path.with_added_extension("pub"))?;
    Ok(public.parse().expect("ssh-keygen makes keys of a kind that we take"))
}

/// What the site's file says: the lab's own part, and before it what was asked for.
fn site_file(plan: &Plan, site: &SitePlan, image: &str, operator: &SshPublicKey) -> Value {
    let mut file = own_part(plan, site, image, operator);
    for (key, value) in &site.settings {
        overlay(&mut file[key], value);
    }
    file
}

/// Tables are filled up, anything else is replaced.
fn overlay(below: &mut Value, above: &Value) {
    match (below, above) {
        (Value::Object(below), Value::Object(above)) => {
            for (key, value) in above {
                overlay(below.entry(key).or_insert(Value::Null), value);
            }
        }
        (below, above) => below.clone_from(above),
    }
}

fn own_part(plan: &Plan, site: &SitePlan, image: &str, operator: &SshPublicKey) -> Value {
    let nodes = plan.nodes.iter().filter(|_| site.approval == Approval::Expected);
    let serials: Vec<String> = nodes.map(|node| node.name.to_string()).collect();
    // They speak HTTP, which no inventory can say.
    let bmc = |node: &NodePlan| json!({ "serial": node.name, "url": format!("http://{}", node.bmc) });
    let bmcs: Vec<Value> = plan.nodes.iter().map(bmc).collect();
    json!({
        "name": site.name,
        "state": SITE_STATE,
        "images": "images",
        "image": image,
        "image_keys": site.keys,
        "http": { "port": HTTP_PORT },
        "node_api": { "port": NODE_API_PORT },
        "networks": [{
            "interface": SITE_INTERFACE,
            "address": format!("{SITE_ADDRESS}/24"),
            "dhcp": "own",
            "pool": format!("{}-{}", POOL.0, POOL.1),
            "gateway": SITE_ADDRESS,
            "dns": [SITE_ADDRESS],
            "router_advertisements": true,
        }],
        "bmc": { "user": bmc::USER, "password_file": BMC_PASSWORD_FILE, "nodes": bmcs },
        "enrolment": { "serials": serials },
        "operators": { "ssh_keys": [operator] },
        "install": { "disk": "only", "foreign_data": "ask" },
    })
}

/// Returns when something listens for nodes.
async fn serves() {
    while TcpStream::connect((SITE_ADDRESS, NODE_API_PORT)).await.is_err() {
        sleep(READY_PAUSE).await;
    }
}

fn last_lines(log: &Path) -> String {
    let text = fs::read_text(log).unwrap_or_default();
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(LOG_LINES_MAX)..].join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rack::plan::{Lifetime, Management, NodeFirmware, NodeName};
    use understudy_core::base::byte_count::ByteCount;

    #[test]
    fn the_sites_file_names_the_rack_and_its_machines() {
        let name: Name = "lab".parse().unwrap();
        let node = |node| NodePlan::new(&name, node, NodeFirmware::Bios);
        let plan = Plan {
            processors: 1,
            name: name.clone(),
            folder: "/lab".into(),
            nodes: NodeName::first(2).map(node).collect(),
            memory: ByteCount::mebibytes(512),
            management: Management::Bmc,
            site: None,
            from: None,
            lifetime: Lifetime::Detached,
        };
        let site = SitePlan {
            name,
            images: vec!["/images/mail".into()],
            keys: vec!["/keys/a.pub".into()],
            approval: Approval::Expected,
            settings: serde_json::Map::new(),
        };
        let key = "AAAAC3NzaC1lZDI1NTE5AAAAIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f";
        let operator: SshPublicKey = format!("ssh-ed25519 {key} lab").parse().unwrap();
        let text = toml::to_string(&site_file(&plan, &site, "mail", &operator)).unwrap();
        let read: toml::Table = toml::from_str(&text).unwrap();
        assert_eq!(read["networks"][0]["interface"].as_str(), Some("rack0"), "{text}");
        assert_eq!(read["networks"][0]["pool"].as_str(), Some("10.77.0.100-10.77.0.199"), "{text}");
        assert_eq!(read["enrolment"]["serials"][1].as_str(), Some("LAB-2"), "{text}");
        assert_eq!(read["image_keys"][0].as_str(), Some("/keys/a.pub"), "{text}");
        assert_eq!(read["operators"]["ssh_keys"][0].as_str(), Some(operator.as_str()), "{text}");
        let asking = SitePlan { approval: Approval::Ask, ..site.clone() };
        assert_eq!(site_file(&plan, &asking, "mail", &operator)["enrolment"]["serials"], json!([]));

        let more = json!({ "install": { "disk": "smallest" }, "clusters": [{ "name": "dns" }] });
        let Value::Object(settings) = more else { panic!("{more}") };
        let file = site_file(&plan, &SitePlan { settings, ..site }, "mail", &operator);
        assert_eq!(file["install"], json!({ "disk": "smallest", "foreign_data": "ask" }), "{file}");
        assert_eq!(file["clusters"][0]["name"], "dns", "{file}");
    }
}
