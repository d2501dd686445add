//! Identities, clusters and takeovers over the API: shown, and what operators say about them.

use super::OperatorApi;
use super::body::{Body, ErrorBody, InPath, refuse};
use crate::access::Actor;
use crate::events::{About, EventKind};
use crate::rack::{self, ClusterDetails, IdentityDetails};
use crate::registry::Note;
use axum::Json;
use axum::extract::{Extension, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use understudy_core::model::id::NodeId;
use understudy_core::model::name::Name;
use understudy_ledger::Txn;
use understudy_plan::durable::Strength;
use understudy_plan::event::Command;
use understudy_plan::key::Scope;
use understudy_rack::view::{RackView, TakeoverView};
use understudy_rack::{Carry, Refused};
use utoipa::ToSchema;

/// How long a reason may be; it ends in events.
const REASON_CHARS_MAX: usize = 200;

/// To whom an identity goes.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AssignRequest {
    #[schema(value_type = String, pattern = "^[0-9a-f]{16}$")]
    pub node: NodeId,
    /// Only say what would be done now.
    #[serde(default)]
    pub dry_run: bool,
}

/// Why an identity leaves its holder, and how hard.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ReplaceRequest {
    /// Told in the events.
    #[schema(min_length = 1, max_length = 200)]
    pub reason: String,
    /// Past pauses, allowance, storm and what waits for an acknowledgement; never past a missing fence.
    #[serde(default)]
    pub force: bool,
    /// The holder, of which the operator vouches that it has no power and never acts again as it is.
    #[schema(value_type = Option<String>, pattern = "^[0-9a-f]{16}$")]
    pub confirm_dead: Option<NodeId>,
    #[serde(default)]
    pub dry_run: bool,
}

/// Whether a node goes out of service, or comes back.
#[derive(Debug, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DrainRequest {
    /// It may be a spare again.
    #[serde(default)]
    pub undo: bool,
    #[serde(default)]
    pub dry_run: bool,
}

/// What is paused, and why.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PauseRequest {
    pub scope: ScopeRequest,
    #[schema(min_length = 1, max_length = 200)]
    pub reason: String,
    #[serde(default)]
    pub dry_run: bool,
}

/// What goes on.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ResumeRequest {
    pub scope: ScopeRequest,
    #[serde(default)]
    pub dry_run: bool,
}

/// The whole site, its rack, or one identity.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum ScopeRequest {
    Site,
    Rack,
    /// By its name.
    Identity(String),
}

/// A command that says nothing but itself.
#[derive(Debug, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PlainRequest {
    #[serde(default)]
    pub dry_run: bool,
}

/// What came of a command, or would.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct CommandView {
    /// Nothing was changed.
    pub dry_run: bool,
    /// One line for each thing.
    pub lines: Vec<String>,
}

/// All identities.
#[utoipa::path(get, path = "/v1/identities", security(("token" = ["read"])),
    responses((status = 200, body = Vec<IdentityDetails>)))]
pub async fn identities(State(api): State<OperatorApi>) -> Response {
    Json(rack::identities(&api.clusters, &api.rack)).into_response()
}

/// All clusters.
#[utoipa::path(get, path = "/v1/clusters", security(("token" = ["read"])),
    responses((status = 200, body = Vec<ClusterDetails>)))]
pub async fn clusters(State(api): State<OperatorApi>) -> Response {
    Json(rack::clusters(&api.clusters, &api.rack)).into_response()
}

/// The newest takeovers, each with its steps.
#[utoipa::path(get, path = "/v1/takeovers", security(("token" = ["read"])),
    responses((status = 200, body = Vec<TakeoverView>)))]
pub async fn takeovers(State(api): State<OperatorApi>) -> Response {
    Json(api.rack.view().map(|view| view.takeovers.clone()).unwrap_or_default()).into_response()
}

/// Everything that the rack agent knows; while none runs, why.
#[utoipa::path(get, path = "/v1/rack", security(("token" = ["read"])), responses((status = 200, body = RackView)))]
pub async fn rack(State(api): State<OperatorApi>) -> Response {
    match api.rack.running() {
        Ok(handle) => Json(&*handle.view()).into_response(),
        Err(why) => {
            let rack = api.rack_name.to_string();
            Json(RackView { rack, halted: vec![why], ..RackView::default() }).into_response()
        }
    }
}

/// Gives a free identity to a spare.
#[utoipa::path(post, path = "/v1/identities/{name}/assign", security(("token" = ["operate"])),
    params(("name" = String, Path, pattern = "^[a-z]([a-z0-9-]{0,30}[a-z0-9])?$")), request_body = AssignRequest,
    responses((status = 200, body = CommandView), (status = 404, body = ErrorBody), (status = 409, body = ErrorBody)))]
pub async fn assign(
    State(api): State<OperatorApi>,
    Extension(actor): Extension<Actor>,
    InPath(identity): InPath<Name>,
    Body(request): Body<AssignRequest>,
) -> Response {
    if let Err(response) = declared(&api, &identity) {
        return response;
    }
    command(&api, &actor, Command::Assign { identity, node: request.node }, request.dry_run).await
}

/// Moves an identity from its holder to a spare.
#[utoipa::path(post, path = "/v1/identities/{name}/replace", security(("token" = ["operate"])),
    params(("name" = String, Path, pattern = "^[a-z]([a-z0-9-]{0,30}[a-z0-9])?$")), request_body = ReplaceRequest,
    responses((status = 200, body = CommandView), (status = 404, body = ErrorBody), (status = 409, body = ErrorBody)))]
pub async fn replace(
    State(api): State<OperatorApi>,
    Extension(actor): Extension<Actor>,
    InPath(identity): InPath<Name>,
    Body(request): Body<ReplaceRequest>,
) -> Response {
    let reason = match checked_reason(&request.reason) {
        Ok(reason) => reason,
        Err(response) => return response,
    };
    let details = match declared(&api, &identity) {
        Ok(details) => details,
        Err(response) => return response,
    };
    let Some(holder) = details.node else {
        let text = match api.rack.running() {
            Ok(_) => format!("identity {identity} has no holder; to give it to a spare: understudy assign"),
            Err(why) => why,
        };
        return refuse(StatusCode::CONFLICT, &text);
    };
    // An operator who vouches for a node has to name it: the holder may have changed since it was looked at.
    if let Some(named) = request.confirm_dead.as_ref().filter(|named| **named != holder) {
        let text = format!("identity {identity} is held by node {holder}, not by {named}");
        return refuse(StatusCode::CONFLICT, &text);
    }
    let said = match request.confirm_dead {
        Some(node) => Command::ConfirmDead { node },
        None => {
            let strength = if request.force { Strength::Forced } else { Strength::Asked };
            Command::Replace { node: holder.clone(), reason: reason.clone(), strength }
        }
    };
    let response = command(&api, &actor, said, request.dry_run).await;
    if response.status() == StatusCode::OK && !request.dry_run {
        let about = About {
            node: Some(holder),
            identity: Some(identity.clone()),
            epoch: details.epoch,
            by: Some(actor.to_string()),
        };
        let text = format!("identity {identity} was to be replaced: {reason}");
        let note = Note { kind: EventKind::Commanded, about, text };
        api.registry.commit(Txn::new(), vec![note]).await;
    }
    response
}

/// Lets another takeover of an identity begin, so soon after the last.
#[utoipa::path(post, path = "/v1/identities/{name}/acknowledge", security(("token" = ["operate"])),
    params(("name" = String, Path, pattern = "^[a-z]([a-z0-9-]{0,30}[a-z0-9])?$")), request_body = PlainRequest,
    responses((status = 200, body = CommandView), (status = 404, body = ErrorBody), (status = 409, body = ErrorBody)))]
pub async fn acknowledge(
    State(api): State<OperatorApi>,
    Extension(actor): Extension<Actor>,
    InPath(identity): InPath<Name>,
    Body(request): Body<PlainRequest>,
) -> Response {
    if let Err(response) = declared(&api, &identity) {
        return response;
    }
    command(&api, &actor, Command::Acknowledge { identity }, request.dry_run).await
}

/// Takes a node out of service, or back into it.
#[utoipa::path(post, path = "/v1/nodes/{id}/drain", security(("token" = ["operate"])),
    params(("id" = String, Path, pattern = "^[0-9a-f]{16}$")), request_body = DrainRequest,
    responses((status = 200, body = CommandView), (status = 409, body = ErrorBody)))]
pub async fn drain(
    State(api): State<OperatorApi>,
    Extension(actor): Extension<Actor>,
    InPath(node): InPath<NodeId>,
    Body(request): Body<DrainRequest>,
) -> Response {
    let said = if request.undo { Command::Undrain { node } } else { Command::Drain { node } };
    command(&api, &actor, said, request.dry_run).await
}

/// Believes a node's BMC again.
#[utoipa::path(post, path = "/v1/nodes/{id}/trust-bmc", security(("token" = ["operate"])),
    params(("id" = String, Path, pattern = "^[0-9a-f]{16}$")), request_body = PlainRequest,
    responses((status = 200, body = CommandView), (status = 409, body = ErrorBody)))]
pub async fn trust_bmc(
    State(api): State<OperatorApi>,
    Extension(actor): Extension<Actor>,
    InPath(node): InPath<NodeId>,
    Body(request): Body<PlainRequest>,
) -> Response {
    command(&api, &actor, Command::TrustBmc { node }, request.dry_run).await
}

/// Lets nothing be assigned, fenced or moved by itself.
#[utoipa::path(post, path = "/v1/pause", security(("token" = ["operate"])), request_body = PauseRequest,
    responses((status = 200, body = CommandView), (status = 404, body = ErrorBody), (status = 409, body = ErrorBody)))]
pub async fn pause(
    State(api): State<OperatorApi>,
    Extension(actor): Extension<Actor>,
    Body(request): Body<PauseRequest>,
) -> Response {
    match (checked_reason(&request.reason), scope(&api, request.scope)) {
        (Ok(reason), Ok(scope)) => {
            command(&api, &actor, Command::Pause { scope, reason }, request.dry_run).await
        }
        (Err(response), _) | (_, Err(response)) => response,
    }
}

/// Ends a pause.
#[utoipa::path(post, path = "/v1/resume", security(("token" = ["operate"])), request_body = ResumeRequest,
    responses((status = 200, body = CommandView), (status = 404, body = ErrorBody), (status = 409, body = ErrorBody)))]
pub async fn resume(
    State(api): State<OperatorApi>,
    Extension(actor): Extension<Actor>,
    Body(request): Body<ResumeRequest>,
) -> Response {
    match scope(&api, request.scope) {
        Ok(scope) => command(&api, &actor, Command::Resume { scope }, request.dry_run).await,
        Err(response) => response,
    }
}

fn scope(api: &OperatorApi, scope: ScopeRequest) -> Result<Scope, Response> {
    Ok(match scope {
        ScopeRequest::Site => Scope::Site,
        ScopeRequest::Rack => Scope::Rack(api.rack_name.clone()),
        ScopeRequest::Identity(text) => {
            let unknown = |_: understudy_core::model::name::NameError| {
                refuse(StatusCode::NOT_FOUND, "site.toml has no identity of that name")
            };
            Scope::Identity(declared(api, &text.parse().map_err(unknown)?)?.name)
        }
    })
}

fn declared(api: &OperatorApi, name: &Name) -> Result<IdentityDetails, Response> {
    let found = rack::identities(&api.clusters, &api.rack).into_iter().find(|one| one.name == *name);
    found.ok_or_else(|| refuse(StatusCode::NOT_FOUND, &format!("site.toml has no identity {name}")))
}

fn checked_reason(reason: &str) -> Result<String, Response> {
    let reason = reason.trim();
    let is_good = !reason.is_empty() && reason.chars().count() <= REASON_CHARS_MAX;
    if is_good && !reason.chars().any(char::is_control) {
        return Ok(reason.to_owned());
    }
    let text = format!("a reason is needed: one line, {REASON_CHARS_MAX} characters at most");
    Err(refuse(StatusCode::UNPROCESSABLE_ENTITY, &text))
}

async fn command(api: &OperatorApi, actor: &Actor, command: Command, dry_run: bool) -> Response {
    let handle = match api.rack.running() {
        Ok(handle) => handle,
        Err(why) => return refuse(StatusCode::CONFLICT, &why),
    };
    let carry = if dry_run { Carry::Rehearse } else { Carry::Out };
    match handle.command(&actor.to_string(), command, carry).await {
        Ok(done) => Json(CommandView { dry_run, lines: done.lines }).into_response(),
        Err(error) => {
            let status = match error {
                Refused::Declined(_) => StatusCode::CONFLICT,
                Refused::Unknown | Refused::Busy | Refused::Ended => StatusCode::SERVICE_UNAVAILABLE,
            };
            refuse(status, &error.to_string())
        }
    }
}
