//! `/v1/sources`: the Sources that a client may see.

use std::sync::Arc;

use axum::Json;
use axum::extract::{RawQuery, State};
use serde::Serialize;

use crate::http::api::error::ApiError;
use crate::http::api::openapi::{Operation, Tag};
use crate::http::api::params::Params;
use crate::http::api::run::{looking, refused};
use crate::http::api::scope::{Scope, Seer};
use crate::http::api::standing::{Standing, assets};
use crate::http::site::Site;
use crate::source::Source;

/// In the OpenAPI document.
pub const OPERATION: Operation = Operation {
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
pub struct Body {
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
pub async fn answer(
    State(site): State<Arc<Site>>,
    seer: Seer,
    RawQuery(query): RawQuery,
) -> Result<Json<Body>, ApiError> {
    Params::read(query.as_deref(), OPERATION.parameters)?;
    let scope = Scope::new(site.catalog(), seer);
    let sources = scope
        .all()
        .map(|it| (it.id.clone(), Arc::clone(&it.source)));
    let sources: Vec<(String, Arc<Source>)> = sources.collect();
    let asker = Arc::clone(&site);
    let data = looking(&site, move |view, deadline| {
        let view = view.ok();
        let body = |(id, source): (String, Arc<Source>)| {
            let standing = Standing::of(view.as_deref(), &source);
            let assets = assets(view.as_deref(), &source, deadline);
            Ok(SourceBody {
                name: source.name.clone(),
                id,
                enabled: source.enabled,
                bucket: source.bucket.clone(),
                prefix: source.prefix.clone(),
                base_url: source.base_url.clone(),
                status: standing.status(),
                assets: assets.map_err(|error| refused(&error, &asker))?,
            })
        };
        sources.into_iter().map(body).collect()
    })
    .await?;
    Ok(Json(Body { data }))
}
