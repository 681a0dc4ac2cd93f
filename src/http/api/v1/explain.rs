//! `/v1/explain`: why a path is or is not found, by the configuration and the index.
//!
//! The bucket is not asked: `asset-indexer explain` does that.

use std::sync::Arc;

use axum::Json;
use axum::extract::{RawQuery, State};
use serde::Serialize;

use super::asset::WHICH;
use crate::explain::{Facts, InBucket, InIndex, facts, in_index, verdict};
use crate::http::api::error::ApiError;
use crate::http::api::openapi::{Operation, Tag};
use crate::http::api::params::Params;
use crate::http::api::run::{looking, unreadable};
use crate::http::api::scope::{Scope, Seer};
use crate::http::site::Site;
use crate::index::IndexError;
use crate::index::live::open_live;
use crate::source::Source;

/// In the OpenAPI document.
pub const OPERATION: Operation = Operation {
    path: "/v1/explain",
    id: "explain",
    summary: "Why a path is or is not found",
    tag: Tag::Search,
    parameters: &[WHICH],
    answer: "Explained",
    may_be_missing: true,
};

/// The answer.
#[derive(Serialize)]
pub struct Body {
    data: Explained,
}

#[derive(Serialize)]
struct Explained {
    facts: Facts,
    searchable: Option<bool>,
    verdict: String,
}

/// Answers a request.
pub async fn answer(
    State(site): State<Arc<Site>>,
    seer: Seer,
    RawQuery(query): RawQuery,
) -> Result<Json<Body>, ApiError> {
    let params = Params::read(query.as_deref(), OPERATION.parameters)?;
    let scope = Scope::new(site.catalog(), seer);
    let listed = scope.named(params.text("source").unwrap_or_default(), "source")?;
    let source = Arc::clone(&listed.source);
    let path = params.text("path").unwrap_or_default();
    let Some(key) = source.key_of(path) else {
        let text =
            format!("{path:?} names no key; an asset path is / and the key behind the prefix");
        return Err(ApiError::invalid("path", text));
    };
    let every = scope.catalog().reconcile_every;
    let asker = Arc::clone(&site);
    let facts = looking(&site, move |_, _| {
        let known = in_live_index(&asker, &source, &key, every);
        let index = known.map_err(|error| unreadable(&error))?;
        Ok(facts(&source, &key, InBucket::NotAsked, index))
    })
    .await?;
    let verdict = verdict(&facts);
    let data = Explained {
        searchable: verdict.is_searchable(),
        verdict: verdict.to_string(),
        facts,
    };
    Ok(Json(Body { data }))
}

fn in_live_index(
    site: &Site,
    source: &Source,
    key: &str,
    every: std::time::Duration,
) -> Result<InIndex, IndexError> {
    match open_live(&site.data_dir)? {
        None => Ok(InIndex::NoIndex),
        Some(engine) => in_index(&engine, source, key, every),
    }
}
