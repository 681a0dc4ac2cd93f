//! Sets up and changes Sources in imgix's shape: `POST /api/v1/sources` and `PATCH /api/v1/sources/{id}`.
//!
//! `source_values` translates the documents. The daemon checks and makes the changes, as for `/v1`.

use std::sync::Arc;

use axum::extract::Path;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::Response;
use serde_json::{Value, json};

use super::document::document;
use super::source_values::{self, SourceInput};
use super::sources::{ONE, resource};
use crate::managed::changes::{Change, Values};
use crate::serve::http::api::error::ApiErrors;
use crate::serve::http::api::idempotency::{Answer, answer_once};
use crate::serve::http::api::managed_source::{apply, changer, shape_errors};
use crate::serve::http::api::operation::{ApiMethod, ApiOperation, ApiTag, RequestBody};
use crate::serve::http::api::visible_sources::VisibleSources;
use crate::serve::http::api::write_request::{IDEMPOTENCY_KEY, IF_MATCH, WriteRequest};
use crate::serve::http::app_state::source_id;

/// The path of all Sources.
const SOURCES: &str = "/api/v1/sources";

pub(super) const CREATE: ApiOperation = ApiOperation {
    method: ApiMethod::Post,
    path: SOURCES,
    id: "imgixCreateSource",
    summary: "Set up a Source. Its first scan starts at once. The token must be for all Sources. `meta.warnings` lists \
              attributes that were ignored.",
    tag: ApiTag::Imgix,
    headers: &[IDEMPOTENCY_KEY],
    request: RequestBody::Json("ImgixSourceInput"),
    success: 201,
    response_schema: "ImgixSource",
    may_be_not_found: true,
    may_be_pending: true,
    ..ApiOperation::READ
};

pub(super) const UPDATE: ApiOperation = ApiOperation {
    method: ApiMethod::Patch,
    path: ONE.path,
    id: "imgixUpdateSource",
    summary: "Change, enable or disable a managed Source. Attributes that are not in the body stay.",
    tag: ApiTag::Imgix,
    headers: &[IF_MATCH],
    request: RequestBody::Json("ImgixSourceInput"),
    response_schema: "ImgixSource",
    may_be_not_found: true,
    may_be_pending: true,
    ..ApiOperation::READ
};

/// Handles `POST`.
pub(super) async fn create(request: WriteRequest) -> Result<Response, ApiErrors> {
    request.require_may_create()?;
    changer(&request.app)?;
    let request = Arc::new(request);
    let run = create_source(Arc::clone(&request));
    let answer = answer_once(&request, SOURCES, run).await?;
    let mut response = document_with_version(answer.body, &answer.etag);
    *response.status_mut() = answer.status;
    let location = HeaderValue::from_str(&answer.location);
    let location = location.expect("an id has only hex digits");
    response.headers_mut().insert(header::LOCATION, location);
    Ok(response)
}

async fn create_source(request: Arc<WriteRequest>) -> Result<Answer, ApiErrors> {
    let mut input = source_values::read(&request.body);
    // If the name is missing, the answer says so together with all other mistakes.
    let name = input.values.get("name").and_then(Value::as_str);
    let name = name.unwrap_or_default().to_owned();
    let change = Change::Create(Values(std::mem::take(&mut input.values)));
    let answer = change_source(&request, &name, change, &input, StatusCode::CREATED).await?;
    Ok(Answer {
        location: format!("{SOURCES}/{}", source_id(&name)),
        ..answer
    })
}

/// Handles `PATCH`.
pub(super) async fn update(
    Path(id): Path<String>,
    request: WriteRequest,
) -> Result<Response, ApiErrors> {
    let visible = VisibleSources::new(request.app.catalog(), request.grant.clone());
    let name = visible.with_id(&id)?.source.name.clone();
    let mut input = source_values::read(&request.body);
    let change = Change::Update {
        patch: Values(std::mem::take(&mut input.values)),
        if_version: request.if_match.clone(),
    };
    let answer = change_source(&request, &name, change, &input, StatusCode::OK).await?;
    let mut response = document_with_version(answer.body, &answer.etag);
    *response.status_mut() = answer.status;
    Ok(response)
}

/// Makes the change. The body of the answer has its `data` and `meta`. `success` is the status if the daemon uses the
/// change.
async fn change_source(
    request: &WriteRequest,
    name: &str,
    change: Change,
    input: &SourceInput,
    success: StatusCode,
) -> Result<Answer, ApiErrors> {
    let pointer = |ours: &str| input.pointer_of(ours);
    if !input.mistakes.is_empty() {
        return Err(shape_errors(request, name, change, &input.mistakes, &pointer).await?);
    }
    let made = apply(request, name, change, false, &pointer).await?;
    let visible = VisibleSources::new(request.app.catalog(), request.grant.clone());
    let status = made.status(success);
    let source = match made.source {
        // Before the daemon uses the change, the catalog does not have it.
        Some(source) if !made.warnings.is_empty() => source,
        _ => Arc::clone(&visible.with_name(name)?.source),
    };
    let (data, _) = resource(&request.app, &visible, &source).await?;
    let warnings = [&input.warnings[..], &made.warnings].concat();
    // Not the version of the answer: someone else may have changed the Source meanwhile.
    let version = made.version.map(|version| format!("\"{version}\""));
    Ok(Answer {
        status,
        location: String::new(),
        etag: version.unwrap_or_default(),
        body: json!({ "data": data, "meta": { "warnings": warnings } }),
    })
}

fn document_with_version(mut body: Value, etag: &str) -> Response {
    let mut response = document(body["data"].take(), body["meta"].take());
    let etag = HeaderValue::from_str(etag).expect("a version has only hex digits");
    response.headers_mut().insert(header::ETAG, etag);
    response
}
