//! `GET /v1/sources/{name}`: one Source with its values, as a form needs them.
//!
//! The values are for clients that may change the Source. No answer has a secret.

use std::sync::Arc;

use axum::extract::rejection::PathRejection;
use axum::extract::{FromRequestParts, Path};
use axum::http::request::Parts;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use serde::Serialize;
use serde_json::{Map, Value, json};

use crate::core::source::Source;
use crate::serve::access::Grant;
use crate::serve::http::api::error::{ApiError, ApiErrors, ErrorCode};
use crate::serve::http::api::managed_source::{MadeChange, stored_values};
use crate::serve::http::api::operation::{ApiOperation, ApiTag};
use crate::serve::http::api::request_context::RequestContext;
use crate::serve::http::api::response::ChangesWithoutVersion;
use crate::serve::http::api::search_task::{available, run_index_task};
use crate::serve::http::api::visible_sources::VisibleSources;
use crate::serve::http::app_state::source_id;
use crate::serve::http::client::ClientState;
use crate::serve::http::deployment_status::{DeploymentStatus, count_assets};

/// Its entry in the OpenAPI document.
pub(super) const OPERATION: ApiOperation = ApiOperation {
    path: "/v1/sources/{name}",
    id: "source",
    summary: "Get one Source. Its values need a token that may change it. A managed Source has an ETag for If-Match.",
    tag: ApiTag::Sources,
    response_schema: "OneSource",
    may_be_not_found: true,
    ..ApiOperation::READ
};

/// The name of a Source, from the path.
pub(super) struct SourceName(pub String);

impl<S: Send + Sync> FromRequestParts<S> for SourceName {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let path = Path::<String>::from_request_parts(parts, state).await;
        let Path(name) = path.map_err(|_: PathRejection| {
            let text = "the name of the Source must be percent-encoded UTF-8";
            ApiError::new(ErrorCode::PathInvalid, text)
        })?;
        Ok(Self(name))
    }
}

/// A Source in a response.
#[derive(Serialize)]
pub(super) struct Detail {
    data: Data,
    /// The warnings about a change that the daemon does not use yet.
    #[serde(skip_serializing_if = "Option::is_none")]
    meta: Option<Value>,
}

#[derive(Serialize)]
struct Data {
    name: String,
    id: String,
    is_managed: bool,
    /// The version for `If-Match`. `None` if the Source is in the configuration file.
    version: Option<String>,
    status: &'static str,
    assets: Option<u64>,
    values: Option<Map<String, Value>>,
}

impl Detail {
    /// The `ETag` of the Source, if it is managed.
    pub(super) fn etag(&self) -> Option<String> {
        let version = self.data.version.as_ref()?;
        Some(format!("\"{version}\""))
    }

    /// The status of a response with the Source. `success` is the one if the daemon uses what is shown.
    pub(super) fn status(&self, success: StatusCode) -> StatusCode {
        match self.meta {
            None => success,
            Some(_) => StatusCode::ACCEPTED,
        }
    }
}

impl IntoResponse for Detail {
    fn into_response(self) -> Response {
        let (etag, status) = (self.etag(), self.status(StatusCode::OK));
        let mut response = (status, Json(self)).into_response();
        if let Some(etag) = etag.and_then(|etag| HeaderValue::from_str(&etag).ok()) {
            response.headers_mut().insert(header::ETAG, etag);
            response.extensions_mut().insert(ChangesWithoutVersion);
        }
        response
    }
}

/// Handles a request.
pub(super) async fn handle(
    SourceName(name): SourceName,
    Extension(grant): Extension<Grant>,
    ctx: RequestContext,
) -> Result<Detail, ApiErrors> {
    ctx.params(&OPERATION)?;
    detail(&ctx.app, &grant, &name).await
}

/// The Source with this name, as the client may see it.
pub(super) async fn detail(
    app: &ClientState,
    grant: &Grant,
    name: &str,
) -> Result<Detail, ApiErrors> {
    let visible = VisibleSources::new(app.catalog(), grant.clone());
    let source = Arc::clone(&visible.with_name(name)?.source);
    shown(app, grant, source).await
}

/// The Source after a change. Before the daemon uses the change, the catalog does not have it.
pub(super) async fn changed(
    app: &ClientState,
    grant: &Grant,
    name: &str,
    made: MadeChange,
) -> Result<Detail, ApiErrors> {
    match made.source {
        Some(source) if !made.warnings.is_empty() => Ok(Detail {
            meta: Some(json!({ "warnings": made.warnings })),
            ..shown(app, grant, source).await?
        }),
        _ => detail(app, grant, name).await,
    }
}

async fn shown(app: &ClientState, grant: &Grant, source: Arc<Source>) -> Result<Detail, ApiErrors> {
    let name = source.name.clone();
    let stored = if source.is_managed {
        stored_values(app, grant, &name).await?
    } else {
        None
    };
    let is_managed = source.is_managed;
    let without_index = DeploymentStatus::of(None, &source).name();
    let counted = run_index_task(app, move |snapshot, deadline| {
        let snapshot = available(snapshot);
        let status = DeploymentStatus::of(snapshot.as_deref(), &source);
        let assets = count_assets(snapshot.as_deref(), &source, deadline)?;
        Ok((status.name(), assets))
    });
    // A change that was made must not look like a failed one because the index is busy.
    let (status, assets) = counted.await.unwrap_or((without_index, None));
    let version = stored.as_ref().map(|stored| stored.version.to_string());
    let values = stored.filter(|_| grant.may_manage(&name));
    Ok(Detail {
        meta: None,
        data: Data {
            id: source_id(&name),
            name,
            is_managed,
            version,
            status,
            assets,
            values: values.map(|stored| stored.values),
        },
    })
}
