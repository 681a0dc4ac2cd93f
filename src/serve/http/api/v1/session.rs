//! `/v1/session`: what the client may do, and the exchange of a link's code for a token.
//!
//! It stores nothing: a client that ends its session forgets its token.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::{HeaderName, header};
use axum::{Extension, Json};
use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;

use crate::serve::access::link::CodeError;
use crate::serve::access::{AccessLevel, Grant, SourceScope};
use crate::serve::http::api::error::{ApiError, ErrorCode};
use crate::serve::http::api::request_body::read_object;
use crate::serve::http::app_state::AppState;
use crate::serve::http::auth::Auth;

/// What the client may do.
#[derive(Serialize)]
pub(super) struct Session {
    /// Whether the request has a valid token.
    authenticated: bool,
    token_name: Option<String>,
    /// `None` if the client needs a token and has none.
    right: Option<&'static str>,
    may_manage: bool,
    may_create: bool,
    /// The names of the Sources that it may see. `None` for all.
    sources: Option<Vec<String>>,
    /// Whether reading needs a token.
    tokens_required: bool,
    /// Who changes Sources. `None` if this server cannot.
    managed_by: Option<&'static str>,
}

/// A token from a link.
#[derive(Serialize)]
pub(super) struct NewSession {
    token: String,
    expires_at: String,
}

/// Handles GET.
pub(super) async fn show(
    State(app): State<Arc<AppState>>,
    Extension(auth): Extension<Arc<Auth>>,
    grant: Option<Extension<Grant>>,
) -> Json<Session> {
    let grant = grant.as_deref();
    let may = |right: fn(&Grant) -> bool| grant.is_some_and(right);
    let sources = match grant.map(Grant::scope) {
        None => Some(Vec::new()),
        Some(SourceScope::All) => None,
        Some(SourceScope::Only(names)) => Some(names.iter().cloned().collect()),
    };
    let token_name = grant.and_then(Grant::token_name);
    Json(Session {
        authenticated: token_name.is_some(),
        token_name: token_name.map(str::to_owned),
        right: grant.map(Grant::level).map(AccessLevel::as_str),
        may_manage: may(Grant::is_manager),
        may_create: may(Grant::may_create_sources),
        sources,
        tokens_required: !auth.access().is_open(),
        managed_by: app.changer.is_some().then_some("daemon"),
    })
}

/// Handles POST: exchanges the code of a link for a token.
pub(super) async fn begin(
    Extension(auth): Extension<Arc<Auth>>,
    request: Request,
) -> Result<([(HeaderName, &'static str); 1], Json<NewSession>), ApiError> {
    let (parts, body) = request.into_parts();
    let body = read_object(&parts.headers, body).await?;
    let Some(code) = body.get("code").and_then(Value::as_str) else {
        let text = "the body must be {\"code\": CODE}, with the code of the link";
        return Err(ApiError::new(ErrorCode::BodyInvalid, text));
    };
    let redeemed = auth.access().links().redeem(code, Timestamp::now());
    let token = redeemed.map_err(|error| {
        let code = match error {
            CodeError::Unknown => ErrorCode::CodeInvalid,
            CodeError::NoRandomBytes => ErrorCode::Internal,
        };
        ApiError::new(code, error.to_string())
    })?;
    tracing::info!("a one-time link was used");
    let session = NewSession {
        token: token.token.to_string(),
        expires_at: token.expires.to_string(),
    };
    Ok(([(header::CACHE_CONTROL, "no-store")], Json(session)))
}
