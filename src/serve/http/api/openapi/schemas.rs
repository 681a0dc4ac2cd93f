//! The JSON schemas of the response bodies.

use serde_json::{Map, Value, json};

/// A reference to the schema with this name.
pub(super) fn schema_ref(name: &str) -> Value {
    json!({ "$ref": format!("#/components/schemas/{name}") })
}

/// All schemas by name.
pub(super) fn all() -> Value {
    let mut all = Map::new();
    for part in [v1(), imgix(), errors()] {
        all.extend(part.as_object().cloned().unwrap_or_default());
    }
    Value::Object(all)
}

fn text() -> Value {
    json!({ "type": "string" })
}

fn number() -> Value {
    json!({ "type": "integer", "minimum": 0 })
}

fn boolean() -> Value {
    json!({ "type": "boolean" })
}

fn date_time() -> Value {
    json!({ "type": "string", "format": "date-time" })
}

fn unix_seconds(description: &str) -> Value {
    json!({ "type": "integer", "description": format!("{description} In seconds since 1970-01-01 UTC.") })
}

fn described(mut schema: Value, description: &str) -> Value {
    schema["description"] = description.into();
    schema
}

fn or_null(mut schema: Value) -> Value {
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

fn array(items: Value) -> Value {
    json!({ "type": "array", "items": items })
}

/// An object with these members. A name that ends in `?` makes a member optional.
fn object<const N: usize>(members: [(&str, Value); N]) -> Value {
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
    let hit = object([
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
    ]);
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
        ("enabled", boolean()),
        ("bucket", text()),
        ("prefix", text()),
        (
            "base_url",
            described(text(), "The URLs of the Source's assets start with it."),
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
                    ("has_more", boolean()),
                ])),
                ("took_ms", described(number(), "How long the search took, in milliseconds.")),
            ])),
            ("facets", json!({
                "type": "object",
                "additionalProperties": facet,
                "description": "One member for each facet in the parameter `facets`.",
            })),
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
        "Explained": object([("data", object([
            ("facts", json!({
                "type": "object",
                "description": "The facts that decide: the configuration and the index record of the key.",
            })),
            ("searchable", described(
                or_null(boolean()),
                "Whether search finds the path. Null if that is unknown.",
            )),
            ("verdict", described(text(), "One sentence for people: found or not, and why.")),
        ]))]),
    })
}

fn deployment_status() -> Value {
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
        ("included", json!({ "type": "array", "maxItems": 0 })),
        ("jsonapi", object([("version", json!({ "const": "1.0" }))])),
        ("meta", meta),
    ])
}

/// A JSON:API resource. Sparse fields can omit any attribute.
fn resource(kind: &str, attributes: &Value) -> Value {
    object([
        ("id", text()),
        ("type", json!({ "const": kind })),
        (
            "attributes",
            json!({ "type": "object", "properties": attributes }),
        ),
    ])
}

fn imgix() -> Value {
    let source = resource(
        "sources",
        &json!({
            "name": text(),
            "enabled": boolean(),
            "date_deployed": or_null(unix_seconds(
                "The time as of which the index is known to match the bucket. Null before the first complete scan.",
            )),
            "deployment_status": deployment_status(),
            "deployment": { "type": "object" },
        }),
    );
    let asset = resource(
        "assets",
        &json!({
            "source_id": text(),
            "origin_path": text(),
            "name": text(),
            "content_type": text(),
            "media_kind": or_null(text()),
            "file_size": described(number(), "The size in bytes."),
            "date_created": unix_seconds("When the index first saw the asset."),
            "date_modified": unix_seconds("When the object was last changed in S3."),
        }),
    );
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
    let empty_meta = json!({ "type": "object" });
    json!({
        "ImgixSources": document(array(source.clone()), object([("pagination", pagination)])),
        "ImgixSource": document(source, empty_meta.clone()),
        "ImgixAssets": document(array(asset.clone()), object([("cursor", cursor)])),
        "ImgixAsset": document(asset, empty_meta),
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
            object([(
                "parameter",
                described(text(), "The name of the parameter that caused the error."),
            )]),
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
            ("jsonapi", object([("version", json!({ "const": "1.0" }))])),
        ]),
    })
}
