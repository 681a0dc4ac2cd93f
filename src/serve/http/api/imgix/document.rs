//! The JSON:API documents that `/api/v1` returns.

use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use serde_json::{Map, Value, json};

use crate::serve::http::api::error::JSON_API;

/// A response with this `data` and `meta`.
pub(super) fn document(data: Value, meta: Value) -> Response {
    response(&body(data, meta))
}

/// The same for a page of a list, with links to its other pages.
pub(super) fn list_document(data: Vec<Value>, meta: Value, links: Value) -> Response {
    let mut body = body(Value::Array(data), meta);
    body["links"] = links;
    response(&body)
}

fn body(data: Value, meta: Value) -> Value {
    json!({
        "data": data,
        "included": [],
        "jsonapi": { "version": "1.0" },
        "meta": meta,
    })
}

fn response(body: &Value) -> Response {
    let mut response = axum::Json(body).into_response();
    let content_type = HeaderValue::from_static(JSON_API);
    response
        .headers_mut()
        .insert(header::CONTENT_TYPE, content_type);
    response
}

/// Keeps only the named attributes (JSON:API's sparse fieldsets); `None` keeps all.
///
/// `fields` is a comma-separated list. A dot selects an attribute of an object: `deployment.type`. Unknown
/// names are ignored.
pub(super) fn sparse_fields(attributes: Value, fields: Option<&str>) -> Value {
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
            (Some(inner), Some(Value::Object(object))) => {
                let value = value.get(inner).cloned();
                object.extend(value.map(|value| (inner.to_owned(), value)));
            }
            (Some(_), _) => {
                let object = sparse_fields(value.clone(), inner);
                kept.insert(outer.to_owned(), object);
            }
        }
    }
    Value::Object(kept)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sparse_fields_keep_only_named_attributes() {
        let all = json!({"a": 1, "b": {"c": 2, "d": 3, "e": 4}});
        for (fields, want) in [
            (None, all.clone()),
            (Some("a"), json!({"a": 1})),
            (Some("b.c,b.d"), json!({"b": {"c": 2, "d": 3}})),
            (Some("b.c,b"), json!({"b": {"c": 2, "d": 3, "e": 4}})),
            (Some("nothing,a.b"), json!({"a": {}})),
            (Some(""), json!({})),
        ] {
            assert_eq!(sparse_fields(all.clone(), fields), want, "{fields:?}");
        }
    }
}
