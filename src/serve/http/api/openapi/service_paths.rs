//! The paths outside the search API: the page for browsers, health checks, status, metrics, this document.
//!
//! They have no parameters.

use serde_json::{Map, Value, json};

use super::responses::responses;
use super::schemas::schema_ref;
use crate::serve::http::api::error::JSON_API;
use crate::serve::http::api::operation::OPENAPI_PATH;
use crate::serve::http::auth::SESSION_PATH;

struct ServicePath {
    method: &'static str,
    path: &'static str,
    /// The OpenAPI `operationId`.
    id: &'static str,
    summary: &'static str,
    content_type: &'static str,
    needs_token: bool,
}

const PATHS: [ServicePath; 8] = [
    ServicePath {
        method: "get",
        path: "/",
        id: "page",
        summary: "The page for browsers: search, status, and setting up Sources.",
        content_type: "text/html",
        needs_token: false,
    },
    ServicePath {
        method: "get",
        path: "/healthz",
        id: "healthz",
        summary: "Liveness: 200 if the process can answer at all.",
        content_type: "text/plain",
        needs_token: false,
    },
    ServicePath {
        method: "get",
        path: "/readyz",
        id: "readyz",
        summary: "Readiness: 200 if the service is ready, else 503.",
        content_type: "text/plain",
        needs_token: false,
    },
    ServicePath {
        method: "get",
        path: "/status",
        id: "status",
        summary: "The status of the index, the Sources and the queues, limited to what the token may see.",
        content_type: "application/json",
        needs_token: true,
    },
    ServicePath {
        method: "get",
        path: "/metrics",
        id: "metrics",
        summary: "Metrics in the OpenMetrics format. If tokens are configured, the token must have been created with --admin.",
        content_type: "application/openmetrics-text",
        needs_token: true,
    },
    ServicePath {
        method: "get",
        path: OPENAPI_PATH,
        id: "openapi",
        summary: "This document.",
        content_type: "application/json",
        needs_token: true,
    },
    ServicePath {
        method: "get",
        path: SESSION_PATH,
        id: "session",
        summary: "What the client may do: the name and the right of its token, its Sources, whether it may change them, \
                  and whether reading needs a token. An invalid token gets a 401.",
        content_type: "application/json",
        needs_token: false,
    },
    ServicePath {
        method: "post",
        path: SESSION_PATH,
        id: "beginSession",
        summary: "Exchange the code of a one-time link for a token that may set up Sources. A code works once.",
        content_type: "application/json",
        needs_token: false,
    },
];

/// The entries of the document's `paths` object.
pub(super) fn paths() -> Map<String, Value> {
    let mut paths = Map::new();
    for service in &PATHS {
        let item = paths
            .entry(service.path)
            .or_insert_with(|| Value::Object(Map::new()));
        item[service.method] = operation(service);
    }
    paths
}

fn operation(service: &ServicePath) -> Value {
    let content_type = service.content_type;
    let schema = match content_type {
        "application/json" => json!({ "type": "object" }),
        _ => json!({ "type": "string" }),
    };
    let mut operation = json!({
        "operationId": service.id,
        "summary": service.summary,
        "tags": ["service"],
        "parameters": [],
        "responses": responses(json!({ content_type: { "schema": schema } }), false),
    });
    if !service.needs_token {
        operation["security"] = json!([]);
    }
    if service.path == "/readyz" {
        operation["responses"]["503"] = json!({
            "description": "The service is not ready. For a client that may see all Sources, each line \
                            gives one reason.",
            "content": { content_type: { "schema": schema } },
        });
    }
    if service.path == SESSION_PATH && service.method == "post" {
        operation["requestBody"] = json!({
            "required": true,
            "content": { content_type: { "schema": {
                "type": "object",
                "properties": { "code": { "type": "string" } },
                "required": ["code"],
            } } },
        });
        for (status, description) in SESSION_ERRORS {
            operation["responses"][status] = json!({
                "description": description,
                "content": { JSON_API: { "schema": schema_ref("Errors") } },
            });
        }
    }
    operation
}

const SESSION_ERRORS: [(&str, &str); 4] = [
    (
        "403",
        "The code is wrong, was used before or has expired, or the web page has another origin that is not allowed.",
    ),
    ("408", "The body did not arrive in time."),
    ("413", "The body is too large."),
    ("415", "The body has another content type than JSON."),
];
