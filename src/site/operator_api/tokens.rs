//! Tokens over the API: made, listed, ended; for the role admin.

use super::OperatorApi;
use super::body::{Body, InPath, ending};
use super::routes::refused;
use crate::access::{Actor, Role, TokenView};
use crate::registry::NewToken;
use axum::Json;
use axum::extract::{Extension, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::num::NonZeroU16;
use std::time::Duration;
use understudy_core::model::name::Name;
use utoipa::ToSchema;

const DAY: Duration = Duration::from_secs(24 * 3600);

/// The token that is wanted.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewTokenRequest {
    /// `a-z`, `0-9` and inner `-`, a letter first.
    #[schema(value_type = String, pattern = "^[a-z]([a-z0-9-]{0,30}[a-z0-9])?$")]
    pub name: Name,
    pub role: Role,
    /// For how many days it is good; for ever without.
    #[schema(value_type = Option<u16>, minimum = 1, maximum = 65535)]
    pub days: Option<NonZeroU16>,
}

/// A token that was just made.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct MadeToken {
    /// What its holder shows. Nobody can ask for it again.
    pub secret: String,
    pub token: TokenView,
}

/// All tokens, without their secrets.
#[utoipa::path(get, path = "/v1/tokens", security(("token" = ["admin"])),
    responses((status = 200, body = Vec<TokenView>)))]
pub async fn tokens(State(api): State<OperatorApi>) -> Response {
    let now = Timestamp::now();
    let views: Vec<TokenView> = api.registry.tokens().all().iter().map(|token| token.view(now)).collect();
    Json(views).into_response()
}

/// Makes a token.
#[utoipa::path(post, path = "/v1/tokens", security(("token" = ["admin"])), request_body = NewTokenRequest,
    responses((status = 201, body = MadeToken), (status = 409, body = super::ErrorBody)))]
pub async fn new_token(
    State(api): State<OperatorApi>,
    Extension(actor): Extension<Actor>,
    Body(request): Body<NewTokenRequest>,
) -> Response {
    let NewTokenRequest { name, role, days } = request;
    let wanted = NewToken { name, role, valid: days.map(|days| DAY * u32::from(days.get())) };
    match api.registry.new_token(wanted, actor).await {
        Ok((token, secret)) => {
            let made = MadeToken { secret: secret.as_str().to_owned(), token: token.view(Timestamp::now()) };
            (StatusCode::CREATED, Json(made)).into_response()
        }
        Err(error) => refused(&error),
    }
}

/// Ends a token at once.
#[utoipa::path(delete, path = "/v1/tokens/{name}", security(("token" = ["admin"])),
    params(("name" = String, Path, pattern = "^[a-z]([a-z0-9-]{0,30}[a-z0-9])?$")),
    responses((status = 200, body = Vec<TokenView>), (status = 404, body = super::ErrorBody)))]
pub async fn revoke_token(
    State(api): State<OperatorApi>,
    Extension(actor): Extension<Actor>,
    InPath(name): InPath<Name>,
) -> Response {
    match api.registry.revoke_token(name, actor).await {
        Ok(()) => tokens(State(api)).await,
        Err(crate::registry::OperatorError::Ended) => ending(),
        Err(error) => refused(&error),
    }
}
