//! `/v1/sources`: the Sources that a client may see.

use std::sync::Arc;

use axum::Json;
use serde::Serialize;

use crate::core::source::Source;
use crate::serve::http::api::error::ApiError;
use crate::serve::http::api::inquiry::Inquiry;
use crate::serve::http::api::openapi::{Operation, Tag};
use crate::serve::http::api::run::{at_hand, looking};
use crate::serve::http::api::standing::{Standing, assets};

/// In the OpenAPI document.
pub(super) const OPERATION: Operation = Operation {
    path: "/v1/sources",
    id: "sources",
    summary: "The Sources that may be seen",
    tag: Tag::Search,
    parameters: &[],
    answer: "Sources",
    may_be_missing: false,
};

/// The answer.
#[derive(Serialize)]
pub(super) struct Body {
    data: Vec<SourceBody>,
}

#[derive(Serialize)]
struct SourceBody {
    name: String,
    id: String,
    enabled: bool,
    bucket: String,
    prefix: String,
    base_url: String,
    status: &'static str,
    assets: Option<u64>,
}

/// Answers a request.
pub(super) async fn answer(inquiry: Inquiry) -> Result<Json<Body>, ApiError> {
    inquiry.params(&OPERATION)?;
    let sources = inquiry
        .scope
        .all()
        .map(|it| (it.id.clone(), Arc::clone(&it.source)));
    let sources: Vec<(String, Arc<Source>)> = sources.collect();
    let data = looking(&inquiry.site, move |view, deadline| {
        let view = at_hand(view);
        let body = |(id, source): (String, Arc<Source>)| {
            let standing = Standing::of(view.as_deref(), &source);
            Ok(SourceBody {
                name: source.name.clone(),
                id,
                enabled: source.enabled,
                bucket: source.bucket.clone(),
                prefix: source.prefix.clone(),
                base_url: source.base_url.clone(),
                status: standing.status(),
                assets: assets(view.as_deref(), &source, deadline)?,
            })
        };
        sources.into_iter().map(body).collect()
    })
    .await?;
    Ok(Json(Body { data }))
}
