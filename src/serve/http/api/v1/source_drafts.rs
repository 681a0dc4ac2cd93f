//! `POST /v1/sources/test`, `/preview` and `/setup`: try out values before they are saved. Nothing is stored.
//!
//! The daemon does the work; this module checks the request and its rights.

use axum::Json;
use serde_json::{Map, Value, json};

use crate::managed::changes::{ChangeError, Values};
use crate::serve::http::api::change_error::{ShapeError, refused, with_shape_errors};
use crate::serve::http::api::error::{ApiError, ApiErrors, ErrorCode, pointer_of_name};
use crate::serve::http::api::managed_source::{actor, read_only};
use crate::serve::http::api::operation::{ApiMethod, ApiOperation, ApiTag, RequestBody};
use crate::serve::http::api::write_request::WriteRequest;
use crate::serve::source_drafts::{DraftError, MAX_PATHS, SourceDrafts};

/// Where the values of the Source are in a request for a preview.
const ABOVE_SOURCE: &str = "/source";

const DRAFT: ApiOperation = ApiOperation {
    method: ApiMethod::Post,
    tag: ApiTag::Sources,
    request: RequestBody::Json("SourceValues"),
    may_be_not_found: true,
    ..ApiOperation::READ
};

pub(super) const TEST: ApiOperation = ApiOperation {
    path: "/v1/sources/test",
    id: "testSource",
    summary: "Test whether a Source with these values would work, within 15 seconds. If a managed Source has the name, \
              the values change it as a patch.",
    response_schema: "SourceTest",
    ..DRAFT
};

pub(super) const PREVIEW: ApiOperation = ApiOperation {
    path: "/v1/sources/preview",
    id: "previewSource",
    summary: "Show which keys the rules would admit, with examples and the rule that decides. At most one page of each \
              included prefix is listed.",
    request: RequestBody::Json("PreviewRequest"),
    response_schema: "SourcePreview",
    ..DRAFT
};

pub(super) const SETUP: ApiOperation = ApiOperation {
    path: "/v1/sources/setup",
    id: "setupSource",
    summary: "The IAM policy for the credentials of the Source, and a script that creates its queue.",
    response_schema: "SourceSetup",
    ..DRAFT
};

/// Handles a request for a test.
pub(super) async fn test(request: WriteRequest) -> Result<Json<Value>, ApiErrors> {
    request.params(&TEST)?;
    let drafts = may_try(&request, &request.body)?;
    let draft = Values(request.body.clone());
    let report = drafts.test(draft, actor(&request.grant)).await;
    answer(&request, report, "")
}

/// Handles a request for a preview.
pub(super) async fn preview(request: WriteRequest) -> Result<Json<Value>, ApiErrors> {
    request.params(&PREVIEW)?;
    let PreviewRequest {
        source,
        paths,
        mistakes,
    } = preview_request(&request.body);
    let drafts = may_try(&request, &source)?;
    let (draft, actor) = (Values(source), actor(&request.grant));
    if mistakes.is_empty() {
        let preview = drafts.preview(draft, actor, paths).await;
        return answer(&request, preview, ABOVE_SOURCE);
    }
    let problems = match drafts.check(draft, actor).await {
        Err(DraftError::Refused(ChangeError::Invalid(problems))) => problems,
        _ => Vec::new(),
    };
    Err(with_shape_errors(&mistakes, problems, &|pointer| {
        format!("{ABOVE_SOURCE}{pointer}")
    }))
}

/// Handles a request for the setup.
pub(super) async fn setup(request: WriteRequest) -> Result<Json<Value>, ApiErrors> {
    request.params(&SETUP)?;
    let drafts = may_try(&request, &request.body)?;
    let draft = Values(request.body.clone());
    let setup = drafts.setup(draft, actor(&request.grant)).await;
    answer(&request, setup, "")
}

/// What tries out drafts, if the client may do so with these values. A token for some Sources may only try changes of
/// these.
fn may_try<'r>(
    request: &'r WriteRequest,
    values: &Map<String, Value>,
) -> Result<&'r SourceDrafts, ApiErrors> {
    if !request.grant.may_create_sources() {
        let Some(name) = values.get("name").and_then(Value::as_str) else {
            request.require_may_create()?;
            let text = "missing; set the name of the Source that the values change";
            let error = ApiError::new(ErrorCode::ValueInvalid, text);
            return Err(error.at("/name").into());
        };
        request.require_may_manage(name)?;
        let catalog = request.app.catalog();
        if !catalog.sources.iter().any(|it| it.source.name == name) {
            request.require_may_create()?;
        }
    }
    Ok(request.app.drafts.as_ref().ok_or_else(read_only)?)
}

/// The body of a request for a preview.
struct PreviewRequest {
    /// The values of the Source.
    source: Map<String, Value>,
    /// The paths to judge.
    paths: Vec<String>,
    /// All mistakes in the shape of the body.
    mistakes: Vec<ShapeError>,
}

fn preview_request(body: &Map<String, Value>) -> PreviewRequest {
    let mut mistakes = Vec::new();
    let mut mistake = |pointer: &str, problem: &str| {
        mistakes.push(ShapeError {
            pointer: pointer.to_owned(),
            problem: problem.to_owned(),
        });
    };
    for key in body
        .keys()
        .filter(|key| *key != "source" && *key != "paths")
    {
        mistake(&pointer_of_name(key), "unknown value; use source and paths");
    }
    let source = body.get("source").and_then(Value::as_object);
    if source.is_none() {
        mistake(
            ABOVE_SOURCE,
            "must be an object with the values of the Source",
        );
    }
    let paths = match body.get("paths") {
        None | Some(Value::Null) => Some(Vec::new()),
        Some(paths) => serde_json::from_value::<Vec<String>>(paths.clone()).ok(),
    };
    let paths = paths.filter(|paths| paths.len() <= MAX_PATHS);
    if paths.is_none() {
        let problem = format!("must be a list of at most {MAX_PATHS} texts");
        mistake("/paths", &problem);
    }
    PreviewRequest {
        source: source.cloned().unwrap_or_default(),
        paths: paths.unwrap_or_default(),
        mistakes,
    }
}

/// The response. `above` is where the values are in the body.
fn answer<T: serde::Serialize>(
    request: &WriteRequest,
    result: Result<T, DraftError>,
    above: &str,
) -> Result<Json<Value>, ApiErrors> {
    let data = result.map_err(|error| match error {
        DraftError::Refused(error) => refused(error, &request.grant, &|pointer| {
            format!("{above}{pointer}")
        }),
        DraftError::Busy => ApiError::new(ErrorCode::Busy, error.to_string()).into(),
        DraftError::NoSetup(_) => ApiError::new(ErrorCode::ValueInvalid, error.to_string()).into(),
        DraftError::Stopping => ApiError::new(ErrorCode::Unavailable, error.to_string()).into(),
    })?;
    Ok(Json(json!({ "data": data })))
}
