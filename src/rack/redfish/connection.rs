//! One connection to a BMC, with every answer bounded in time and size.

use super::{BmcUrl, Redfish, RedfishError, resource};
use base64::Engine as _;
use bytes::Bytes;
use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper::header::{ACCEPT, AUTHORIZATION, CONNECTION, CONTENT_TYPE, HOST};
use hyper::http::response::Parts;
use hyper::{Method, Request, StatusCode, Version};
use hyper_util::rt::TokioIo;
use rustls::pki_types::ServerName;
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::io;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

/// The largest ComputerSystem that we have seen has 40 KiB.
const ANSWER_BYTES_MAX: usize = 256 << 10;

/// Connected when first used, and again where the BMC closed after an answer.
pub struct Connection<'a> {
    bmc: &'a Redfish,
    sender: Option<SendRequest<Full<Bytes>>>,
    /// Ends with the connection.
    driver: JoinSet<()>,
}

impl<'a> Connection<'a> {
    pub fn new(bmc: &'a Redfish) -> Self {
        Self { bmc, sender: None, driver: JoinSet::new() }
    }

    /// Reads a resource.
    pub async fn get<T: DeserializeOwned>(&mut self, path: &str) -> Result<T, RedfishError> {
        let body = self.request(Method::GET, path, None).await?;
        serde_json::from_slice(&body).map_err(|error| self.garbage(path, &error.to_string()))
    }

    /// What a path was answered with, if the BMC did what it was asked to.
    pub async fn request(
        &mut self,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> Result<Bytes, RedfishError> {
        let patience = self.bmc.patience;
        let mut sender = match self.kept().await {
            Some(sender) => sender,
            None => timeout(patience.connect_max, self.connect()).await.map_err(|_| self.late())??,
        };
        let request = self.compose(method, path, body)?;
        let exchange = async {
            let answer = sender.send_request(request).await.map_err(|source| self.broken(source))?;
            let (head, body) = answer.into_parts();
            let body = Limited::new(body, ANSWER_BYTES_MAX).collect().await;
            let body = body.map_err(|error| self.body_error(path, error))?.to_bytes();
            Ok((head, body))
        };
        let (head, body) = timeout(patience.answer_max, exchange).await.map_err(|_| self.late())??;
        self.sender = stays_open(&head).then_some(sender);
        self.judge(path, head.status, body)
    }

    /// The connection of the answer before, if the BMC did not close it meanwhile.
    async fn kept(&mut self) -> Option<SendRequest<Full<Bytes>>> {
        let mut sender = self.sender.take()?;
        let is_ready = timeout(self.bmc.patience.answer_max, sender.ready()).await;
        matches!(is_ready, Ok(Ok(()))).then_some(sender)
    }

    /// Redirects are refusals: nobody but this BMC is asked about its machine.
    fn judge(&self, path: &str, status: StatusCode, body: Bytes) -> Result<Bytes, RedfishError> {
        if status.is_success() {
            return Ok(body);
        }
        let message = resource::error_message(&body);
        let (url, path) = (self.url(), path.to_owned());
        Err(RedfishError::Refused { url, path, status: status.as_u16(), message })
    }

    fn compose(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> Result<Request<Full<Bytes>>, RedfishError> {
        let login = &self.bmc.login;
        let token =
            base64::engine::general_purpose::STANDARD.encode(format!("{}:{}", login.user, login.password));
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header(HOST, self.bmc.url.authority())
            .header(AUTHORIZATION, format!("Basic {token}"))
            .header(ACCEPT, "application/json")
            .header("OData-Version", "4.0");
        let request = if body.is_some() { request.header(CONTENT_TYPE, "application/json") } else { request };
        let body = body.map(Value::to_string).unwrap_or_default();
        request.body(Full::from(body)).map_err(|error| self.garbage(path, &error.to_string()))
    }

    async fn connect(&mut self) -> Result<SendRequest<Full<Bytes>>, RedfishError> {
        let url = &self.bmc.url;
        let unreachable = |source| RedfishError::Unreachable { url: url.clone(), source };
        let stream = TcpStream::connect((url.host(), url.port())).await.map_err(unreachable)?;
        stream.set_nodelay(true).map_err(unreachable)?;
        let Some(config) = &self.bmc.tls else { return self.shake_hands(stream).await };
        let name = ServerName::try_from(url.host().to_owned());
        let name = name.map_err(|error| unreachable(io::Error::other(error)))?;
        let stream = TlsConnector::from(config.clone()).connect(name, stream).await.map_err(unreachable)?;
        self.shake_hands(stream).await
    }

    async fn shake_hands<S>(&mut self, stream: S) -> Result<SendRequest<Full<Bytes>>, RedfishError>
    where
        S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    {
        let (sender, connection) =
            handshake(TokioIo::new(stream)).await.map_err(|source| self.broken(source))?;
        self.driver.spawn(async move {
            // How it ends is seen by whoever waits for an answer.
            drop(connection.await);
        });
        Ok(sender)
    }

    /// The answer cannot be used.
    pub fn garbage(&self, path: &str, problem: &str) -> RedfishError {
        RedfishError::Garbage { url: self.url(), path: path.to_owned(), problem: problem.to_owned() }
    }

    fn body_error(&self, path: &str, error: Box<dyn std::error::Error + Send + Sync>) -> RedfishError {
        match error.downcast::<hyper::Error>() {
            Ok(source) => self.broken(*source),
            Err(error) if error.is::<LengthLimitError>() => {
                self.garbage(path, &format!("more than {ANSWER_BYTES_MAX} bytes"))
            }
            Err(error) => self.garbage(path, &error.to_string()),
        }
    }

    fn broken(&self, source: hyper::Error) -> RedfishError {
        RedfishError::Broken { url: self.url(), source }
    }

    fn late(&self) -> RedfishError {
        RedfishError::Late(self.url())
    }

    fn url(&self) -> BmcUrl {
        self.bmc.url.clone()
    }
}

/// RFC 9112, section 9.3: whether another request may follow.
fn stays_open(head: &Parts) -> bool {
    let words = head.headers.get_all(CONNECTION).iter().filter_map(|value| value.to_str().ok());
    head.version >= Version::HTTP_11 && !words.flat_map(|words| words.split(',')).any(is_close)
}

fn is_close(word: &str) -> bool {
    word.trim().eq_ignore_ascii_case("close")
}
