//! What an operator can ask.

use super::OperatorApi;
use crate::events::{self, Event};
use crate::lifecycle::Consent;
use crate::metrics::Gauges;
use crate::registry::{OperatorError, Order};
use crate::shelf::ImageView;
use crate::view::NodeView;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde::{Deserialize, Serialize};
use serde_json::json;
use tracing::error;
use understudy_core::base::causes::with_causes;
use understudy_core::model::id::NodeId;
use understudy_ledger::{Key, PAGE_ENTRIES_MAX};
use utoipa::{IntoParams, OpenApi, ToSchema};

const EVENTS_DEFAULT: usize = 200;

#[derive(OpenApi)]
#[openapi(
    info(title = "understudy operator API", description = "On the unix socket of `understudy serve`."),
    paths(nodes, node, approve, retire, events_after, images, metrics)
)]
struct Description;

/// The description of this API (OpenAPI 3.1).
pub fn openapi() -> utoipa::openapi::OpenApi {
    Description::openapi()
}

/// The body of every refusal.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct ErrorBody {
    pub error: String,
}

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
pub struct EventsQuery {
    /// Only those behind this number.
    pub after: Option<u64>,
    /// At most so many, 1000 at most.
    pub limit: Option<usize>,
}

pub fn router(api: OperatorApi) -> Router {
    Router::new()
        .route("/v1/nodes", get(nodes))
        .route("/v1/nodes/{id}", get(node))
        .route("/v1/nodes/{id}/approve", post(approve))
        .route("/v1/nodes/{id}/retire", post(retire))
        .route("/v1/events", get(events_after))
        .route("/v1/images", get(images))
        .route("/v1/openapi.json", get(|| async { Json(openapi()) }))
        .route("/metrics", get(metrics))
        .fallback(|| async { refuse(StatusCode::NOT_FOUND, "there is nothing here; see /v1/openapi.json") })
        .with_state(api)
}

/// All nodes.
#[utoipa::path(get, path = "/v1/nodes", responses((status = 200, body = Vec<NodeView>)))]
async fn nodes(State(api): State<OperatorApi>) -> Response {
    match api.registry.nodes().await {
        Some(nodes) => Json(nodes).into_response(),
        None => ending(),
    }
}

/// One node.
#[utoipa::path(get, path = "/v1/nodes/{id}", params(("id" = String, Path)),
    responses((status = 200, body = NodeView), (status = 404, body = ErrorBody)))]
async fn node(State(api): State<OperatorApi>, Path(id): Path<NodeId>) -> Response {
    let Some(nodes) = api.registry.nodes().await else { return ending() };
    match nodes.into_iter().find(|node| node.id == id) {
        Some(node) => Json(node).into_response(),
        None => refuse(StatusCode::NOT_FOUND, &OperatorError::NoSuchNode(id).to_string()),
    }
}

/// Lets a node have the image.
#[utoipa::path(post, path = "/v1/nodes/{id}/approve", params(("id" = String, Path)),
    request_body = ApproveRequest,
    responses((status = 200, body = NodeView), (status = 404, body = ErrorBody), (status = 409, body = ErrorBody)))]
async fn approve(
    State(api): State<OperatorApi>,
    Path(id): Path<NodeId>,
    Json(request): Json<ApproveRequest>,
) -> Response {
    let ApproveRequest { wipe, allow_older, again } = request;
    order(&api, id, Order::Approve(Consent { wipe, allow_older, again })).await
}

/// Ends a node: it gets nothing any more.
#[utoipa::path(post, path = "/v1/nodes/{id}/retire", params(("id" = String, Path)),
    responses((status = 200, body = NodeView), (status = 404, body = ErrorBody), (status = 409, body = ErrorBody)))]
async fn retire(State(api): State<OperatorApi>, Path(id): Path<NodeId>) -> Response {
    order(&api, id, Order::Retire).await
}

async fn order(api: &OperatorApi, id: NodeId, order: Order) -> Response {
    match api.registry.order(id, order).await {
        Ok(node) => Json(node).into_response(),
        Err(error) => {
            let status = match error {
                OperatorError::NoSuchNode(_) => StatusCode::NOT_FOUND,
                OperatorError::Declined(_) => StatusCode::CONFLICT,
                OperatorError::Ledger | OperatorError::Ended => StatusCode::SERVICE_UNAVAILABLE,
            };
            refuse(status, &error.to_string())
        }
    }
}

/// What happened, the oldest first.
#[utoipa::path(get, path = "/v1/events", params(EventsQuery), responses((status = 200, body = Vec<Event>)))]
async fn events_after(State(api): State<OperatorApi>, Query(query): Query<EventsQuery>) -> Response {
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
#[utoipa::path(get, path = "/v1/images", responses((status = 200, body = Vec<ImageView>)))]
async fn images(State(api): State<OperatorApi>) -> Response {
    let views = api.shelf.borrow().views(&api.image);
    Json(views).into_response()
}

/// Counters for Prometheus.
#[utoipa::path(get, path = "/metrics", responses((status = 200, body = String)))]
async fn metrics(State(api): State<OperatorApi>) -> Response {
    let (Some(nodes), Some(events)) = (api.registry.nodes().await, api.registry.event_count().await) else {
        return ending();
    };
    let (images, images_refused) = {
        let shelf = api.shelf.borrow();
        (shelf.images.len(), shelf.refused.len())
    };
    let netboot = (api.more_metrics)();
    let text = api.metrics.text(&Gauges { nodes: &nodes, events, images, images_refused, netboot });
    ([(CONTENT_TYPE, "text/plain; version=0.0.4")], text).into_response()
}

fn ending() -> Response {
    refuse(StatusCode::SERVICE_UNAVAILABLE, "the site is ending")
}

fn refuse(status: StatusCode, message: &str) -> Response {
    (status, Json(json!({ "error": message }))).into_response()
}
