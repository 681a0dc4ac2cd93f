//! The JSON schemas of the answers.

use serde_json::{Map, Value, json};

/// A reference to the schema of that name.
pub(super) fn schema_ref(name: &str) -> Value {
    json!({ "$ref": format!("#/components/schemas/{name}") })
}

/// All schemas by name.
pub(super) fn all() -> Value {
    let mut all = Map::new();
    for part in [own(), imgix(), errors()] {
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

fn flag() -> Value {
    json!({ "type": "boolean" })
}

fn moment() -> Value {
    json!({ "type": "string", "format": "date-time" })
}

/// Seconds since the epoch.
fn seconds() -> Value {
    json!({ "type": "integer", "description": "seconds since 1970-01-01" })
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

fn list(items: Value) -> Value {
    json!({ "type": "array", "items": items })
}

/// An object whose members are all there, but those whose name ends in `?`.
fn object<const N: usize>(members: [(&str, Value); N]) -> Value {
    let (mut properties, mut required) = (Map::new(), Vec::new());
    for (name, member) in members {
        let plain = name.trim_end_matches('?');
        if plain == name {
            required.push(name);
        }
        properties.insert(plain.to_owned(), member);
    }
    json!({ "type": "object", "properties": properties, "required": required })
}

fn next() -> Value {
    object([("next", or_null(text())), ("has_more", flag())])
}

fn own() -> Value {
    let kinds = [
        "image", "video", "audio", "document", "archive", "font", "3d", "other",
    ];
    let hit = object([
        ("source", text()),
        ("path", text()),
        ("key", text()),
        ("name", text()),
        ("ext", or_null(text())),
        ("type", json!({ "type": "string", "enum": kinds })),
        ("content_type", text()),
        ("size", number()),
        ("last_modified", moment()),
        ("first_seen", or_null(moment())),
        ("etag", or_null(text())),
        ("storage_class", text()),
        ("url", text()),
        ("highlights?", list(schema_ref("Highlight"))),
        ("preview_url?", or_null(text())),
    ]);
    let facet = object([
        (
            "buckets",
            list(object([("value", text()), ("count", number())])),
        ),
        ("more", flag()),
    ]);
    let source = object([
        ("name", text()),
        ("id", text()),
        ("enabled", flag()),
        ("bucket", text()),
        ("prefix", text()),
        ("base_url", text()),
        (
            "status",
            json!({ "type": "string", "enum": ["deploying", "deployed", "disabled"] }),
        ),
        ("assets", or_null(number())),
    ]);
    let suggestion = object([
        ("text", text()),
        (
            "kind",
            json!({ "type": "string", "enum": ["name", "folder"] }),
        ),
        ("path", text()),
        ("source", text()),
    ]);
    json!({
        "Hit": hit,
        "Highlight": {
            "description": "characters (Unicode scalar values) of path, the end not included",
            "type": "object",
            "properties": { "start": number(), "end": number() },
            "required": ["start", "end"],
        },
        "Total": object([
            ("value", number()),
            ("relation", json!({
                "description": "whether there are as many, or at least as many",
                "type": "string",
                "enum": ["eq", "gte"],
            })),
        ]),
        "SearchPage": object([
            ("data", list(schema_ref("Hit"))),
            ("meta", object([
                ("total", schema_ref("Total")),
                ("cursor", object([
                    ("current", or_null(text())),
                    ("next", or_null(text())),
                    ("has_more", flag()),
                ])),
                ("took_ms", number()),
            ])),
            ("facets", json!({ "type": "object", "additionalProperties": facet })),
        ]),
        "OneHit": object([("data", schema_ref("Hit"))]),
        "Sources": object([("data", list(source))]),
        "Suggestions": object([("data", list(suggestion))]),
        "FolderPage": object([
            ("data", object([
                ("source", text()),
                ("path", text()),
                ("folders", list(object([
                    ("path", text()),
                    ("name", text()),
                    ("assets", number()),
                ]))),
                ("assets", list(schema_ref("Hit"))),
            ])),
            ("meta", object([
                ("cursor", next()),
                ("assets", object([
                    ("total", schema_ref("Total")),
                    ("cursor", next()),
                    ("q", text()),
                ])),
            ])),
        ]),
        "Explained": object([("data", object([
            ("facts", json!({ "type": "object" })),
            ("searchable", or_null(flag())),
            ("verdict", text()),
        ]))]),
    })
}

/// A document of JSON:API with this data and this `meta`.
fn document(data: Value, meta: Value) -> Value {
    object([
        ("data", data),
        ("included", json!({ "type": "array", "maxItems": 0 })),
        ("jsonapi", object([("version", json!({ "const": "1.0" }))])),
        ("meta", meta),
    ])
}

/// Resources; any of their attributes may be left out by the sparse fields of a request.
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
            "enabled": flag(),
            "date_deployed": or_null(seconds()),
            "deployment_status": {
                "type": "string",
                "enum": ["deploying", "deployed", "disabled"],
            },
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
            "file_size": number(),
            "date_created": seconds(),
            "date_modified": seconds(),
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
        ("next", or_null(text())),
        ("hasMore", flag()),
        ("totalRecords", number()),
    ]);
    let nothing = json!({ "type": "object" });
    json!({
        "ImgixSources": document(list(source.clone()), object([("pagination", pagination)])),
        "ImgixSource": document(source, nothing.clone()),
        "ImgixAssets": document(list(asset.clone()), object([("cursor", cursor)])),
        "ImgixAsset": document(asset, nothing),
    })
}

fn errors() -> Value {
    let error = object([
        ("id", text()),
        ("status", text()),
        ("code", text()),
        ("title", text()),
        ("detail", text()),
        ("source?", object([("parameter", text())])),
        ("meta?", object([("column?", number()), ("text?", text())])),
    ]);
    json!({
        "Errors": object([
            ("errors", list(error)),
            ("jsonapi", object([("version", json!({ "const": "1.0" }))])),
        ]),
    })
}
