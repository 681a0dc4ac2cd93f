//! The paths in the document that take no parameters and are not of the search interface.

use serde_json::{Map, Value, json};

use super::{PATH, responses};

/// Path, name, summary, content type, and whether it is open to all.
const PLAIN: [(&str, &str, &str, &str, bool); 6] = [
    ("/", "page", "The page for people", "text/html", true),
    (
        "/healthz",
        "healthz",
        "Whether the process does anything",
        "text/plain",
        true,
    ),
    (
        "/readyz",
        "readyz",
        "Whether it is ready; 503 with what is waited for",
        "text/plain",
        true,
    ),
    (
        "/status",
        "status",
        "What the process is doing, as far as the token sees it",
        "application/json",
        false,
    ),
    (
        "/metrics",
        "metrics",
        "The same as OpenMetrics",
        "application/openmetrics-text",
        false,
    ),
    (PATH, "openapi", "This document", "application/json", false),
];

/// The paths.
pub(super) fn paths() -> Map<String, Value> {
    let path = |(path, id, summary, kind, is_open): (&str, _, _, &str, bool)| {
        let schema = match kind {
            "application/json" => json!({ "type": "object" }),
            _ => json!({ "type": "string" }),
        };
        let mut operation = json!({
            "operationId": id,
            "summary": summary,
            "tags": ["service"],
            "parameters": [],
            "responses": responses(json!({ kind: { "schema": schema } }), false),
        });
        if is_open {
            operation["security"] = json!([]);
        }
        if path == "/readyz" {
            operation["responses"]["503"] = json!({
                "description": "It is not ready: a line for each thing that is waited for",
                "content": { kind: { "schema": schema } },
            });
        }
        (path.to_owned(), json!({ "get": operation }))
    };
    PLAIN.into_iter().map(path).collect()
}
