//! The OpenAPI document of everything that HTTP answers.
//!
//! It is made from the tables by which the paths read their parameters, so that what is documented is
//! what is taken. What the answers look like is in `schemas`.

use serde_json::{Map, Value, json};

use super::error::JSON_API;
use super::params::{Form, MAX_VALUE_CHARS, Spec};
use super::{imgix, v1};

mod plain;
mod schemas;

/// Where the document is served.
pub(crate) const PATH: &str = "/v1/openapi.json";

/// One path that is read by GET.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Operation {
    /// With `{…}` for what stands in it.
    pub path: &'static str,
    /// A name for programs.
    pub id: &'static str,
    /// What it is for.
    pub summary: &'static str,
    /// Which interface it belongs to.
    pub tag: Tag,
    /// What it takes.
    pub parameters: &'static [&'static [Spec]],
    /// The name of the answer's schema.
    pub answer: &'static str,
    /// Whether what is asked for may not be there.
    pub may_be_missing: bool,
}

/// Which interface a path belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tag {
    /// Our own.
    Search,
    /// imgix's shapes.
    Imgix,
}

impl Tag {
    fn name(self) -> &'static str {
        match self {
            Self::Search => "search",
            Self::Imgix => "imgix",
        }
    }

    fn content_type(self) -> &'static str {
        match self {
            Self::Search => "application/json",
            Self::Imgix => JSON_API,
        }
    }
}

/// The document as text.
pub(crate) fn text() -> String {
    let text = serde_json::to_string_pretty(&document());
    text.expect("keys are text and numbers finite") + "\n"
}

fn document() -> Value {
    let mut paths = Map::new();
    let operations = v1::OPERATIONS.into_iter().chain(imgix::OPERATIONS);
    for operation in operations {
        paths.insert(operation.path.to_owned(), json!({ "get": of(operation) }));
    }
    paths.extend(plain::paths());
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "asset-indexer",
            "version": env!("CARGO_PKG_VERSION"),
            "summary": "Finds the assets of S3 buckets, and tells how the index of them is",
            "license": { "name": "MIT", "identifier": "MIT" },
        },
        "servers": [{ "url": "/" }],
        "tags": [
            { "name": "search", "description": "The whole query language, across Sources" },
            { "name": "imgix", "description": "The shapes of imgix's Assets API, for reading" },
            { "name": "service", "description": "How the process is" },
        ],
        "security": [{ "token": [] }, {}],
        "paths": paths,
        "components": {
            "securitySchemes": {
                "token": {
                    "type": "http",
                    "scheme": "bearer",
                    "description": "Where tokens are configured; each sees its own Sources",
                },
            },
            "schemas": schemas::all(),
        },
    })
}

fn of(operation: &Operation) -> Value {
    let mut parameters = in_path(operation.path);
    let given = operation.parameters.iter().copied().flatten();
    // Names with anything in them cannot be written down.
    let named = given.filter(|spec| !spec.name.contains('*'));
    parameters.extend(named.map(in_query));
    let kind = operation.tag.content_type();
    json!({
        "operationId": operation.id,
        "summary": operation.summary,
        "tags": [operation.tag.name()],
        "parameters": parameters,
        "responses": responses(json!({ kind: { "schema": schema(operation.answer) } }), operation.may_be_missing),
    })
}

fn schema(name: &str) -> Value {
    json!({ "$ref": format!("#/components/schemas/{name}") })
}

/// All statuses with which a path answers.
fn responses(content: Value, may_be_missing: bool) -> Value {
    let mut responses = json!({
        "200": { "description": "The answer", "content": content },
        "304": { "description": "The client has the answer: If-None-Match named its ETag" },
        "431": { "description": "The header, with path and parameters, is too long to be read" },
    });
    let mut refusals = vec![
        ("400", "The request cannot be meant"),
        ("401", "A token is needed, and this is none"),
        ("403", "The token does not allow it"),
        ("405", "Other methods than GET and HEAD"),
        ("414", "Path and parameters are too long"),
        ("500", "The index cannot be read, or a defect"),
        (
            "503",
            "Too slow, too busy, or no index yet; Retry-After says when to ask again",
        ),
    ];
    if may_be_missing {
        refusals.push(("404", "There is none, or none that the token may see"));
    }
    for (status, why) in refusals {
        responses[status] = json!({
            "description": why,
            "content": { JSON_API: { "schema": schema("Errors") } },
        });
    }
    responses
}

fn in_path(path: &str) -> Vec<Value> {
    let parts = path.split('{').skip(1);
    let names = parts.filter_map(|part| part.split('}').next());
    let parameter = |name: &str| {
        let about = match name {
            "id" => "the Source's id, 24 hex digits: the first of the XXH3-128 hash of its name",
            _ => "the asset path without its first /, percent-encoded; a / in it may stay as it is",
        };
        json!({
            "name": name,
            "in": "path",
            "required": true,
            "description": about,
            "schema": { "type": "string", "minLength": 1 },
        })
    };
    names.map(parameter).collect()
}

fn in_query(spec: &Spec) -> Value {
    let text = json!({ "type": "string", "maxLength": MAX_VALUE_CHARS });
    let schema = match spec.form {
        Form::Text | Form::RequiredText => text,
        Form::Texts => json!({ "type": "array", "items": text }),
        Form::Number {
            least,
            greatest,
            default,
        } => json!({
            "type": "integer", "minimum": least, "maximum": greatest, "default": default,
        }),
        Form::Total => json!({
            "anyOf": [
                { "const": "exact" },
                { "type": "integer", "minimum": 0, "maximum": u32::MAX },
            ],
            "default": "exact",
        }),
        Form::Flag => json!({ "type": "boolean", "default": false }),
        Form::Word(words) => json!({ "type": "string", "enum": words }),
        Form::Words(words) => json!({
            "type": "array", "items": { "type": "string", "enum": words }, "minItems": 1,
        }),
    };
    let mut parameter = json!({
        "name": spec.name,
        "in": "query",
        "required": matches!(spec.form, Form::RequiredText),
        "description": spec.about,
        "schema": schema,
    });
    if matches!(spec.form, Form::Texts | Form::Words(_)) {
        parameter["style"] = "form".into();
        parameter["explode"] = matches!(spec.form, Form::Texts).into();
    }
    parameter
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_published_document_is_that_of_the_code() {
        let published = include_str!("../../../../schema/openapi.json");
        if published != text() {
            let file = concat!(env!("CARGO_MANIFEST_DIR"), "/target/openapi.json");
            std::fs::write(file, text()).unwrap();
            panic!("schema/openapi.json is out of date; {file} is what it should be");
        }
    }

    #[test]
    fn every_schema_that_is_named_is_there() {
        let (text, all) = (text(), schemas::all());
        let named = text.split("#/components/schemas/").skip(1);
        let mut count = 0;
        for name in named.filter_map(|rest| rest.split('"').next()) {
            assert!(all.get(name).is_some(), "{name}");
            count += 1;
        }
        assert!(count > 50, "only {count} were found");
    }

    #[test]
    fn no_two_operations_share_a_name_and_no_two_parameters() {
        let document = document();
        let paths = document["paths"].as_object().unwrap();
        let mut ids: Vec<_> = paths.values().map(|it| &it["get"]["operationId"]).collect();
        let count = ids.len();
        ids.sort_by_key(|id| id.to_string());
        ids.dedup();
        assert_eq!(ids.len(), count);
        for (path, operation) in paths {
            let parameters = operation["get"]["parameters"].as_array().unwrap();
            let mut names: Vec<_> = parameters.iter().map(|it| it["name"].to_string()).collect();
            names.sort();
            names.dedup();
            assert_eq!(names.len(), parameters.len(), "{path}");
        }
    }
}
