//! How verbs reach a running site: HTTP over its unix socket, or over TLS with a token.

mod options;
mod remote;

pub use options::{ListOptions, NodeOptions, SiteOptions};

use super::failure::Failure;
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Bytes;
use hyper::header::{AUTHORIZATION, CONTENT_TYPE, HOST};
use hyper::{Method, Request, StatusCode};
use hyper_util::rt::TokioIo;
use remote::Remote;
use serde::de::DeserializeOwned;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::UnixStream;
use understudy_site::definition::{DefinitionError, SiteDefinition};
use understudy_site::operator_api::ErrorBody;
use understudy_site::view::NodeView;

const SITE_FILE: &str = "site.toml";
/// Ten thousand nodes with their disks.
const ANSWER_BYTES_MAX: usize = 256 << 20;
const ANSWER_WITHIN: Duration = Duration::from_secs(30);

/// A connection's worth of questions to one site.
pub struct Operator {
    way: Way,
    runtime: tokio::runtime::Runtime,
}

/// How a site is reached.
enum Way {
    /// Also how the site is started, for hints.
    Socket {
        path: PathBuf,
        serve: String,
    },
    Tls(Box<Remote>),
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
    /// Finds the site.
    pub fn find(options: &SiteOptions) -> Result<Self, Failure> {
        let way = match options.remote()? {
            Some(remote) => Way::Tls(Box::new(remote)),
            None => Way::socket(options)?,
        };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        Ok(Self { way, runtime: runtime.map_err(Failure::operation)? })
    }

    /// Asks for something.
    pub fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T, Failure> {
        self.ask(Method::GET, path, None)
    }

    /// Orders something.
    pub fn post<T: DeserializeOwned>(&self, path: &str, body: &serde_json::Value) -> Result<T, Failure> {
        self.ask(Method::POST, path, Some(body))
    }

    /// Ends something.
    pub fn delete<T: DeserializeOwned>(&self, path: &str) -> Result<T, Failure> {
        self.ask(Method::DELETE, path, None)
    }

    /// The one node whose id or short code begins like this, or whose serial is this.
    pub fn find_node(&self, named: &str) -> Result<NodeView, Failure> {
        let nodes: Vec<NodeView> = self.get("/v1/nodes")?;
        let (id, code) = (named.to_ascii_lowercase(), named.to_ascii_uppercase());
        let is_meant = |node: &&NodeView| {
            node.id.as_str().starts_with(&id) || node.code.starts_with(&code) || node.serial == named
        };
        let mut found: Vec<NodeView> = match named {
            // Nothing destructive acts on a name that could mean anything.
            "" => Vec::new(),
            _ => nodes.iter().filter(is_meant).cloned().collect(),
        };
        let hint = "understudy nodes lists ids, codes and serials";
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
            tokio::time::timeout(ANSWER_WITHIN, self.way.exchange(method, path, body))
                .await
                .map_err(anyhow::Error::from)?
        };
        let (status, answer) = self.runtime.block_on(asked).map_err(|error| self.way.unreachable(error))?;
        if !status.is_success() {
            let message = match serde_json::from_slice::<ErrorBody>(&answer) {
                Ok(body) => body.error,
                Err(_) => format!("the site answers {status}"),
            };
            return Err(Failure::operation(anyhow::anyhow!("{message}")).hint(next_step(status, path)));
        }
        serde_json::from_slice(&answer).map_err(|error| {
            let named = anyhow::Error::new(error).context("the site's answer is not understood");
            Failure::operation(named).hint("use the `understudy` that the site was started with")
        })
    }
}

/// What to do about a refusal.
fn next_step(status: StatusCode, path: &str) -> &'static str {
    let is_of_the_rack = ["/v1/identities/", "/v1/pause", "/v1/resume", "/drain", "/trust-bmc"];
    match status {
        StatusCode::UNAUTHORIZED => "understudy token ls, on the site's machine, shows which tokens are good",
        StatusCode::FORBIDDEN => "understudy token new NAME --role ROLE, by an admin, makes one that may",
        StatusCode::TOO_MANY_REQUESTS => "put a good token into UNDERSTUDY_TOKEN, and wait a minute",
        StatusCode::SERVICE_UNAVAILABLE => "the site's log says more; the same command ends well later",
        _ if is_of_the_rack.iter().any(|part| path.contains(part)) => {
            "understudy identities shows who holds what, understudy takeovers what moves"
        }
        _ => "understudy nodes shows what the site knows",
    }
}

impl Way {
    fn socket(options: &SiteOptions) -> Result<Self, Failure> {
        let site = options.site.clone().unwrap_or_else(|| SITE_FILE.into());
        let (path, serve) = match &options.socket {
            Some(socket) => (socket.clone(), "understudy serve --site FILE".to_owned()),
            None => (read_site(&site)?.socket(), format!("understudy serve --site {}", site.display())),
        };
        Ok(Self::Socket { path, serve })
    }

    async fn exchange(
        &self,
        method: Method,
        path: &str,
        body: String,
    ) -> Result<(StatusCode, Bytes), anyhow::Error> {
        let request = Request::builder().method(method).uri(path).header(CONTENT_TYPE, "application/json");
        let body = Full::new(Bytes::from(body));
        match self {
            Self::Socket { path, .. } => {
                let request = request.header(HOST, "localhost").body(body)?;
                exchange(UnixStream::connect(path).await?, request).await
            }
            Self::Tls(remote) => {
                let request =
                    request.header(HOST, remote.host()).header(AUTHORIZATION, remote.authorization());
                exchange(remote.connect().await?, request.body(body)?).await
            }
        }
    }

    fn unreachable(&self, error: anyhow::Error) -> Failure {
        let kind = error.downcast_ref::<std::io::Error>().map(std::io::Error::kind);
        match self {
            Self::Socket { path, serve } => {
                let hint = match kind {
                    Some(std::io::ErrorKind::PermissionDenied) => {
                        "only the user that runs `understudy serve` may use its socket".to_owned()
                    }
                    _ => format!("if the site is not running: {serve}"),
                };
                let context = format!("cannot reach the site on {}", path.display());
                Failure::operation(error.context(context)).hint(hint)
            }
            Self::Tls(remote) => {
                let hint = match kind {
                    // What rustls says of a certificate.
                    Some(std::io::ErrorKind::InvalidData) => {
                        "compare --ca or --ca-sha256 with ca.crt of the site's state folder, and the URL with `listen`"
                    }
                    _ => "`[operator_api]` of the site's site.toml says where it listens",
                };
                let context = format!("cannot reach the site on {}", remote.url());
                Failure::operation(error.context(context)).hint(hint)
            }
        }
    }
}

async fn exchange(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    request: Request<Full<Bytes>>,
) -> Result<(StatusCode, Bytes), anyhow::Error> {
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
    let driver = tokio::spawn(connection);
    let response = sender.send_request(request).await?;
    let status = response.status();
    let limited = Limited::new(response.into_body(), ANSWER_BYTES_MAX).collect().await;
    let answer = limited.map_err(|error| anyhow::anyhow!("{error}"))?.to_bytes();
    drop(sender);
    // The answer is whole; how the connection ends after it is its own business.
    let _ = driver.await;
    Ok((status, answer))
}
