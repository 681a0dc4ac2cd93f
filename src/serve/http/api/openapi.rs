//! The OpenAPI document: all paths of the HTTP server.
//!
//! It is generated from the tables that the handlers read their parameters with, so it cannot promise a
//! parameter that the service does not accept. `schemas` describes the response bodies.

use serde_json::{Map, Value, json};

use super::error::JSON_API;
use super::operation::{ApiMethod, ApiOperation, ApiTag, HeaderSpec, RequestBody};
use super::params::{MAX_VALUE_CHARS, ParameterSpec, ValueType};
use super::{imgix, v1};

mod explain_schemas;
mod headers;
mod imgix_attributes;
mod queue_status;
mod responses;
mod schemas;
mod service_paths;
mod service_schemas;
mod source_schemas;
mod source_status;

use responses::{body_responses, responses, write_responses};
use schemas::schema_ref;

/// The document as indented JSON.
pub(super) fn text() -> String {
    let text = serde_json::to_string_pretty(&document());
    text.expect("a JSON value always serializes: its keys are strings") + "\n"
}

pub(super) fn document() -> Value {
    let mut paths = Map::new();
    let operations = v1::OPERATIONS.into_iter().chain(imgix::OPERATIONS);
    for operation in operations {
        let item = paths
            .entry(operation.path)
            .or_insert_with(|| Value::Object(Map::new()));
        item[operation.method.as_str()] = operation_object(operation);
    }
    paths.extend(service_paths::paths());
    headers::add_to_paths(&mut paths);
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "asset-indexer",
            "version": env!("CARGO_PKG_VERSION"),
            "summary": "Search the assets in S3 buckets, read the status of their index, and set up Sources.",
            "description": INTRODUCTION,
            "license": { "name": "MIT", "identifier": "MIT" },
        },
        "servers": [{ "url": "/" }],
        "tags": [
            {
                "name": "search",
                "description": "The native API: the whole query language, across Sources.",
            },
            {
                "name": "sources",
                "description": "Set up, change and remove Sources. Needs a token that was created with --manage.",
            },
            {
                "name": "imgix",
                "description": "An API with the shapes of imgix's Assets and Sources APIs. \
                                Existing clients only need another base URL.",
            },
            {
                "name": "service",
                "description": "The page for browsers, health checks, status, metrics and this document.",
            },
        ],
        "security": [{ "token": [] }, {}],
        "paths": paths,
        "components": {
            "securitySchemes": {
                "token": {
                    "type": "http",
                    "scheme": "bearer",
                    "description": "Required if the service is configured with tokens. \
                                    A token sees only the Sources that it was created for.",
                },
            },
            "headers": headers::all(),
            "responses": responses::shared(),
            "schemas": schemas::all(),
        },
    })
}

const INTRODUCTION: &str = "\
A path that accepts GET also accepts HEAD. A web page of an allowed origin gets a 204 for its preflights. A `/` at \
the end of a path makes no difference, except at the end of an asset path.

The values of a list can be separated by commas, or the parameter can be repeated: `facets=type,ext` is the same as \
`facets=type&facets=ext`. Every other parameter occurs at most once.

A Source is a bucket (or a prefix in one) whose objects are searchable assets. The asset path is `/` plus the \
object's key without the Source's prefix: with the prefix `img/`, the key `img/2024/beach.jpg` has the path \
`/2024/beach.jpg`.

To read the next page, repeat the request with `cursor` (or `page[cursor]`) set to the cursor of the response.

Errors are JSON:API documents. Programs should check `code`; `title` and `detail` are for people and may \
change. A 503 has a `Retry-After` header.";

fn operation_object(operation: &ApiOperation) -> Value {
    let mut parameters = path_parameters(operation.path);
    let specs = operation.parameters.iter().copied().flatten();
    // OpenAPI has no way to write a parameter whose name contains a wildcard.
    let documented = specs.filter(|spec| !spec.name.contains('*'));
    parameters.extend(documented.map(query_parameter));
    parameters.extend(operation.headers.iter().map(header_parameter));
    let content_type = operation.tag.content_type();
    let content = json!({ content_type: { "schema": schema_ref(operation.response_schema) } });
    let mut object = json!({
        "operationId": operation.id,
        "summary": operation.summary,
        "tags": [operation.tag.name()],
        "parameters": parameters,
        "responses": match (operation.method, operation.tag) {
            (ApiMethod::Get, _) => responses(content, operation.may_be_not_found),
            // Searches in a body change nothing.
            (_, ApiTag::Search) => body_responses(content),
            _ => write_responses(operation.success, content, operation.may_be_pending),
        },
    });
    if let Some(body) = request_body(operation) {
        object["requestBody"] = body;
    }
    object
}

fn request_body(operation: &ApiOperation) -> Option<Value> {
    const JSON: &str = "application/json";
    let (schema, types): (_, &[&str]) = match operation.request {
        RequestBody::None => return None,
        RequestBody::Json(schema) => (schema_ref(schema), &[JSON, JSON_API]),
        RequestBody::MergePatch(schema) => (
            schema_ref(schema),
            &[JSON, JSON_API, "application/merge-patch+json"],
        ),
        RequestBody::Empty => (json!({ "type": "object", "maxProperties": 0 }), &[JSON]),
    };
    let content: Map<String, Value> = types
        .iter()
        .map(|kind| ((*kind).to_owned(), json!({ "schema": schema })))
        .collect();
    let is_required = operation.request != RequestBody::Empty;
    Some(json!({ "required": is_required, "content": content }))
}

fn header_parameter(header: &HeaderSpec) -> Value {
    json!({
        "name": header.name,
        "in": "header",
        "required": false,
        "description": header.description,
        "schema": { "type": "string", "pattern": header.pattern },
    })
}

fn path_parameters(path: &str) -> Vec<Value> {
    let parts = path.split('{').skip(1);
    let names = parts.filter_map(|part| part.split('}').next());
    let parameter = |name: &str| {
        let description = match name {
            "id" => {
                "The id of the Source: the first 24 hex digits of the XXH3-128 hash of its name. \
                 `/api/v1/sources` lists the ids."
            }
            "name" => "The name of the Source.",
            "version" => "A hash of all files of the page.",
            "file_name" => "The name of the file.",
            _ => {
                "The asset path without its leading `/`, percent-encoded once. A `/` inside the path may \
                 stay as it is. Example: `2024/summer%20beach.jpg`."
            }
        };
        json!({
            "name": name,
            "in": "path",
            "required": true,
            "description": description,
            "schema": { "type": "string", "minLength": 1 },
        })
    };
    names.map(parameter).collect()
}

/// The schema of a parameter's value, in a URL or in a body.
fn value_schema(value_type: ValueType) -> Value {
    let text = json!({ "type": "string", "maxLength": MAX_VALUE_CHARS });
    match value_type {
        ValueType::Text | ValueType::RequiredText => text,
        ValueType::RepeatedText => json!({ "type": "array", "items": text }),
        ValueType::Number { min, max, default } => json!({
            "type": "integer", "format": "int64", "minimum": min, "maximum": max, "default": default,
        }),
        ValueType::Total => json!({
            "type": "string", "pattern": "^(exact|[0-9]{1,10})$", "default": "exact",
        }),
        ValueType::Flag => json!({ "type": "boolean", "default": false }),
        ValueType::OneOf(words) => json!({ "type": "string", "enum": words }),
        ValueType::List => json!({ "type": "array", "items": text }),
        ValueType::ListOf(words) => json!({
            "type": "array", "items": { "type": "string", "enum": words }, "minItems": 1,
        }),
    }
}

fn query_parameter(spec: &ParameterSpec) -> Value {
    let schema = value_schema(spec.value_type);
    let mut parameter = json!({
        "name": spec.name,
        "in": "query",
        "required": matches!(spec.value_type, ValueType::RequiredText),
        "description": spec.description,
        "schema": schema,
    });
    let is_repeated = matches!(spec.value_type, ValueType::RepeatedText);
    if is_repeated || spec.value_type.is_list() {
        parameter["style"] = "form".into();
        parameter["explode"] = is_repeated.into();
    }
    parameter
}

#[cfg(test)]
pub(super) mod check;
#[cfg(test)]
mod tests;
