//! A machine's virtual BMC: Redfish over plain HTTP with basic authentication (DSP0266, 1.20).
//!
//! It really switches its machine, and says of it what is true, unless it was told to misbehave. It has no
//! sessions, no TLS and no events. Entry points: [`Bmc::build`], [`Bmc::run`].

pub mod mode;

mod shapes;

use crate::machine::boot::BootOverride;
use crate::machine::{Handle, MachineError, Order, Power};
use crate::rack::plan::NodePlan;
use axum::Router;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, State};
use axum::http::{HeaderMap, Method, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use base64::Engine as _;
use mode::Mode;
use serde::Deserialize;
use serde_json::Value;
use std::io;
use std::net::SocketAddrV4;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use understudy_core::base::causes::with_causes;

/// Who may use a lab's BMCs. No secret: only the lab's own network reaches them.
pub const USER: &str = "understudy";
pub const PASSWORD: &str = "lab";
/// More than any request of Redfish that is understood here.
const BODY_BYTES_MAX: usize = 65_536;

/// The BMC has no address to listen on.
#[derive(Debug, thiserror::Error)]
#[error("cannot listen on {address} for the BMC of {node}")]
pub struct BmcError {
    address: SocketAddrV4,
    node: crate::rack::plan::NodeName,
    #[source]
    source: io::Error,
}

/// A BMC that listens.
pub struct Bmc {
    listener: TcpListener,
    controls: Arc<Controls>,
}

/// What a BMC knows and can do.
pub struct Controls {
    node: NodePlan,
    machine: Handle,
    mode: Mutex<Mode>,
    /// Of the machine at the other end of the wrong cable, in [`Mode::ForeignUuid`].
    other: Mutex<Power>,
}

impl Controls {
    /// For a machine; honest at first.
    pub fn new(node: NodePlan, machine: Handle) -> Self {
        Self { node, machine, mode: Mutex::default(), other: Mutex::new(Power::On) }
    }

    /// How it behaves.
    pub fn mode(&self) -> Mode {
        *self.mode.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Makes it misbehave, or behave again.
    pub fn set_mode(&self, mode: Mode) {
        *self.mode.lock().unwrap_or_else(PoisonError::into_inner) = mode;
    }

    fn power(&self) -> Power {
        match self.mode() {
            Mode::SaysOff => Power::Off,
            Mode::ForeignUuid => *self.other.lock().unwrap_or_else(PoisonError::into_inner),
            _ => self.machine.status().power,
        }
    }

    async fn reset(&self, reset: ResetType) -> Result<(), MachineError> {
        match self.mode() {
            Mode::AcceptsButStaysOn | Mode::SaysOff => Ok(()),
            Mode::ForeignUuid => {
                let off = matches!(reset, ResetType::ForceOff | ResetType::GracefulShutdown);
                let power = if off { Power::Off } else { Power::On };
                *self.other.lock().unwrap_or_else(PoisonError::into_inner) = power;
                Ok(())
            }
            _ => self.machine.order(reset.order()).await,
        }
    }
}

/// The kinds of reset that are understood (DSP2046, Resource, ResetType).
#[derive(Clone, Copy, Debug, Deserialize)]
enum ResetType {
    On,
    ForceOn,
    ForceOff,
    ForceRestart,
    GracefulShutdown,
    PowerCycle,
    Nmi,
}

impl ResetType {
    fn order(self) -> Order {
        match self {
            Self::On | Self::ForceOn => Order::On,
            Self::ForceOff => Order::Cut,
            Self::ForceRestart => Order::Reset,
            Self::GracefulShutdown => Order::ShutDown,
            Self::PowerCycle => Order::Cycle,
            Self::Nmi => Order::Nmi,
        }
    }
}

impl Bmc {
    /// Listens; the address must be there.
    pub async fn build(controls: Arc<Controls>) -> Result<Self, BmcError> {
        let (address, node) = (controls.node.bmc, controls.node.name);
        let listener =
            TcpListener::bind(address).await.map_err(|source| BmcError { address, node, source })?;
        Ok(Self { listener, controls })
    }

    /// Answers until cancelled.
    pub async fn run(self, cancel: CancellationToken) -> io::Result<()> {
        let ended = cancel.clone();
        let controls = self.controls;
        let answer = move |State(cancel): State<CancellationToken>,
                           method: Method,
                           uri: Uri,
                           headers: HeaderMap,
                           body: Bytes| async move {
            let request = Request { method, path: uri.path(), headers: &headers, body: &body };
            answer(&controls, request, cancel).await
        };
        let router =
            Router::new().fallback(answer).layer(DefaultBodyLimit::max(BODY_BYTES_MAX)).with_state(cancel);
        axum::serve(self.listener, router).with_graceful_shutdown(ended.cancelled_owned()).await
    }
}

struct Request<'a> {
    method: Method,
    path: &'a str,
    headers: &'a HeaderMap,
    body: &'a [u8],
}

async fn answer(controls: &Controls, request: Request<'_>, cancel: CancellationToken) -> Response {
    if matches!(controls.mode(), Mode::Hangs | Mode::Dead) {
        cancel.cancelled().await;
    }
    let segments: Vec<&str> = request.path.split('/').filter(|segment| !segment.is_empty()).collect();
    // The root is for everybody, so that clients can find out how to log in (DSP0266, 13.3.2).
    if !matches!(segments.as_slice(), ["redfish"] | ["redfish", "v1"]) && !is_allowed(request.headers) {
        let challenge = [(header::WWW_AUTHENTICATE, "Basic realm=\"lab\"")];
        return (challenge, refuse(StatusCode::UNAUTHORIZED, "NoValidSession", "log in first"))
            .into_response();
    }
    match (&request.method, segments.as_slice()) {
        (&Method::PATCH, ["redfish", "v1", "Systems", "1"]) => set_boot(controls, request.body).await,
        (&Method::POST, ["redfish", "v1", "Systems", "1", "Actions", "ComputerSystem.Reset"]) => {
            reset(controls, request.body).await
        }
        (&Method::GET | &Method::HEAD, path) => match resource(controls, path) {
            Some(resource) => done(StatusCode::OK, &resource),
            None => refuse(StatusCode::NOT_FOUND, "ResourceMissingAtURI", "there is no such resource"),
        },
        _ => refuse(StatusCode::METHOD_NOT_ALLOWED, "OperationNotAllowed", "this cannot be done here"),
    }
}

fn resource(controls: &Controls, path: &[&str]) -> Option<Value> {
    let foreign = controls.mode() == Mode::ForeignUuid;
    Some(match path {
        ["redfish"] => shapes::versions(),
        ["redfish", "v1"] => shapes::service_root(&controls.node),
        ["redfish", "v1", "Systems"] => shapes::collection("Systems", "ComputerSystem"),
        ["redfish", "v1", "Systems", "1"] => {
            let boot = controls.machine.status().boot;
            let uuid = if foreign { shapes::FOREIGN_UUID } else { &controls.node.uuid };
            let serial = if foreign { "OTHER-1".to_owned() } else { controls.node.name.to_string() };
            shapes::system(uuid, &serial, controls.power(), boot)
        }
        ["redfish", "v1", "Managers"] => shapes::collection("Managers", "Manager"),
        ["redfish", "v1", "Managers", "1"] => shapes::manager(),
        ["redfish", "v1", "Chassis"] => shapes::collection("Chassis", "Chassis"),
        ["redfish", "v1", "Chassis", "1"] => shapes::chassis(controls.power()),
        ["redfish", "v1", "Chassis", "1", "Power"] => shapes::power(controls.power()),
        _ => return None,
    })
}

async fn reset(controls: &Controls, body: &[u8]) -> Response {
    #[derive(Deserialize)]
    #[serde(rename_all = "PascalCase")]
    struct Body {
        reset_type: ResetType,
    }
    let Ok(Body { reset_type }) = serde_json::from_slice(body) else {
        let text = format!("ResetType must be one of {}", shapes::RESET_TYPES.join(", "));
        return refuse(StatusCode::BAD_REQUEST, "ActionParameterValueNotInList", &text);
    };
    match controls.reset(reset_type).await {
        Ok(()) => StatusCode::NO_CONTENT.into_response(),
        Err(error @ (MachineError::Off(_) | MachineError::Frozen(_))) => {
            refuse(StatusCode::CONFLICT, "ResourceInUse", &with_causes(&error))
        }
        Err(error) => refuse(StatusCode::INTERNAL_SERVER_ERROR, "InternalError", &with_causes(&error)),
    }
}

async fn set_boot(controls: &Controls, body: &[u8]) -> Response {
    let boot = match shapes::parse_boot(body, controls.machine.status().boot) {
        Ok(boot) => boot,
        Err(error) => {
            return refuse(StatusCode::BAD_REQUEST, "PropertyValueNotInList", &error.to_string());
        }
    };
    match set_boot_override(controls, boot).await {
        Ok(()) => StatusCode::NO_CONTENT.into_response(),
        Err(error) => refuse(StatusCode::INTERNAL_SERVER_ERROR, "InternalError", &with_causes(&error)),
    }
}

async fn set_boot_override(controls: &Controls, boot: BootOverride) -> Result<(), MachineError> {
    if controls.mode() == Mode::ForeignUuid {
        return Ok(());
    }
    controls.machine.order(Order::Boot(boot)).await
}

fn is_allowed(headers: &HeaderMap) -> bool {
    let expected = base64::engine::general_purpose::STANDARD.encode(format!("{USER}:{PASSWORD}"));
    let given = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    given.and_then(|value| value.strip_prefix("Basic ")).is_some_and(|value| value == expected)
}

fn done(status: StatusCode, body: &Value) -> Response {
    let headers = [(header::CONTENT_TYPE, "application/json"), (header::CACHE_CONTROL, "no-store")];
    // DSP0266, 8.2: every answer says which protocol it speaks.
    (status, [("OData-Version", "4.0")], headers, body.to_string()).into_response()
}

fn refuse(status: StatusCode, message: &str, text: &str) -> Response {
    done(status, &shapes::error(message, text))
}
