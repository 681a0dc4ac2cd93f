//! The schemas of `/status` and `/v1/session`.

use serde_json::{Value, json};

use super::schemas::{
    array, boolean, date_time, described, number, object, one_of, or_null, schema_ref, seconds,
    text,
};
use super::{queue_status, source_status};

/// The schemas by name.
pub(super) fn all() -> Value {
    json!({
        "OpenApiDocument": {
            "type": "object",
            "additionalProperties": true,
            "description": "An OpenAPI document.",
        },
        "Status": status(),
        "StatusSource": source_status::schema(),
        "StatusQueue": queue_status::schema(),
        "Session": session(),
        "IssuedToken": object([
            ("token", described(text(), "A token for the header `Authorization: Bearer TOKEN`.")),
            ("expires_at", described(date_time(), "When the token stops working.")),
        ]),
        "SessionCode": object([("code", described(text(), "The code of the one-time link."))]),
    })
}

/// A number that only grows.
pub(super) fn counter(description: &str) -> Value {
    described(
        number(),
        &format!("{description} Since the process started."),
    )
}

fn status() -> Value {
    let index = object([
        (
            "state",
            json!({
                "type": "string",
                "enum": ["opening", "open", "degraded", "failed"],
                "description": "Whether the index can be written. `degraded`: merges of some segments fail.",
            }),
        ),
        (
            "reason",
            described(or_null(text()), "Why the index failed or is degraded."),
        ),
        (
            "data_dir",
            described(
                text(),
                "The folder of the index. Empty if the token may not see all Sources.",
            ),
        ),
        (
            "bytes",
            described(
                or_null(number()),
                "The size of the index. Null if it is unknown, or if the token may not see all Sources.",
            ),
        ),
        (
            "commit_failures",
            counter("Failures to commit or to open the index."),
        ),
        ("merge_failures", counter("Merges of segments that failed.")),
    ]);
    object([
        ("version", described(text(), "The version of the program.")),
        (
            "started",
            described(date_time(), "When the process started."),
        ),
        (
            "uptime_seconds",
            described(seconds(), "Time since the process started."),
        ),
        (
            "ready",
            described(
                boolean(),
                "Whether the index is open and every queue has answered or failed.",
            ),
        ),
        (
            "waiting_for",
            described(array(text()), "Why the service is not ready, for people."),
        ),
        (
            "read_only",
            described(
                boolean(),
                "Whether the process only reads the index. It then knows nothing about scans, queues and events.",
            ),
        ),
        ("index", index),
        (
            "reloads",
            counter("Successful reloads of the configuration."),
        ),
        (
            "refused_reloads",
            counter("Failed reloads of the configuration."),
        ),
        ("sources", array(schema_ref("StatusSource"))),
        ("queues", array(schema_ref("StatusQueue"))),
    ])
}

fn session() -> Value {
    object([
        (
            "authenticated",
            described(boolean(), "Whether the request has a valid token."),
        ),
        ("token_name", or_null(text())),
        (
            "right",
            described(
                or_null(one_of(&["read", "admin", "manage"])),
                "What the client may do. Null if it needs a token and has none.",
            ),
        ),
        (
            "may_manage",
            described(boolean(), "Whether it may change the Sources that it sees."),
        ),
        (
            "may_create",
            described(boolean(), "Whether it may set up Sources."),
        ),
        (
            "sources",
            described(
                or_null(array(text())),
                "The Sources that it sees. Null if it sees all.",
            ),
        ),
        (
            "tokens_required",
            described(boolean(), "Whether reading needs a token."),
        ),
        (
            "managed_by",
            described(
                or_null(one_of(&["daemon"])),
                "Who changes Sources. Null if this server cannot.",
            ),
        ),
    ])
}
