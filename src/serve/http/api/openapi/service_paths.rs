//! The paths outside the search API: the search page, health checks, status, metrics, this document.
//!
//! They have no parameters.

use serde_json::{Map, Value, json};

use super::responses::responses;
use crate::serve::http::api::operation::OPENAPI_PATH;

struct ServicePath {
    path: &'static str,
    /// The OpenAPI `operationId`.
    id: &'static str,
    summary: &'static str,
    content_type: &'static str,
    needs_token: bool,
}

const PATHS: [ServicePath; 6] = [
    ServicePath {
        path: "/",
        id: "page",
        summary: "The search page for browsers.",
        content_type: "text/html",
        needs_token: false,
    },
    ServicePath {
        path: "/healthz",
        id: "healthz",
        summary: "Liveness: 200 if the process can answer at all.",
        content_type: "text/plain",
        needs_token: false,
    },
    ServicePath {
        path: "/readyz",
        id: "readyz",
        summary: "Readiness: 200 if the service is ready, else 503.",
        content_type: "text/plain",
        needs_token: false,
    },
    ServicePath {
        path: "/status",
        id: "status",
        summary: "The status of the index, the Sources and the queues, limited to what the token may see.",
        content_type: "application/json",
        needs_token: true,
    },
    ServicePath {
        path: "/metrics",
        id: "metrics",
        summary: "Metrics in the OpenMetrics format. If tokens are configured, the token must have been created with --admin.",
        content_type: "application/openmetrics-text",
        needs_token: true,
    },
    ServicePath {
        path: OPENAPI_PATH,
        id: "openapi",
        summary: "This document.",
        content_type: "application/json",
        needs_token: true,
    },
];

/// The entries of the document's `paths` object.
pub(super) fn paths() -> Map<String, Value> {
    let entry = |service: &ServicePath| (service.path.to_owned(), path_item(service));
    PATHS.iter().map(entry).collect()
}

fn path_item(service: &ServicePath) -> Value {
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
    json!({ "get": operation })
}
