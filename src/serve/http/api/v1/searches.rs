//! `/v1/searches`: several searches in one request, all on the same snapshot of the index.
//!
//! The request is a POST, because the searches are in its body. It changes nothing, so any token may send it. All of its
//! searches share one permit and one time limit.

use std::sync::Arc;
use std::time::Instant;

use axum::Json;
use axum::extract::{FromRequest, Request};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use serde_json::{Map, Value};

use super::search;
use super::search::prepared::{Body, PreparedSearch};
use crate::core::query::request::MAX_LIMIT;
use crate::serve::http::api::error::{ApiError, ApiErrors, ErrorCode, pointer_of_name};
use crate::serve::http::api::operation::{ApiMethod, ApiOperation, RequestBody};
use crate::serve::http::api::params::{ParameterSpec, Params};
use crate::serve::http::api::request_body::read_object;
use crate::serve::http::api::request_context::RequestContext;
use crate::serve::http::api::search_task::run_searches;
use crate::serve::http::app_state::AppState;

/// Maximum number of searches in a request.
pub(in crate::serve::http::api) const MAX_SEARCHES: usize = 10;

/// The parameters of each search.
pub(in crate::serve::http::api) const PARAMETERS: &[ParameterSpec] = search::PARAMETERS;

/// Maximum number of hits of all searches in a request together, so that the answer is no larger than that of one search.
pub(in crate::serve::http::api) const MAX_HITS: usize = MAX_LIMIT;

/// The member of the body that has the searches.
const SEARCHES: &str = "searches";

/// Its entry in the OpenAPI document.
pub(super) const OPERATION: ApiOperation = ApiOperation {
    method: ApiMethod::Post,
    path: "/v1/searches",
    id: "searches",
    summary: "Run several searches on the same state of the index. Each has its own answer or error. Nothing is changed.",
    request: RequestBody::Json("Searches"),
    response_schema: "SearchAnswers",
    ..ApiOperation::READ
};

/// The response body.
#[derive(Serialize)]
pub(super) struct Answers {
    /// In the order of the request.
    data: Vec<Answer>,
}

#[derive(Serialize)]
#[serde(untagged)]
enum Answer {
    Page(Box<Body>),
    Failed(Value),
}

/// A request with its body.
pub(super) struct SearchesRequest {
    ctx: RequestContext,
    body: Map<String, Value>,
}

impl FromRequest<Arc<AppState>> for SearchesRequest {
    type Rejection = Response;

    async fn from_request(request: Request, app: &Arc<AppState>) -> Result<Self, Response> {
        let (mut parts, body) = request.into_parts();
        let ctx = RequestContext::read_by_post(&mut parts, app).await?;
        let body = read_object(&parts.headers, body).await;
        let body = body.map_err(IntoResponse::into_response)?;
        Ok(Self { ctx, body })
    }
}

/// Handles a request.
pub(super) async fn handle(request: SearchesRequest) -> Result<Json<Answers>, ApiError> {
    let begin = Instant::now();
    let SearchesRequest { ctx, body } = request;
    ctx.params(&OPERATION)?;
    let prepared: Vec<Result<PreparedSearch, ApiError>> = searches(&body)?
        .iter()
        .map(|values| PreparedSearch::read(&params(values)?, &ctx.sources))
        .collect();
    let hits: usize = prepared.iter().flatten().map(|search| search.limit).sum();
    if hits > MAX_HITS {
        let text = format!(
            "the searches ask for up to {hits} hits together, but {MAX_HITS} is the limit; reduce their limit"
        );
        return Err(ApiError::new(ErrorCode::ValueInvalid, text).at(format!("/{SEARCHES}")));
    }
    let runs = prepared.into_iter().map(|search| {
        move |snapshot: &_, deadline: &_| match search {
            Ok(search) => search.run(snapshot, deadline),
            Err(error) => Ok(Err(error)),
        }
    });
    let results = run_searches(&ctx.app, runs.collect()).await?;
    let mut data = Vec::with_capacity(results.len());
    for (index, result) in results.into_iter().enumerate() {
        data.push(match result.flatten() {
            Ok(found) => {
                let mut body = found.body(&ctx.sources).await;
                body.set_time(begin.elapsed());
                Answer::Page(Box::new(body))
            }
            Err(error) => {
                let error = error.in_body(&format!("/{SEARCHES}/{index}"));
                Answer::Failed(ApiErrors::from(error).document())
            }
        });
    }
    Ok(Json(Answers { data }))
}

/// The searches in the body.
fn searches(body: &Map<String, Value>) -> Result<&[Value], ApiError> {
    let invalid = |text: String, pointer: &str| {
        Err(ApiError::new(ErrorCode::ValueInvalid, text).at(pointer.to_owned()))
    };
    if let Some(other) = body.keys().find(|name| *name != SEARCHES) {
        let text = format!("the body has only {SEARCHES:?}, and not {other:?}");
        return invalid(text, &pointer_of_name(other));
    }
    match body.get(SEARCHES) {
        Some(Value::Array(searches)) if (1..=MAX_SEARCHES).contains(&searches.len()) => {
            Ok(searches)
        }
        _ => {
            let text =
                format!("the body needs {SEARCHES:?}: a list of 1 to {MAX_SEARCHES} searches");
            invalid(text, &format!("/{SEARCHES}"))
        }
    }
}

/// The parameters of one search, which are those of `/v1/search`.
fn params(values: &Value) -> Result<Params, ApiError> {
    let Value::Object(values) = values else {
        let text = "a search must be an object with the parameters of /v1/search";
        return Err(ApiError::new(ErrorCode::ValueInvalid, text).at(""));
    };
    Params::of_json(values, search::OPERATION.parameters)
}
