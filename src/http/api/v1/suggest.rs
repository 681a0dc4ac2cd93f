//! `/v1/suggest`: what someone may be about to write.

use std::sync::Arc;

use axum::Json;
use axum::extract::{RawQuery, State};
use serde::Serialize;

use crate::http::api::error::ApiError;
use crate::http::api::openapi::{Operation, Tag};
use crate::http::api::params::{Form, Params, Spec};
use crate::http::api::run::{refused, searching};
use crate::http::api::scope::{Scope, Seer};
use crate::http::site::Site;
use crate::query::Suggestion;
use crate::query::request::MAX_SUGGESTIONS;
use crate::source::Source;

const PARAMETERS: &[Spec] = &[
    Spec {
        name: "q",
        form: Form::RequiredText,
        about: "the beginning of a name, as it is written so far",
    },
    Spec {
        name: "source",
        form: Form::Texts,
        about: "the name of a Source; may be there several times; all without it",
    },
    Spec {
        name: "limit",
        form: Form::Number {
            least: 1,
            greatest: MAX_SUGGESTIONS as u64,
            default: 10,
        },
        about: "the most suggestions",
    },
];

/// In the OpenAPI document.
pub const OPERATION: Operation = Operation {
    path: "/v1/suggest",
    id: "suggest",
    summary: "Names of assets and folders that begin so",
    tag: Tag::Search,
    parameters: &[PARAMETERS],
    answer: "Suggestions",
    may_be_missing: true,
};

/// The answer.
#[derive(Serialize)]
pub struct Body {
    data: Vec<Suggestion>,
}

/// Answers a request.
pub async fn answer(
    State(site): State<Arc<Site>>,
    seer: Seer,
    RawQuery(query): RawQuery,
) -> Result<Json<Body>, ApiError> {
    let params = Params::read(query.as_deref(), OPERATION.parameters)?;
    let scope = Scope::new(site.catalog(), seer);
    let searched = scope.searched(params.texts("source"))?;
    let sources: Vec<Arc<Source>> = searched.iter().map(|it| Arc::clone(&it.source)).collect();
    let text = params.text("q").unwrap_or_default().to_owned();
    let limit = usize::try_from(params.number("limit")).unwrap_or(MAX_SUGGESTIONS);
    let asker = Arc::clone(&site);
    let data = searching(&site, move |view, deadline| {
        let scope: Vec<&Source> = sources.iter().map(|source| &**source).collect();
        let found = view.suggest(&scope, &text, limit, deadline);
        found.map_err(|error| refused(&error, &asker))
    })
    .await?;
    Ok(Json(Body { data }))
}
