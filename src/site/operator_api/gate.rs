//! Who gets through to which route: a token over TLS, and the role that the route's description asks for.
//!
//! It refuses what no description names. The same words answer a missing, a wrong, an expired and a revoked
//! token; nothing of a request is looked at before.

use super::body::refuse;
use super::describe::roles;
use crate::access::{Actor, Attempts, Role};
use crate::events::EventKind;
use crate::metrics::Metrics;
use crate::registry::Registry;
use axum::extract::{Extension, MatchedPath, Request, State};
use axum::http::header::{ALLOW, AUTHORIZATION, CACHE_CONTROL, RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{HeaderValue, Method, StatusCode};
use axum::middleware::Next;
use axum::response::Response;
use jiff::Timestamp;
use std::collections::BTreeMap;
use std::fmt;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use tracing::warn;

/// How long one request may take, its body included.
const REQUEST_MAX: Duration = Duration::from_secs(20);
/// Wrong tokens are an event this often at most: strangers cause them.
const TOLD_EVERY: Duration = Duration::from_secs(600);

/// Who is at the other end, before any token was looked at.
#[derive(Clone, Copy, Debug)]
pub enum Caller {
    Socket { uid: u32 },
    Remote(IpAddr),
}

/// What decides.
pub struct Gate {
    registry: Registry,
    metrics: Arc<Metrics>,
    roles: BTreeMap<(String, String), Role>,
    watch: Mutex<Watch>,
}

#[derive(Default)]
struct Watch {
    attempts: Attempts,
    told: Option<Instant>,
}

/// How a token was taken.
enum Shown {
    Good(Actor, Role),
    /// Whether a person should hear of it.
    Wrong {
        is_news: bool,
    },
    Missing,
    TooOften(Duration),
}

impl Gate {
    pub fn new(registry: Registry, metrics: Arc<Metrics>) -> Self {
        Self { registry, metrics, roles: roles(), watch: Mutex::default() }
    }

    /// Looks at a token. One at a time, so that nobody tries many at once.
    fn look(&self, from: IpAddr, secret: Option<&str>) -> Shown {
        let Some(secret) = secret else { return Shown::Missing };
        let now = Instant::now();
        let mut watch = self.watch.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(left) = watch.attempts.shut_for(from, now) {
            return Shown::TooOften(left);
        }
        if let Some((name, role)) = self.registry.tokens().holder(secret, Timestamp::now()) {
            return Shown::Good(Actor::Token(name), role);
        }
        watch.attempts.failed(from, now);
        let is_news = watch.told.is_none_or(|told| now.duration_since(told) >= TOLD_EVERY);
        if is_news {
            watch.told = Some(now);
        }
        Shown::Wrong { is_news }
    }

    async fn admit(&self, caller: Caller, secret: Option<String>) -> Result<(Actor, Role), Response> {
        let from = match caller {
            Caller::Socket { uid } => return Ok((Actor::Socket { uid }, Role::Admin)),
            Caller::Remote(from) => from,
        };
        match self.look(from, secret.as_deref()) {
            Shown::Good(actor, role) => return Ok((actor, role)),
            Shown::TooOften(left) => {
                self.metrics.operator_refused();
                let mut response = refuse(
                    StatusCode::TOO_MANY_REQUESTS,
                    "too many wrong tokens came from this address; wait",
                );
                response.headers_mut().insert(RETRY_AFTER, (left.as_secs() + 1).into());
                return Err(response);
            }
            Shown::Missing => {}
            Shown::Wrong { is_news } => {
                warn!(%from, "a wrong token was shown to the operator API");
                if is_news {
                    let text = format!("a wrong token was shown from {from}; the log tells of further ones");
                    self.registry.record(EventKind::AccessRefused, text).await;
                }
            }
        }
        self.metrics.operator_refused();
        let mut response = refuse(StatusCode::UNAUTHORIZED, "a token is needed, and one that is good");
        // RFC 6750, section 3.
        response.headers_mut().insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        Err(response)
    }

    fn check(&self, actor: &Actor, role: Role, path: &str, method: &Method) -> Result<(), Response> {
        // RFC 9110, section 9.3.2: HEAD is GET without the content.
        let method = if method == Method::HEAD { Method::GET } else { method.clone() };
        match self.roles.get(&(method.to_string(), path.to_owned())) {
            Some(needed) if role >= *needed => Ok(()),
            Some(needed) => {
                let text = format!("this needs the role {needed}, and {actor} has {role}");
                Err(refuse(StatusCode::FORBIDDEN, &text))
            }
            None => {
                let there = self.roles.keys().filter(|(_, other)| other == path);
                let allowed: Vec<&str> = there.map(|(method, _)| method.as_str()).collect();
                let mut response = refuse(StatusCode::METHOD_NOT_ALLOWED, "this cannot be done here");
                let allowed = HeaderValue::from_str(&allowed.join(", "));
                response.headers_mut().insert(ALLOW, allowed.expect("methods are letters"));
                Err(response)
            }
        }
    }
}

/// What every request passes.
pub async fn pass(
    State(gate): State<Arc<Gate>>,
    Extension(caller): Extension<Caller>,
    path: Option<MatchedPath>,
    mut request: Request,
    next: Next,
) -> Response {
    let (actor, role) = match gate.admit(caller, bearer(&request)).await {
        Ok(admitted) => admitted,
        Err(response) => return response,
    };
    // Without a path it is nothing that we have, and answered so.
    if let Some(path) = path
        && let Err(response) = gate.check(&actor, role, path.as_str(), request.method())
    {
        return response;
    }
    request.extensions_mut().insert(actor);
    match tokio::time::timeout(REQUEST_MAX, next.run(request)).await {
        Ok(mut response) => {
            // Some answers hold secrets, and all are old a moment later.
            response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
            response
        }
        Err(_) => refuse(StatusCode::REQUEST_TIMEOUT, "the request took too long"),
    }
}

/// RFC 6750, section 2.1; the scheme's case does not matter (RFC 9110, section 11.1).
fn bearer(request: &Request) -> Option<String> {
    let (scheme, secret) = request.headers().get(AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| secret.trim().to_owned())
}

impl fmt::Display for Caller {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Socket { uid } => write!(out, "socket uid {uid}"),
            Self::Remote(from) => write!(out, "{from}"),
        }
    }
}
