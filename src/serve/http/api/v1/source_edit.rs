//! Sets up, changes and removes Sources: `POST /v1/sources`, `PATCH` and `DELETE /v1/sources/{name}`.
//!
//! The values have the names of the configuration file. The daemon checks and makes the changes.

use std::sync::Arc;

use axum::Json;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use super::source::{Detail, SourceName, changed};
use crate::managed::changes::{Change, Values};
use crate::serve::http::api::error::ApiErrors;
use crate::serve::http::api::idempotency::{Answer, answer_once};
use crate::serve::http::api::managed_source::{apply, changer};
use crate::serve::http::api::operation::{ApiMethod, ApiOperation, ApiTag, RequestBody};
use crate::serve::http::api::params::{ParameterSpec, ValueType};
use crate::serve::http::api::search_task::{available, run_index_task};
use crate::serve::http::api::write_request::{IDEMPOTENCY_KEY, IF_MATCH, WriteRequest};
use crate::serve::http::deployment_status::count_assets;

/// The path of all Sources.
const SOURCES: &str = "/v1/sources";

const TESTED: ParameterSpec = ParameterSpec {
    name: "test",
    value_type: ValueType::OneOf(&["true", "false"]),
    description: "Whether new credentials, a new bucket or a new endpoint are tested with one listing before the old \
                  ones are dropped. The default is true.",
};

const WRITE: ApiOperation = ApiOperation {
    tag: ApiTag::Sources,
    response_schema: "OneSource",
    may_be_not_found: true,
    may_be_pending: true,
    ..ApiOperation::READ
};

pub(super) const CREATE: ApiOperation = ApiOperation {
    method: ApiMethod::Post,
    path: SOURCES,
    id: "createSource",
    summary: "Set up a Source. Its first scan starts at once. The token must be for all Sources.",
    headers: &[IDEMPOTENCY_KEY],
    request: RequestBody::Json("SourceValues"),
    success: 201,
    ..WRITE
};

pub(super) const UPDATE: ApiOperation = ApiOperation {
    method: ApiMethod::Patch,
    path: "/v1/sources/{name}",
    id: "updateSource",
    summary: "Change values of a managed Source, as a merge patch: null removes a value, values that are not in the \
              body stay.",
    parameters: &[&[TESTED]],
    headers: &[IF_MATCH],
    request: RequestBody::MergePatch("SourceValues"),
    ..WRITE
};

pub(super) const REMOVE: ApiOperation = ApiOperation {
    method: ApiMethod::Delete,
    path: "/v1/sources/{name}",
    id: "removeSource",
    summary: "Remove a managed Source. Its assets leave the index. Its subdomain stays bound to its name.",
    headers: &[IF_MATCH],
    response_schema: "RemovedSource",
    ..WRITE
};

/// Handles `POST`.
pub(super) async fn create(request: WriteRequest) -> Result<Response, ApiErrors> {
    request.params(&CREATE)?;
    request.require_may_create()?;
    changer(&request.app)?;
    let request = Arc::new(request);
    let run = create_source(Arc::clone(&request));
    Ok(created(&answer_once(&request, SOURCES, run).await?))
}

async fn create_source(request: Arc<WriteRequest>) -> Result<Answer, ApiErrors> {
    let values = request.body.clone();
    // If the name is missing, the answer says so together with all other mistakes.
    let name = values.get("name").and_then(Value::as_str);
    let name = name.unwrap_or_default().to_owned();
    let change = Change::Create(Values(values));
    let made = apply(&request, &name, change, false, &str::to_owned).await?;
    let detail = changed(&request.app, &request.grant, &name, made).await?;
    Ok(Answer {
        status: detail.status(StatusCode::CREATED),
        location: format!("{SOURCES}/{name}"),
        etag: detail.etag().unwrap_or_default(),
        body: json!(detail),
    })
}

fn created(answer: &Answer) -> Response {
    let headers = [
        (header::LOCATION, answer.location.clone()),
        (header::ETAG, answer.etag.clone()),
    ];
    (answer.status, headers, Json(&answer.body)).into_response()
}

/// Handles `PATCH`.
pub(super) async fn update(
    SourceName(name): SourceName,
    request: WriteRequest,
) -> Result<Detail, ApiErrors> {
    let params = request.params(&UPDATE)?;
    request.require_may_manage(&name)?;
    let is_untested = params.text("test") == Some("false");
    let change = Change::Update {
        patch: Values(request.body.clone()),
        if_version: request.if_match.clone(),
    };
    let made = apply(&request, &name, change, is_untested, &str::to_owned).await?;
    changed(&request.app, &request.grant, &name, made).await
}

/// Handles `DELETE`.
pub(super) async fn remove(
    SourceName(name): SourceName,
    request: WriteRequest,
) -> Result<(StatusCode, Json<Value>), ApiErrors> {
    request.params(&REMOVE)?;
    request.require_may_manage(&name)?;
    let catalog = request.app.catalog();
    let mut entries = catalog.sources.iter();
    let entry = entries.find(|entry| entry.source.name == name);
    let source = entry.map(|entry| Arc::clone(&entry.source));
    let subdomain = source.as_ref().map(|source| source.subdomain.clone());
    let assets = match source {
        None => None,
        Some(source) => {
            let counted = run_index_task(&request.app, move |snapshot, deadline| {
                count_assets(available(snapshot).as_deref(), &source, deadline)
            });
            // A slow or damaged index must not keep a Source.
            counted.await.unwrap_or_default()
        }
    };
    let change = Change::Remove {
        if_version: request.if_match.clone(),
    };
    let made = apply(&request, &name, change, true, &str::to_owned).await?;
    let mut body = json!({
        "data": { "name": name, "assets_leaving": assets, "bound_subdomain": subdomain },
    });
    if !made.warnings.is_empty() {
        body["meta"] = json!({ "warnings": made.warnings });
    }
    Ok((made.status(StatusCode::OK), Json(body)))
}
