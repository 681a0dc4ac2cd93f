//! `/api/v1`: the shapes of imgix's Assets API, for reading.
//!
//! What S3 does not know of an asset (tags, faces, dimensions, …) is null or empty. imgix's clients
//! need another base address and nothing else.

mod assets;
mod filters;
mod kinds;
mod paging;
mod sources;

use std::sync::Arc;

use axum::Router;
use axum::response::Response;
use axum::routing::get;
use serde_json::{Map, Value, json};

use super::json_api;
use super::openapi::Operation;
use crate::serve::http::site::Site;

/// What can be asked for.
pub(super) const OPERATIONS: [&Operation; 6] = [
    &sources::LIST,
    &sources::ONE,
    &assets::LIST,
    &assets::ONE,
    &assets::OLD_LIST,
    &assets::OLD_ONE,
];

/// The paths.
pub(super) fn routes() -> Router<Arc<Site>> {
    Router::new()
        .route(sources::LIST.path, get(sources::list))
        .route(sources::ONE.path, get(sources::one))
        .route(assets::LIST.path, get(assets::list))
        .route(assets::OLD_LIST.path, get(assets::list))
        .route(
            "/api/v1/sources/{id}/assets/{*origin_path}",
            get(assets::one),
        )
        .route("/api/v1/assets/{id}/{*origin_path}", get(assets::one))
}

/// The document around the data.
fn document(data: Value, meta: Value) -> Response {
    json_api(&json!({
        "data": data,
        "included": [],
        "jsonapi": { "version": "1.0" },
        "meta": meta,
    }))
}

/// The attributes with only the fields that are named, if any are, with commas between; a dot leads
/// inside. Names that there are not leave nothing.
fn sparse(attributes: Value, fields: Option<&str>) -> Value {
    let Some(fields) = fields else {
        return attributes;
    };
    let mut kept = Map::new();
    for field in fields.split(',') {
        let (outer, inner) = match field.split_once('.') {
            Some((outer, inner)) => (outer, Some(inner)),
            None => (field, None),
        };
        let Some(value) = attributes.get(outer) else {
            continue;
        };
        match (inner, kept.get_mut(outer)) {
            (None, _) => {
                kept.insert(outer.to_owned(), value.clone());
            }
            (Some(inner), Some(Value::Object(some))) => {
                let value = value.get(inner).cloned();
                some.extend(value.map(|value| (inner.to_owned(), value)));
            }
            (Some(_), _) => {
                let inside = sparse(value.clone(), inner);
                kept.insert(outer.to_owned(), inside);
            }
        }
    }
    Value::Object(kept)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_left_out_unless_they_are_named() {
        let all = json!({"a": 1, "b": {"c": 2, "d": 3, "e": 4}});
        for (fields, want) in [
            (None, all.clone()),
            (Some("a"), json!({"a": 1})),
            (Some("b.c,b.d"), json!({"b": {"c": 2, "d": 3}})),
            (Some("b.c,b"), json!({"b": {"c": 2, "d": 3, "e": 4}})),
            (Some("nothing,a.b"), json!({"a": {}})),
            (Some(""), json!({})),
        ] {
            assert_eq!(sparse(all.clone(), fields), want, "{fields:?}");
        }
    }
}
