//! `/v1/suggest`: what someone may be about to write.

use axum::Json;
use serde::Serialize;

use crate::core::query::Suggestion;
use crate::core::query::request::MAX_SUGGESTIONS;
use crate::core::source::Source;
use crate::serve::http::api::error::ApiError;
use crate::serve::http::api::inquiry::Inquiry;
use crate::serve::http::api::openapi::{Operation, Tag};
use crate::serve::http::api::params::{Form, Spec};
use crate::serve::http::api::run::searching;

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
pub(super) const OPERATION: Operation = Operation {
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
pub(super) struct Body {
    data: Vec<Suggestion>,
}

/// Answers a request.
pub(super) async fn answer(inquiry: Inquiry) -> Result<Json<Body>, ApiError> {
    let params = inquiry.params(&OPERATION)?;
    let sources = inquiry.scope.searched(params.texts("source"))?;
    let text = params.text("q").unwrap_or_default().to_owned();
    let limit = usize::try_from(params.number("limit")).unwrap_or(MAX_SUGGESTIONS);
    let data = searching(&inquiry.site, move |view, deadline| {
        let scope: Vec<&Source> = sources.iter().map(|source| &**source).collect();
        view.suggest(&scope, &text, limit, deadline)
    })
    .await?;
    Ok(Json(Body { data }))
}
