//! What comes in and what goes out: bounded, parsed, and every refusal as JSON.

use axum::Json;
use axum::extract::rejection::{JsonRejection, PathRejection, QueryRejection};
use axum::extract::{FromRequest, FromRequestParts, Path, Query, Request};
use axum::http::StatusCode;
use axum::http::request::Parts;
use axum::response::{IntoResponse, Response};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// The largest body of a request; the largest that makes sense is a few hundred bytes.
pub const BODY_BYTES_MAX: usize = 64 << 10;

/// The body of every refusal.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct ErrorBody {
    pub error: String,
}

/// A refusal.
pub fn refuse(status: StatusCode, message: &str) -> Response {
    (status, Json(ErrorBody { error: message.to_owned() })).into_response()
}

/// The site is about to end; whoever asks again reaches the next one.
pub fn ending() -> Response {
    refuse(StatusCode::SERVICE_UNAVAILABLE, "the site is ending")
}

/// A JSON body.
pub struct Body<T>(pub T);

/// A part of the path.
pub struct InPath<T>(pub T);

/// What stands behind the question mark.
pub struct InQuery<T>(pub T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Body<T> {
    type Rejection = Response;

    async fn from_request(request: Request, state: &S) -> Result<Self, Response> {
        let parsed = Json::<T>::from_request(request, state).await;
        let told = |error: JsonRejection| refuse(error.status(), &error.body_text());
        parsed.map(|Json(value)| Self(value)).map_err(told)
    }
}

impl<T: DeserializeOwned + Send, S: Send + Sync> FromRequestParts<S> for InPath<T> {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Response> {
        let parsed = Path::<T>::from_request_parts(parts, state).await;
        let told = |error: PathRejection| refuse(error.status(), &error.body_text());
        parsed.map(|Path(value)| Self(value)).map_err(told)
    }
}

impl<T: DeserializeOwned, S: Send + Sync> FromRequestParts<S> for InQuery<T> {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Response> {
        let parsed = Query::<T>::from_request_parts(parts, state).await;
        let told = |error: QueryRejection| refuse(error.status(), &error.body_text());
        parsed.map(|Query(value)| Self(value)).map_err(told)
    }
}
