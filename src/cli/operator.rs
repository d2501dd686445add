//! How verbs reach a running site: HTTP over its unix socket.

use super::failure::Failure;
use clap::Args;
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Bytes;
use hyper::header::{CONTENT_TYPE, HOST};
use hyper::{Method, Request, StatusCode};
use hyper_util::rt::TokioIo;
use serde::de::DeserializeOwned;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio::net::UnixStream;
use understudy_site::definition::{DefinitionError, SiteDefinition};
use understudy_site::operator_api::ErrorBody;
use understudy_site::view::NodeView;

const SITE_FILE: &str = "site.toml";
/// Ten thousand nodes with their disks.
const ANSWER_BYTES_MAX: usize = 256 << 20;
const ANSWER_WITHIN: Duration = Duration::from_secs(30);

/// Options that say which site is meant.
#[derive(Args)]
pub struct SiteOptions {
    /// The site file, whose `state` folder has the socket [default: site.toml]
    #[arg(long, value_name = "FILE")]
    site: Option<PathBuf>,
    /// The operator's socket itself
    #[arg(long, value_name = "PATH", conflicts_with = "site")]
    socket: Option<PathBuf>,
}

impl SiteOptions {
    /// The site with this file.
    pub fn of(site: PathBuf) -> Self {
        Self { site: Some(site), socket: None }
    }
}

/// A connection's worth of questions to one site.
pub struct Operator {
    socket: PathBuf,
    /// How the site is started, for hints.
    serve: String,
    runtime: tokio::runtime::Runtime,
}

/// Reads a site file, with the next step in its error.
pub fn read_site(path: &Path) -> Result<SiteDefinition, Failure> {
    SiteDefinition::read(path).map_err(|error| {
        let hint = match &error {
            DefinitionError::Read(_) => "name the site file with --site FILE".to_owned(),
            DefinitionError::KeyFile { .. } => {
                "understudy key new FILE makes a key and FILE.pub; paths are relative to the site file"
                    .to_owned()
            }
            _ => format!("edit {}", path.display()),
        };
        Failure::input(error).hint(hint)
    })
}

impl Operator {
    /// Finds the socket.
    pub fn find(options: &SiteOptions) -> Result<Self, Failure> {
        let site = options.site.clone().unwrap_or_else(|| SITE_FILE.into());
        let (socket, serve) = match &options.socket {
            Some(socket) => (socket.clone(), "understudy serve --site FILE".to_owned()),
            None => (read_site(&site)?.socket(), format!("understudy serve --site {}", site.display())),
        };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        Ok(Self { socket, serve, runtime: runtime.map_err(Failure::operation)? })
    }

    /// Asks for something.
    pub fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T, Failure> {
        self.ask(Method::GET, path, None)
    }

    /// Orders something.
    pub fn post<T: DeserializeOwned>(&self, path: &str, body: &serde_json::Value) -> Result<T, Failure> {
        self.ask(Method::POST, path, Some(body))
    }

    /// The one node whose id or short code begins like this.
    pub fn find_node(&self, named: &str) -> Result<NodeView, Failure> {
        let nodes: Vec<NodeView> = self.get("/v1/nodes")?;
        let (id, code) = (named.to_ascii_lowercase(), named.to_ascii_uppercase());
        let is_meant = |node: &&NodeView| node.id.as_str().starts_with(&id) || node.code.starts_with(&code);
        let mut found: Vec<NodeView> = match named {
            // Nothing destructive acts on a name that could mean anything.
            "" => Vec::new(),
            _ => nodes.iter().filter(is_meant).cloned().collect(),
        };
        let hint = "understudy nodes lists ids and codes";
        match (found.pop(), found.is_empty()) {
            (Some(node), true) => Ok(node),
            (None, _) => Err(Failure::input(anyhow::anyhow!("there is no node `{named}`")).hint(hint)),
            (Some(_), false) => {
                let count = found.len() + 1;
                let error = anyhow::anyhow!("`{named}` could be {count} nodes");
                Err(Failure::input(error).hint(format!("{hint}; write more of it")))
            }
        }
    }

    fn ask<T: DeserializeOwned>(
        &self,
        method: Method,
        path: &str,
        body: Option<&serde_json::Value>,
    ) -> Result<T, Failure> {
        let body = body.map(ToString::to_string).unwrap_or_default();
        // The time-out needs the runtime that it is waited for in.
        let asked = async {
            tokio::time::timeout(ANSWER_WITHIN, exchange(&self.socket, method, path, body))
                .await
                .map_err(anyhow::Error::from)?
        };
        let (status, answer) = self.runtime.block_on(asked).map_err(|error| self.unreachable(error))?;
        if !status.is_success() {
            let message = match serde_json::from_slice::<ErrorBody>(&answer) {
                Ok(body) => body.error,
                Err(_) => format!("the site answers {status}"),
            };
            let failure = Failure::operation(anyhow::anyhow!("{message}"));
            return Err(failure.hint("understudy nodes shows what the site knows"));
        }
        serde_json::from_slice(&answer).map_err(|error| {
            let named = anyhow::Error::new(error).context("the site's answer is not understood");
            Failure::operation(named).hint("use the `understudy` that the site was started with")
        })
    }

    fn unreachable(&self, error: anyhow::Error) -> Failure {
        let denied = error.downcast_ref::<std::io::Error>().map(std::io::Error::kind)
            == Some(std::io::ErrorKind::PermissionDenied);
        let context = format!("cannot reach the site on {}", self.socket.display());
        let hint = match denied {
            true => "only the user that runs `understudy serve` may use its socket".to_owned(),
            false => format!("if the site is not running: {}", self.serve),
        };
        Failure::operation(error.context(context)).hint(hint)
    }
}

async fn exchange(
    socket: &Path,
    method: Method,
    path: &str,
    body: String,
) -> Result<(StatusCode, Bytes), anyhow::Error> {
    let stream = UnixStream::connect(socket).await?;
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
    let driver = tokio::spawn(connection);
    let request = Request::builder()
        .method(method)
        .uri(path)
        .header(HOST, "localhost")
        .header(CONTENT_TYPE, "application/json")
        .body(Full::new(Bytes::from(body)))?;
    let response = sender.send_request(request).await?;
    let status = response.status();
    let limited = Limited::new(response.into_body(), ANSWER_BYTES_MAX).collect().await;
    let answer = limited.map_err(|error| anyhow::anyhow!("{error}"))?.to_bytes();
    drop(sender);
    driver.await??;
    Ok((status, answer))
}
