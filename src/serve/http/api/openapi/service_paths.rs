//! The paths outside the search API: the page for browsers, health checks, status, metrics, this document.
//!
//! They have no parameters.

use serde_json::{Map, Value, json};

use super::path_parameters;
use super::responses::{error, responses};
use super::schemas::schema_ref;
use crate::serve::http::api::operation::OPENAPI_PATH;
use crate::serve::http::auth::SESSION_PATH;

struct ServicePath {
    method: &'static str,
    path: &'static str,
    /// The OpenAPI `operationId`.
    id: &'static str,
    summary: &'static str,
    /// The content types of a 200 response.
    content_types: &'static [&'static str],
    /// The name of the response's schema, if it is JSON.
    schema: Option<&'static str>,
    may_be_not_found: bool,
    /// Whether the answer depends on the token, if the client sends one.
    reads_token: bool,
}

const PATHS: [ServicePath; 9] = [
    ServicePath {
        method: "get",
        path: "/",
        id: "page",
        summary: "The page for browsers: search, status, and setting up Sources.",
        content_types: &["text/html"],
        schema: None,
        may_be_not_found: false,
        reads_token: false,
    },
    ServicePath {
        method: "get",
        path: "/page/{version}/{file_name}",
        id: "pageFile",
        summary: "A file of the page. The document at `/` has the paths of all files.",
        content_types: &["text/javascript", "text/css", "image/svg+xml"],
        schema: None,
        may_be_not_found: true,
        reads_token: false,
    },
    ServicePath {
        method: "get",
        path: "/healthz",
        id: "healthz",
        summary: "Liveness: 200 if the process can answer at all.",
        content_types: &["text/plain"],
        schema: None,
        may_be_not_found: false,
        reads_token: false,
    },
    ServicePath {
        method: "get",
        path: "/readyz",
        id: "readyz",
        summary: "Readiness: 200 if the service is ready, else 503.",
        content_types: &["text/plain"],
        schema: None,
        may_be_not_found: false,
        reads_token: true,
    },
    ServicePath {
        method: "get",
        path: "/status",
        id: "status",
        summary: "The status of the index, the Sources and the queues, limited to what the token may see.",
        content_types: &["application/json"],
        schema: Some("Status"),
        may_be_not_found: false,
        reads_token: true,
    },
    ServicePath {
        method: "get",
        path: "/metrics",
        id: "metrics",
        summary: "Metrics in the OpenMetrics format. If tokens are configured, the token must have been created with --admin.",
        content_types: &["application/openmetrics-text"],
        schema: None,
        may_be_not_found: false,
        reads_token: true,
    },
    ServicePath {
        method: "get",
        path: OPENAPI_PATH,
        id: "openapi",
        summary: "This document.",
        content_types: &["application/json"],
        schema: Some("OpenApiDocument"),
        may_be_not_found: false,
        reads_token: true,
    },
    ServicePath {
        method: "get",
        path: SESSION_PATH,
        id: "session",
        summary: "What the client may do: the name and the right of its token, its Sources, whether it may change them, \
                  and whether reading needs a token. An invalid token gets a 401.",
        content_types: &["application/json"],
        schema: Some("Session"),
        may_be_not_found: false,
        reads_token: true,
    },
    ServicePath {
        method: "post",
        path: SESSION_PATH,
        id: "beginSession",
        summary: "Exchange the code of a one-time link for a token that may set up Sources. A code works once.",
        content_types: &["application/json"],
        schema: Some("IssuedToken"),
        may_be_not_found: false,
        reads_token: false,
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
    let schema = match service.schema {
        Some(name) => schema_ref(name),
        None => json!({ "type": "string" }),
    };
    let contents = service.content_types.iter();
    let content: Map<String, Value> = contents
        .map(|kind| ((*kind).to_owned(), json!({ "schema": schema })))
        .collect();
    let mut operation = json!({
        "operationId": service.id,
        "summary": service.summary,
        "tags": ["service"],
        "parameters": path_parameters(service.path),
        "responses": responses(json!(content), service.may_be_not_found),
    });
    if !service.reads_token {
        operation["security"] = json!([]);
    }
    if service.path == "/readyz" {
        operation["responses"]["503"] = json!({
            "description": "The service is not ready. For a client that may see all Sources, each line \
                            gives one reason.",
            "content": content,
        });
    }
    if service.path == SESSION_PATH && service.method == "post" {
        operation["requestBody"] = json!({
            "required": true,
            "content": { "application/json": { "schema": schema_ref("SessionCode") } },
        });
        for (status, description) in SESSION_ERRORS {
            operation["responses"][status] = error(description);
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
