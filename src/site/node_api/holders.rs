//! What nodes that run from their disk can say: that they live, and that they want the bundle of what they hold.
//!
//! A heartbeat waits for neither the registry nor the ledger: who may speak is read from memory, and what the node is
//! to hold is the rack agent's answer.

use super::NodeApi;
use super::routes::{Peer, parse, refuse};
use crate::bundles::BundleError;
use crate::registry::Admission;
use crate::secrets::SecretsError;
use axum::Json;
use axum::Router;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, Extension, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use tracing::{error, info};
use understudy_core::base::causes::with_causes;
use understudy_core::protocol::bundle::BundleRequest;
use understudy_core::protocol::heartbeat::Heartbeat;
use understudy_core::protocol::{BUNDLE_PATH, HEARTBEAT_PATH};

/// What was seen of a few peers, and a reason in words.
const HEARTBEAT_BYTES_MAX: usize = 32 << 10;
/// A name and a number.
const BUNDLE_REQUEST_BYTES_MAX: usize = 1 << 10;

pub fn router() -> Router<NodeApi> {
    Router::new()
        .route(HEARTBEAT_PATH, post(heartbeat).layer(DefaultBodyLimit::max(HEARTBEAT_BYTES_MAX)))
        .route(BUNDLE_PATH, post(bundle).layer(DefaultBodyLimit::max(BUNDLE_REQUEST_BYTES_MAX)))
}

async fn heartbeat(State(api): State<NodeApi>, Extension(peer): Extension<Peer>, body: Bytes) -> Response {
    api.metrics.heartbeats();
    let beat: Heartbeat = match parse(&body) {
        Ok(beat) => beat,
        Err(response) => return response,
    };
    let refused = match api.registry.standings().admits(&peer.id, &beat.boot_id) {
        Admission::Yes => return Json(api.rack.heartbeat(&peer.id, beat, peer.remote)).into_response(),
        Admission::OtherBoot => (StatusCode::CONFLICT, "say hello first"),
        Admission::No => (StatusCode::FORBIDDEN, "this node is not known to run its image from its own disk"),
    };
    api.metrics.heartbeats_refused();
    refuse(refused.0, refused.1)
}

async fn bundle(State(api): State<NodeApi>, Extension(peer): Extension<Peer>, body: Bytes) -> Response {
    let request: BundleRequest = match parse(&body) {
        Ok(request) => request,
        Err(response) => return response,
    };
    let granted = api.rack.granted(&peer.id, &request.identity, request.epoch);
    let Some(granted) = granted.filter(|_| api.registry.standings().is_running(&peer.id)) else {
        api.metrics.bundles_refused();
        info!(node = %peer.id, identity = %request.identity, epoch = %request.epoch, "a bundle was refused");
        return refuse(StatusCode::FORBIDDEN, "this node does not hold that identity at that epoch");
    };
    match api.bundles.of(&request, granted, &peer.public_key).await {
        Ok(bundle) => {
            api.metrics.bundles();
            info!(node = %peer.id, identity = %request.identity, epoch = %request.epoch, "a bundle was given");
            Json(bundle).into_response()
        }
        Err(failure) => {
            api.metrics.bundles_refused();
            let identity = &request.identity;
            error!(node = %peer.id, %identity, error = with_causes(&failure), "a bundle cannot be made");
            match failure {
                BundleError::Secrets(SecretsError::Stale { .. }) => {
                    refuse(StatusCode::CONFLICT, "that epoch is over")
                }
                BundleError::NoSuchIdentity(_) => refuse(StatusCode::NOT_FOUND, "there is no such identity"),
                BundleError::Seal(_) => refuse(
                    StatusCode::BAD_REQUEST,
                    "nothing can be sealed to the node's key: it must be on P-256",
                ),
                BundleError::Secrets(_) => {
                    refuse(StatusCode::SERVICE_UNAVAILABLE, "the site cannot make the bundle now")
                }
            }
        }
    }
}
