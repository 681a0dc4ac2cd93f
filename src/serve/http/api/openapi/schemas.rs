//! The JSON schemas of the response bodies.

use serde_json::{Map, Value, json};

use super::{explain_schemas, imgix_attributes, service_schemas, source_schemas, value_schema};
use crate::serve::http::api::params::ParameterSpec;
use crate::serve::http::api::v1::searches::{self, MAX_HITS, MAX_SEARCHES};

/// A reference to the schema with this name.
pub(super) fn schema_ref(name: &str) -> Value {
    json!({ "$ref": format!("#/components/schemas/{name}") })
}

/// All schemas by name.
pub(super) fn all() -> Value {
    let mut all = Map::new();
    for part in [
        v1(),
        explain_schemas::all(),
        imgix(),
        source_schemas::all(),
        service_schemas::all(),
        errors(),
    ] {
        all.extend(part.as_object().cloned().unwrap_or_default());
    }
    Value::Object(all)
}

pub(super) fn text() -> Value {
    json!({ "type": "string" })
}

pub(super) fn number() -> Value {
    json!({ "type": "integer", "format": "int64", "minimum": 0 })
}

/// One of these texts.
pub(super) fn one_of(texts: &[&str]) -> Value {
    json!({ "type": "string", "enum": texts })
}

/// A duration.
pub(super) fn seconds() -> Value {
    json!({ "type": "number", "format": "double", "minimum": 0 })
}

pub(super) fn boolean() -> Value {
    json!({ "type": "boolean" })
}

pub(super) fn date_time() -> Value {
    json!({ "type": "string", "format": "date-time" })
}

pub(super) fn unix_seconds(description: &str) -> Value {
    json!({
        "type": "integer",
        "format": "int64",
        "description": format!("{description} In seconds since 1970-01-01 UTC."),
    })
}

pub(super) fn described(mut schema: Value, description: &str) -> Value {
    schema["description"] = description.into();
    schema
}

/// The value or null. Null is none of the values of an `enum`, so that becomes a choice.
pub(super) fn or_null(mut schema: Value) -> Value {
    if schema.get("enum").is_some() {
        return json!({ "anyOf": [schema, { "type": "null" }] });
    }
    match schema["type"].take() {
        Value::String(kind) => {
            schema["type"] = json!([kind, "null"]);
            schema
        }
        _ => {
            if let Some(object) = schema.as_object_mut() {
                object.remove("type");
            }
            json!({ "anyOf": [schema, { "type": "null" }] })
        }
    }
}

pub(super) fn array(items: Value) -> Value {
    json!({ "type": "array", "items": items })
}

/// An object with these members. A name that ends in `?` makes a member optional.
pub(super) fn object<const N: usize>(members: [(&str, Value); N]) -> Value {
    let (mut properties, mut required) = (Map::new(), Vec::new());
    for (name, member) in members {
        let without_mark = name.trim_end_matches('?');
        if without_mark == name {
            required.push(name);
        }
        properties.insert(without_mark.to_owned(), member);
    }
    json!({ "type": "object", "properties": properties, "required": required })
}

/// A search in a body, with the parameters of a search in a URL.
fn search_values() -> Value {
    let specs = searches::PARAMETERS.iter();
    let member = |spec: &ParameterSpec| {
        let schema = described(value_schema(spec.value_type), spec.description);
        (spec.name.to_owned(), schema)
    };
    let properties: Map<String, Value> = specs.map(member).collect();
    json!({ "type": "object", "properties": properties })
}

/// The cursor of a part that can have more pages.
fn next_cursor() -> Value {
    object([
        (
            "next",
            described(
                or_null(text()),
                "The cursor of the next page. Null on the last page.",
            ),
        ),
        ("has_more", boolean()),
    ])
}

fn v1() -> Value {
    let kinds = [
        "image", "video", "audio", "document", "archive", "font", "3d", "other",
    ];
    let mut hit = object([
        ("source", described(text(), "The name of the Source.")),
        (
            "path",
            described(text(), "`/` and the key without the Source's prefix."),
        ),
        ("key", described(text(), "The key in the bucket.")),
        (
            "name",
            described(text(), "The file name: the last segment of the path."),
        ),
        (
            "ext",
            described(
                or_null(text()),
                "The extension in lower case, without the dot.",
            ),
        ),
        (
            "type",
            json!({ "type": "string", "enum": kinds, "description": "Decided by the extension." }),
        ),
        (
            "content_type",
            described(text(), "The media type, decided by the extension."),
        ),
        ("size", described(number(), "The size in bytes.")),
        (
            "last_modified",
            described(date_time(), "When the object was last changed in S3."),
        ),
        (
            "first_seen",
            described(or_null(date_time()), "When the index first saw the key."),
        ),
        (
            "etag",
            described(or_null(text()), "S3's ETag, without quotes."),
        ),
        ("storage_class", described(text(), "S3's storage class.")),
        ("url", described(text(), "The URL of the asset.")),
        (
            "highlights?",
            described(
                array(schema_ref("Highlight")),
                "The parts of the path that match the query, in ascending order. Only with \
                 `highlights=true`.",
            ),
        ),
        (
            "preview_url?",
            described(
                or_null(text()),
                "A URL that a browser can load the asset from. Null if there is none. Only with \
                 `previews=true`.",
            ),
        ),
        (
            "thumbnail_url?",
            described(
                text(),
                "The URL of a small picture of the asset, by the template of its Source. Only if the Source has a \
                 template.",
            ),
        ),
    ]);
    // The parameter `fields` can leave out any attribute.
    hit["required"] = json!([]);
    let facet = object([
        (
            "buckets",
            array(object([
                (
                    "value",
                    described(text(), "The value, as a query can use it."),
                ),
                (
                    "count",
                    described(number(), "The number of hits that have the value."),
                ),
            ])),
        ),
        (
            "more",
            described(boolean(), "Whether there are more values than these."),
        ),
    ]);
    let source = object([
        ("name", text()),
        ("id", described(text(), "The id in the paths of `/api/v1`.")),
        (
            "is_managed",
            described(
                boolean(),
                "Whether the Source can be changed here. Otherwise it is in the configuration file.",
            ),
        ),
        ("enabled", boolean()),
        ("subdomain", text()),
        ("bucket", text()),
        ("prefix", text()),
        (
            "base_url",
            described(text(), "The URLs of the Source's assets start with it."),
        ),
        (
            "thumbnail_url",
            described(
                or_null(text()),
                "The URL of a small picture of each asset, with `{path}` for its path or `{key}` for its key. Null if \
                 there is none.",
            ),
        ),
        (
            "annotation",
            described(or_null(text()), "A note for people, in plain text."),
        ),
        (
            "reconcile_every_minutes",
            described(number(), "Maximum number of minutes between two scans."),
        ),
        ("status", deployment_status()),
        (
            "assets",
            described(
                or_null(number()),
                "The number of assets. Null if the Source is disabled or there is no index yet.",
            ),
        ),
    ]);
    let suggestion = object([
        (
            "text",
            described(text(), "The name of the asset or the folder."),
        ),
        (
            "kind",
            json!({
                "type": "string",
                "enum": ["name", "folder"],
                "description": "`name` for an asset.",
            }),
        ),
        (
            "path",
            described(text(), "The path. The path of a folder ends in `/`."),
        ),
        ("source", described(text(), "The name of the Source.")),
    ]);
    json!({
        "Hit": hit,
        "Highlight": {
            "description": "A part of `path`, counted in characters (Unicode scalar values). `end` is exclusive.",
            "type": "object",
            "properties": { "start": number(), "end": number() },
            "required": ["start", "end"],
        },
        "Total": object([
            ("value", number()),
            ("relation", json!({
                "description": "`eq`: `value` is exact. `gte`: it is a lower bound.",
                "type": "string",
                "enum": ["eq", "gte"],
            })),
        ]),
        "SearchPage": object([
            ("data", array(schema_ref("Hit"))),
            ("meta", object([
                ("total", schema_ref("Total")),
                ("cursor", object([
                    ("current", described(or_null(text()), "The cursor of this page. Null on the first page.")),
                    ("next", described(or_null(text()), "The cursor of the next page. Null on the last page.")),
                    ("prev", described(or_null(text()), "The cursor of the page before this one. Null on the first page.")),
                    ("has_more", described(boolean(), "Whether there is a next page.")),
                ])),
                ("incomplete", described(
                    array(text()),
                    "The searched Sources whose first scan is not complete, so that assets may be missing.",
                )),
                ("named?", described(
                    array(object([("source", text()), ("path", text())])),
                    "The assets that the query names: if it is an address, whether they exist or not; if it is a path or a key, \
                     only those that exist.",
                )),
                ("interpretation?", described(
                    schema_ref("Interpretation"),
                    "What the search forgave, because it found too little. The hits, the total and the facets are those of the \
                     forgiving search.",
                )),
                ("took_ms", described(number(), "How long the search took, in milliseconds.")),
            ])),
            ("facets", json!({
                "type": "object",
                "additionalProperties": facet,
                "description": "One member for each facet in the parameter `facets`.",
            })),
        ]),
        "Searches": object([("searches", json!({
            "type": "array",
            "items": search_values(),
            "minItems": 1,
            "maxItems": MAX_SEARCHES,
            "description": format!("The searches. Their `limit`s together are at most {MAX_HITS}."),
        }))]),
        "SearchAnswers": object([("data", described(
            array(json!({ "anyOf": [schema_ref("SearchPage"), schema_ref("Errors")] })),
            "The answer to each search, in the order of the request: a page, or errors.",
        ))]),
        "Interpretation": object([
            ("step", json!({
                "description": "What the search forgave: other forms and beginnings of words, then typos too, then \
                                filler words such as `the` that are missing, then other missing words.",
                "type": "string",
                "enum": ["beginnings", "typos", "fillers", "missing_words"],
            })),
            ("words", described(
                array(object([
                    ("word", described(text(), "The word of the query, folded.")),
                    ("found", described(boolean(), "Whether some hits have the word as it is.")),
                    ("shown", described(
                        array(text()),
                        "Other words that hits have instead. If there are none and `found` is false, the word was left out.",
                    )),
                ])),
                "The words that not all hits of the page have as they are.",
            )),
            ("message", described(text(), "The same in words, for people.")),
        ]),
        "OneHit": object([("data", schema_ref("Hit"))]),
        "Sources": object([("data", array(source))]),
        "Suggestions": object([("data", array(suggestion))]),
        "FolderPage": object([
            ("data", object([
                ("source", text()),
                ("path", described(text(), "The folder. It starts and ends with `/`.")),
                ("folders", described(array(object([
                    ("path", text()),
                    ("name", text()),
                    ("assets", described(number(), "The number of assets below the folder, at any depth.")),
                ])), "The child folders.")),
                ("assets", described(array(schema_ref("Hit")), "The first assets directly in the folder, by name.")),
            ])),
            ("meta", object([
                ("cursor", next_cursor()),
                ("assets", object([
                    ("total", schema_ref("Total")),
                    ("cursor", next_cursor()),
                    ("q", described(
                        text(),
                        "The query that continues the assets: call `/v1/search` with this `q`, the same source, \
                         `sort=name` and `meta.assets.cursor.next`.",
                    )),
                ])),
            ])),
        ]),
    })
}

pub(super) fn deployment_status() -> Value {
    json!({
        "type": "string",
        "enum": ["deploying", "deployed", "disabled"],
        "description": "`deploying` until the first scan of the Source is complete.",
    })
}

/// A JSON:API document with this `data` and `meta`.
fn document(data: Value, meta: Value) -> Value {
    object([
        ("data", data),
        (
            "included",
            array(json!({ "type": "object", "additionalProperties": true })),
        ),
        ("jsonapi", object([("version", one_of(&["1.0"]))])),
        ("meta", meta),
    ])
}

/// A JSON:API document with a page of these resources.
fn list(resource: Value, meta: Value) -> Value {
    let path = |page: &str| described(text(), &format!("The path of {page}, with its parameters."));
    let links = object([
        ("self", path("this page")),
        ("first", path("the first page")),
        ("prev", or_null(path("the page before this one"))),
        ("next", or_null(path("the page after this one"))),
        ("last?", path("the last page, only of Sources")),
    ]);
    object([
        ("data", array(resource)),
        (
            "included",
            array(json!({ "type": "object", "additionalProperties": true })),
        ),
        ("jsonapi", object([("version", one_of(&["1.0"]))])),
        ("links", links),
        ("meta", meta),
    ])
}

/// A JSON:API resource. Sparse fields can omit any attribute.
fn resource(kind: &str, attributes: &Value) -> Value {
    object([
        ("id", text()),
        ("type", one_of(&[kind])),
        (
            "attributes",
            json!({ "type": "object", "properties": attributes }),
        ),
    ])
}

fn imgix() -> Value {
    let source = resource("sources", &imgix_attributes::source());
    let asset = resource("assets", &imgix_attributes::asset());
    let pagination = object([
        ("currentPage", number()),
        ("nextPage", number()),
        ("previousPage", number()),
        ("pageSize", number()),
        ("totalPages", number()),
        ("totalRecords", number()),
    ]);
    let cursor = object([
        ("current", text()),
        (
            "next",
            described(
                or_null(text()),
                "The `page[cursor]` of the next page. Null on the last page.",
            ),
        ),
        ("hasMore", boolean()),
        ("totalRecords", number()),
    ]);
    let pending = object([(
        "warnings?",
        described(
            array(text()),
            "What was ignored, or why the service does not use the stored change yet.",
        ),
    )]);
    json!({
        "ImgixSourceInput": imgix_attributes::source_input(),
        "ImgixSources": list(source.clone(), object([("pagination", pagination)])),
        "ImgixSource": document(source, pending),
        "ImgixAssets": list(asset.clone(), object([
            ("cursor", cursor),
            ("interpretation?", described(
                schema_ref("Interpretation"),
                "What the search forgave, because `filter[keyword]` found too little.",
            )),
        ])),
        "ImgixAsset": document(asset, object([])),
    })
}

fn errors() -> Value {
    let error = object([
        (
            "id",
            described(
                text(),
                "Identifies this occurrence, also in the log of the service.",
            ),
        ),
        ("status", described(text(), "The HTTP status.")),
        (
            "code",
            described(text(), "The kind of the error, for programs."),
        ),
        (
            "title",
            described(text(), "The kind of the error, for people."),
        ),
        (
            "detail",
            described(text(), "What failed and what to do, for people."),
        ),
        (
            "source?",
            object([
                (
                    "parameter?",
                    described(text(), "The name of the parameter that caused the error."),
                ),
                (
                    "header?",
                    described(text(), "The name of the header that caused the error."),
                ),
                (
                    "pointer?",
                    described(
                        text(),
                        "The value in the body that caused the error, as a JSON pointer (RFC 6901), such as \
                         `/rules/include/0`.",
                    ),
                ),
            ]),
        ),
        (
            "meta?",
            described(
                object([
                    (
                        "column?",
                        described(
                            number(),
                            "The position of the error in the query: the number of the character, from 1.",
                        ),
                    ),
                    (
                        "text?",
                        described(text(), "The part of the query that is wrong."),
                    ),
                ]),
                "Only for `query_invalid`.",
            ),
        ),
    ]);
    json!({
        "Errors": object([
            ("errors", array(error)),
            ("jsonapi", object([("version", one_of(&["1.0"]))])),
        ]),
    })
}
