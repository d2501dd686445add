//! What an operator can ask.

use super::body::{BODY_BYTES_MAX, Body, ErrorBody, InPath, InQuery, ending, refuse};
use super::describe::{Description, openapi};
use super::{OperatorApi, identities, tokens};
use crate::access::Actor;
use crate::events::{self, Event};
use crate::lifecycle::Consent;
use crate::metrics::Gauges;
use crate::rack;
use crate::registry::{OperatorError, Order};
use crate::shelf::ImageView;
use crate::view::NodeView;
use axum::Json;
use axum::extract::{DefaultBodyLimit, Extension, State};
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use tracing::error;
use understudy_core::base::causes::with_causes;
use understudy_core::model::id::NodeId;
use understudy_ledger::{Key, PAGE_ENTRIES_MAX};
use utoipa::{IntoParams, OpenApi, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

const EVENTS_DEFAULT: usize = 200;

/// How far an approval goes.
#[derive(Debug, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ApproveRequest {
    /// Allows to overwrite data of others on the disks that the node has now.
    #[serde(default)]
    pub wipe: bool,
    /// Allows an image that is older than one that the node has trusted.
    #[serde(default)]
    pub allow_older: bool,
    /// Lets a node that has its image, or had it, come from the network once more.
    #[serde(default)]
    pub again: bool,
}

/// Which events.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct EventsQuery {
    /// Only those behind this number.
    #[param(format = "uint64")]
    pub after: Option<u64>,
    /// At most so many, 1000 at most.
    pub limit: Option<usize>,
}

/// Every route with its description: what is added here is described, and what names no role is nobody's.
pub fn router() -> OpenApiRouter<OperatorApi> {
    OpenApiRouter::with_openapi(Description::openapi())
        .routes(routes!(nodes))
        .routes(routes!(node))
        .routes(routes!(approve))
        .routes(routes!(retire))
        .routes(routes!(identities::identities))
        .routes(routes!(identities::clusters))
        .routes(routes!(identities::takeovers))
        .routes(routes!(identities::rack))
        .routes(routes!(identities::assign))
        .routes(routes!(identities::replace))
        .routes(routes!(identities::acknowledge))
        .routes(routes!(identities::drain))
        .routes(routes!(identities::trust_bmc))
        .routes(routes!(identities::pause))
        .routes(routes!(identities::resume))
        .routes(routes!(events_after))
        .routes(routes!(images))
        .routes(routes!(tokens::tokens, tokens::new_token))
        .routes(routes!(tokens::revoke_token))
        .routes(routes!(description))
        .routes(routes!(metrics))
        .fallback(|| async { refuse(StatusCode::NOT_FOUND, "there is nothing here; see /v1/openapi.json") })
        .layer(DefaultBodyLimit::max(BODY_BYTES_MAX))
}

/// All nodes.
#[utoipa::path(get, path = "/v1/nodes", security(("token" = ["read"])),
    responses((status = 200, body = Vec<NodeView>)))]
async fn nodes(State(api): State<OperatorApi>) -> Response {
    match seen_nodes(&api).await {
        Some(nodes) => Json(nodes).into_response(),
        None => ending(),
    }
}

/// All nodes, with what the rack agent knows of them.
async fn seen_nodes(api: &OperatorApi) -> Option<Vec<NodeView>> {
    let mut nodes = api.registry.nodes().await?;
    if let Some(view) = api.rack.view() {
        nodes.iter_mut().for_each(|node| rack::complete(node, &view));
    }
    Some(nodes)
}

/// One node.
#[utoipa::path(get, path = "/v1/nodes/{id}", security(("token" = ["read"])),
    params(("id" = String, Path, pattern = "^[0-9a-f]{16}$")),
    responses((status = 200, body = NodeView), (status = 404, body = ErrorBody)))]
async fn node(State(api): State<OperatorApi>, InPath(id): InPath<NodeId>) -> Response {
    let Some(nodes) = seen_nodes(&api).await else { return ending() };
    match nodes.into_iter().find(|node| node.id == id) {
        Some(node) => Json(node).into_response(),
        None => refuse(StatusCode::NOT_FOUND, &OperatorError::NoSuchNode(id).to_string()),
    }
}

/// Lets a node have the image.
#[utoipa::path(post, path = "/v1/nodes/{id}/approve", security(("token" = ["operate"])),
    params(("id" = String, Path, pattern = "^[0-9a-f]{16}$")),
    request_body = ApproveRequest,
    responses((status = 200, body = NodeView), (status = 404, body = ErrorBody), (status = 409, body = ErrorBody)))]
async fn approve(
    State(api): State<OperatorApi>,
    Extension(actor): Extension<Actor>,
    InPath(id): InPath<NodeId>,
    Body(request): Body<ApproveRequest>,
) -> Response {
    let ApproveRequest { wipe, allow_older, again } = request;
    order(&api, id, Order::Approve(Consent { wipe, allow_older, again }), actor).await
}

/// Ends a node: it gets nothing any more. Declined while it has the last copy of a volume.
#[utoipa::path(post, path = "/v1/nodes/{id}/retire", security(("token" = ["operate"])),
    params(("id" = String, Path, pattern = "^[0-9a-f]{16}$")),
    responses((status = 200, body = NodeView), (status = 404, body = ErrorBody), (status = 409, body = ErrorBody)))]
async fn retire(
    State(api): State<OperatorApi>,
    Extension(actor): Extension<Actor>,
    InPath(id): InPath<NodeId>,
) -> Response {
    match rack::why_it_stays(&*api.ledger, &id).await {
        Ok(None) => order(&api, id, Order::Retire, actor).await,
        Ok(Some(why)) => refuse(StatusCode::CONFLICT, &why),
        Err(failure) => {
            error!(error = with_causes(&failure), "cannot read where volumes are");
            refuse(StatusCode::SERVICE_UNAVAILABLE, "the ledger cannot be read; the site's log says why")
        }
    }
}

async fn order(api: &OperatorApi, id: NodeId, order: Order, actor: Actor) -> Response {
    match api.registry.order(id, order, actor).await {
        Ok(node) => Json(node).into_response(),
        Err(error) => refused(&error),
    }
}

/// An operator's wish that was not followed.
pub fn refused(error: &OperatorError) -> Response {
    let status = match error {
        OperatorError::NoSuchNode(_) | OperatorError::NoSuchToken(_) => StatusCode::NOT_FOUND,
        OperatorError::Declined(_) | OperatorError::TokenTaken(_) | OperatorError::TokensTooMany(_) => {
            StatusCode::CONFLICT
        }
        OperatorError::Expiry => StatusCode::UNPROCESSABLE_ENTITY,
        OperatorError::Ledger | OperatorError::DiskFull | OperatorError::Ended => {
            StatusCode::SERVICE_UNAVAILABLE
        }
    };
    refuse(status, &error.to_string())
}

/// What happened, the oldest first.
#[utoipa::path(get, path = "/v1/events", security(("token" = ["read"])), params(EventsQuery),
    responses((status = 200, body = Vec<Event>)))]
async fn events_after(State(api): State<OperatorApi>, InQuery(query): InQuery<EventsQuery>) -> Response {
    let after: Option<Key> = query.after.and_then(|seq| events::key(seq).ok());
    let limit = query.limit.unwrap_or(EVENTS_DEFAULT).min(PAGE_ENTRIES_MAX);
    match api.ledger.range(&events::prefix(), after.as_ref(), limit).await {
        Ok(page) => {
            Json(page.entries.into_iter().map(|entry| entry.value).collect::<Vec<_>>()).into_response()
        }
        Err(failure) => {
            error!(error = with_causes(&failure), "cannot read events");
            refuse(StatusCode::SERVICE_UNAVAILABLE, "the ledger cannot be read; the site's log says why")
        }
    }
}

/// The shelf.
#[utoipa::path(get, path = "/v1/images", security(("token" = ["read"])),
    responses((status = 200, body = Vec<ImageView>)))]
async fn images(State(api): State<OperatorApi>) -> Response {
    let views = api.shelf.borrow().views(&api.image);
    Json(views).into_response()
}

/// This description.
#[utoipa::path(get, path = "/v1/openapi.json", security(("token" = ["read"])),
    responses((status = 200, body = serde_json::Value)))]
async fn description() -> Response {
    Json(openapi()).into_response()
}

/// Counters for Prometheus.
#[utoipa::path(get, path = "/metrics", security(("token" = ["read"])),
    responses((status = 200, body = String, content_type = "text/plain")))]
async fn metrics(State(api): State<OperatorApi>) -> Response {
    let (Some(nodes), Some(events)) = (api.registry.nodes().await, api.registry.event_count().await) else {
        return ending();
    };
    let (images, images_refused) = {
        let shelf = api.shelf.borrow();
        (shelf.images.len(), shelf.refused.len())
    };
    let netboot = (api.more_metrics)();
    let text = api.metrics.text(&Gauges { nodes: &nodes, events, images, images_refused, netboot })
        + &api.rack.metrics();
    ([(CONTENT_TYPE, "text/plain; version=0.0.4")], text).into_response()
}
