//! What every node can say: that it has booted, and how it goes on.

use super::{NodeApi, holders};
use crate::registry::{HelloRequest, NodeAnswer, NodeError, ReportRequest};
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, Extension, Request, State};
use axum::http::StatusCode;
use axum::middleware::{Next, from_fn};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use axum::{Json, Router};
use serde::de::DeserializeOwned;
use serde_json::json;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;
use understudy_core::model::id::NodeId;
use understudy_core::protocol::instruction::Instruction;
use understudy_core::protocol::report::{Hello, Report};
use understudy_core::protocol::{BODY_BYTES_MAX, ENROL_PATH, REPORT_PATH};
use understudy_core::trust::short_code;

/// How long one request may take, its body included.
const REQUEST_MAX: Duration = Duration::from_secs(20);

/// Who is at the other end, by its key.
#[derive(Clone, Debug)]
pub struct Peer {
    pub id: NodeId,
    /// DER of its SubjectPublicKeyInfo.
    pub public_key: Arc<[u8]>,
    pub remote: IpAddr,
    /// The address of ours that it reached.
    pub local: IpAddr,
}

pub fn router(api: NodeApi, peer: Peer) -> Router {
    Router::new()
        .route(ENROL_PATH, post(enrol))
        .route(REPORT_PATH, post(report))
        .merge(holders::router())
        .fallback(|| async { refuse(StatusCode::NOT_FOUND, "there is nothing here") })
        .method_not_allowed_fallback(|| async { refuse(StatusCode::METHOD_NOT_ALLOWED, "use POST") })
        .layer(DefaultBodyLimit::max(BODY_BYTES_MAX))
        .layer(Extension(peer))
        .layer(from_fn(in_time))
        .with_state(api)
}

async fn in_time(request: Request, next: Next) -> Response {
    match tokio::time::timeout(REQUEST_MAX, next.run(request)).await {
        Ok(response) => response,
        Err(_) => refuse(StatusCode::REQUEST_TIMEOUT, "the request took too long"),
    }
}

async fn enrol(State(api): State<NodeApi>, Extension(peer): Extension<Peer>, body: Bytes) -> Response {
    api.metrics.hellos();
    let hello: Hello = match parse(&body) {
        Ok(hello) => hello,
        Err(response) => return response,
    };
    let images_url = images_url(&api, peer.local);
    let mut request =
        HelloRequest { id: peer.id.clone(), code: None, address: peer.remote, hello, images_url };
    let answer = match api.registry.hello(request.clone()).await {
        Err(NodeError::CodeNeeded) => {
            let Some(code) = code(&api, &peer).await else {
                return refuse(StatusCode::SERVICE_UNAVAILABLE, "the site is ending");
            };
            request.code = Some(code);
            api.registry.hello(request).await
        }
        answer => answer,
    };
    respond(answer)
}

async fn report(State(api): State<NodeApi>, Extension(peer): Extension<Peer>, body: Bytes) -> Response {
    api.metrics.reports();
    let report: Report = match parse(&body) {
        Ok(report) => report,
        Err(response) => return response,
    };
    let images_url = images_url(&api, peer.local);
    let request = ReportRequest { id: peer.id, address: peer.remote, report, images_url };
    respond(api.registry.report(request).await)
}

/// Where a node that reached us at this address finds image folders.
fn images_url(api: &NodeApi, local: IpAddr) -> String {
    match api.http_port {
        80 => format!("http://{local}/images"),
        port => format!("http://{local}:{port}/images"),
    }
}

async fn code(api: &NodeApi, peer: &Peer) -> Option<String> {
    let _turn = api.codes.acquire().await.ok()?;
    let (ca, key) = (Arc::clone(&api.ca), Arc::clone(&peer.public_key));
    tokio::task::spawn_blocking(move || short_code(&ca, &key)).await.ok()
}

pub fn parse<T: DeserializeOwned>(body: &[u8]) -> Result<T, Response> {
    serde_json::from_slice(body).map_err(|error| {
        // The position helps who writes a node; the text of the body stays out of it.
        let place = format!("the body is not understood at line {} column {}", error.line(), error.column());
        refuse(StatusCode::BAD_REQUEST, &place)
    })
}

fn respond(answer: NodeAnswer<Instruction>) -> Response {
    match answer {
        Ok(instruction) => Json(instruction).into_response(),
        Err(NodeError::Crowded) => {
            refuse(StatusCode::SERVICE_UNAVAILABLE, "too many machines wait for approval")
        }
        Err(NodeError::Ended | NodeError::CodeNeeded) => {
            refuse(StatusCode::SERVICE_UNAVAILABLE, "the site is ending")
        }
        Err(NodeError::Ledger) => {
            refuse(StatusCode::SERVICE_UNAVAILABLE, "the site cannot store anything now")
        }
    }
}

pub fn refuse(status: StatusCode, message: &str) -> Response {
    (status, Json(json!({ "error": message }))).into_response()
}
