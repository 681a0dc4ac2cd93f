//! `/v1/asset`: one asset by its path.

use std::sync::Arc;

use axum::Json;
use serde::Serialize;

use super::search::PREVIEWS;
use crate::serve::http::api::error::{ApiError, Code};
use crate::serve::http::api::hits::{self, HitBody};
use crate::serve::http::api::inquiry::Inquiry;
use crate::serve::http::api::openapi::{Operation, Tag};
use crate::serve::http::api::params::{Form, Spec};
use crate::serve::http::api::run::searching;

/// Which asset.
pub(super) const WHICH: &[Spec] = &[
    Spec {
        name: "source",
        form: Form::RequiredText,
        about: "the name of the Source",
    },
    Spec {
        name: "path",
        form: Form::RequiredText,
        about: "the asset path, which begins with /, byte for byte",
    },
];

/// In the OpenAPI document.
pub(super) const OPERATION: Operation = Operation {
    path: "/v1/asset",
    id: "asset",
    summary: "One asset by its path",
    tag: Tag::Search,
    parameters: &[WHICH, &[PREVIEWS]],
    answer: "OneHit",
    may_be_missing: true,
};

/// The answer.
#[derive(Serialize)]
pub(super) struct Body {
    data: Option<HitBody>,
}

/// Answers a request.
pub(super) async fn answer(inquiry: Inquiry) -> Result<Json<Body>, ApiError> {
    let params = inquiry.params(&OPERATION)?;
    let listed = inquiry.source(&params)?;
    let source = Arc::clone(&listed.source);
    let path = params.text("path").unwrap_or_default().to_owned();
    let found = searching(&inquiry.site, move |view, _| {
        if !source.enabled {
            return Ok(None);
        }
        view.asset(&source, &path)
    });
    let Some(hit) = found.await? else {
        let text = "the Source has no asset of this path; /v1/explain tells why";
        return Err(ApiError::new(Code::NotFound, text).of("path"));
    };
    let mut bodies = hits::bodies(vec![hit], &inquiry.scope, params.flag(PREVIEWS.name)).await;
    Ok(Json(Body { data: bodies.pop() }))
}
