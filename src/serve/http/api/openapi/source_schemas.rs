//! The schemas of the bodies that set up Sources.

use serde_json::{Map, Value, json};

use crate::serve::source_drafts::MAX_PATHS;

use super::schemas::{
    array, boolean, date_time, deployment_status, described, number, object, one_of, or_null,
    schema_ref, text,
};

/// The schemas by name.
pub(super) fn all() -> Value {
    json!({
        "SourceValues": values(&credentials()),
        "StoredValues": values(&stored_credentials()),
        "OneSource": object([("data", one_source()), ("meta?", pending())]),
        "RemovedSource": object([("data", object([
            ("name", text()),
            ("assets_leaving", described(
                or_null(number()),
                "The number of assets that leave the index. Null if the Source was disabled or there is no index yet.",
            )),
            ("bound_subdomain", described(
                or_null(text()),
                "The subdomain of the Source. No Source with another name can have it.",
            )),
        ])), ("meta?", pending())]),
        "SourceTest": object([("data", object([
            ("ok", described(boolean(), "Whether no finding is a failure.")),
            ("findings", array(finding())),
            ("took_ms", number()),
        ]))]),
        "PreviewRequest": json!({
            "type": "object",
            "properties": {
                "source": { "$ref": "#/components/schemas/SourceValues" },
                "paths": {
                    "type": "array",
                    "items": text(),
                    "maxItems": MAX_PATHS,
                    "description": "Asset paths to judge.",
                },
            },
            "required": ["source"],
        }),
        "SourcePreview": object([("data", preview())]),
        "SourceSetup": object([("data", object([
            ("iam_policy", json!({
                "type": "object",
                "additionalProperties": true,
                "description": "The policy to attach to the credentials of the Source.",
            })),
            ("queue_script", described(text(), "Bash. It needs the AWS CLI.")),
        ]))]),
        "RequestedScan": object([("data", object([
            ("name", text()),
            ("scan", one_of(&["requested"])),
        ]))]),
        "SourceHistory": object([("data", array(object([
            ("time", date_time()),
            ("actor", described(text(), "Who: `token NAME`, or a user on the command line.")),
            ("action", json!({
                "type": "string",
                "enum": ["create", "update", "enable", "disable", "remove"],
            })),
            ("fields", described(
                array(text()),
                "The values that changed, by name. A history has no values.",
            )),
        ])))]),
    })
}

/// The `meta` of a change that the service does not use yet.
fn pending() -> Value {
    object([(
        "warnings",
        described(
            array(text()),
            "Why the service does not use the stored change yet. Only a response with status 202 has it.",
        ),
    )])
}

fn one_source() -> Value {
    object([
        ("name", text()),
        ("id", described(text(), "The id in the paths of `/api/v1`.")),
        (
            "is_managed",
            described(
                boolean(),
                "Whether the Source can be changed. Otherwise it is in the configuration file.",
            ),
        ),
        (
            "version",
            described(
                or_null(text()),
                "The version, for If-Match. Null if the Source is in the configuration file.",
            ),
        ),
        ("status", deployment_status()),
        (
            "assets",
            described(
                or_null(number()),
                "The number of assets. Null if the Source is disabled or there is no index yet.",
            ),
        ),
        (
            "values",
            described(
                or_null(schema_ref("StoredValues")),
                "The values as stored. Null if the token may not change the Source, or if it is in the configuration \
                 file.",
            ),
        ),
    ])
}

/// The values of a Source. All of them are optional: a patch has only some, and only those that were set are stored.
fn values(credentials: &Value) -> Value {
    let rules = json!({
        "description": "`all`, or a list of paths and patterns.",
        "anyOf": [
            one_of(&["all"]),
            { "type": "array", "items": { "type": "string" } },
            { "type": "null" },
        ],
    });
    optional(&[
        ("name", described(text(), "The name. It cannot change.")),
        ("enabled", boolean()),
        ("bucket", text()),
        (
            "prefix",
            described(
                or_null(text()),
                "The folder in the bucket, such as `images/`.",
            ),
        ),
        (
            "region",
            described(or_null(text()), "Found by itself if it is missing."),
        ),
        (
            "endpoint_url",
            described(or_null(text()), "The address of an S3-compatible store."),
        ),
        ("path_style", or_null(boolean())),
        (
            "endpoint_order",
            described(
                or_null(one_of(&["standard", "external-first"])),
                "Which endpoint of us-east-1 is tried first.",
            ),
        ),
        (
            "expected_bucket_owner",
            described(or_null(text()), "The AWS account that must own the bucket."),
        ),
        (
            "request_payer",
            described(
                or_null(boolean()),
                "Whether this account pays for the requests.",
            ),
        ),
        (
            "subdomain",
            described(text(), "A DNS label that no other Source has or had."),
        ),
        ("base_url", or_null(text())),
        ("thumbnail_url", or_null(text())),
        ("annotation", or_null(text())),
        ("reconcile_every_minutes", or_null(number())),
        ("folder_markers", or_null(boolean())),
        (
            "rules",
            or_null(optional(&[
                ("include", rules.clone()),
                ("exclude", rules),
                ("case_insensitive", or_null(boolean())),
            ])),
        ),
        ("credentials", or_null(credentials.clone())),
        (
            "events",
            or_null(optional(&[
                ("queue_url", or_null(text())),
                ("region", or_null(text())),
                ("credentials", or_null(credentials.clone())),
            ])),
        ),
    ])
}

fn credentials() -> Value {
    optional(&[
        ("access_key_id", or_null(text())),
        (
            "secret_access_key",
            json!({
                "type": ["string", "null"],
                "writeOnly": true,
                "description": "It is sealed before it is stored, and never returned.",
            }),
        ),
        ("role_arn", or_null(text())),
        ("external_id", or_null(text())),
    ])
}

/// The credentials of a stored Source.
fn stored_credentials() -> Value {
    optional(&[
        ("access_key_id", or_null(text())),
        (
            "has_secret",
            described(boolean(), "Whether a secret is stored. No answer has it."),
        ),
        ("role_arn", or_null(text())),
        ("external_id", or_null(text())),
    ])
}

fn finding() -> Value {
    object([
        (
            "verdict",
            json!({ "type": "string", "enum": ["ok", "warning", "failure", "skipped"] }),
        ),
        ("subject", described(text(), "What was examined.")),
        ("text", text()),
        ("remedy", described(or_null(text()), "What to do.")),
        (
            "commands",
            described(array(text()), "Shell commands that fix it."),
        ),
        (
            "pointer",
            described(
                or_null(text()),
                "The value that it is about, as a JSON pointer.",
            ),
        ),
    ])
}

fn preview() -> Value {
    let judged = || {
        array(object([
            ("path", text()),
            ("rule", described(text(), "The rule that decides.")),
        ]))
    };
    object([
        (
            "index",
            described(
                or_null(object([
                    ("admitted", number()),
                    ("rejected", number()),
                    ("total", number()),
                    ("is_complete", boolean()),
                ])),
                "The keys in the index, all of which the current rules admit.",
            ),
        ),
        (
            "listed",
            described(
                or_null(object([
                    ("admitted", number()),
                    ("rejected", number()),
                    ("keys", number()),
                    ("is_complete", boolean()),
                ])),
                "The keys on the listed pages.",
            ),
        ),
        (
            "listed_error?",
            described(text(), "Why nothing could be listed."),
        ),
        ("admitted", judged()),
        ("rejected", judged()),
        (
            "paths",
            array(object([
                ("path", text()),
                ("admitted", boolean()),
                ("rule", text()),
            ])),
        ),
        (
            "address",
            described(or_null(text()), "The address of an admitted asset."),
        ),
    ])
}

/// An object whose members are all optional.
fn optional(members: &[(&str, Value)]) -> Value {
    let properties = members
        .iter()
        .map(|(name, member)| ((*name).to_owned(), member.clone()));
    let properties: Map<String, Value> = properties.collect();
    json!({ "type": "object", "properties": properties })
}
