//! The headers of responses in the OpenAPI document.
//!
//! It leaves out headers that belong to the message and not to the API: its date, length, type and connection.

use serde_json::{Map, Value, json};

use super::schemas::text;
use crate::serve::http::api::error::JSON_API;

/// Headers that any response can have.
const COMMON: [&str; 7] = [
    "Cache-Control",
    "Content-Encoding",
    "Vary",
    "X-Content-Type-Options",
    "Cross-Origin-Resource-Policy",
    "Access-Control-Allow-Origin",
    "Access-Control-Expose-Headers",
];

/// More headers of the page and its files.
const OF_PAGE: [&str; 3] = [
    "Content-Security-Policy",
    "Referrer-Policy",
    "Cross-Origin-Opener-Policy",
];

/// All headers, with what they say.
const DESCRIPTIONS: [(&str, &str); 15] = [
    ("Cache-Control", "Whether the response may be cached."),
    (
        "Content-Encoding",
        "How the body is compressed: `zstd`, `br` or `gzip`, as Accept-Encoding asks for.",
    ),
    ("Vary", "The request headers that the response depends on."),
    ("X-Content-Type-Options", "`nosniff`."),
    (
        "Cross-Origin-Resource-Policy",
        "Which web pages may embed the response.",
    ),
    (
        "Access-Control-Allow-Origin",
        "The origin of the web page, if it may read the response.",
    ),
    (
        "Access-Control-Expose-Headers",
        "The headers that such a page may read.",
    ),
    ("Content-Security-Policy", "What the page may load."),
    ("Referrer-Policy", "`no-referrer`."),
    ("Cross-Origin-Opener-Policy", "`same-origin`."),
    (
        "ETag",
        "The version of the response, for If-None-Match. For a managed Source also for If-Match.",
    ),
    ("Location", "The path of the new Source."),
    ("WWW-Authenticate", "How to send a token."),
    ("Retry-After", "The number of seconds after which to retry."),
    ("Allow", "The methods that the path accepts."),
];

/// The document's `components.headers`.
pub(super) fn all() -> Value {
    let header = |(name, description): (&str, &str)| {
        let header = json!({ "description": description, "schema": text() });
        (name.to_owned(), header)
    };
    Value::Object(DESCRIPTIONS.into_iter().map(header).collect())
}

/// Adds the headers to all responses of these paths.
pub(super) fn add_to_paths(paths: &mut Map<String, Value>) {
    for (path, item) in paths {
        for (method, operation) in item.as_object_mut().into_iter().flatten() {
            let responses = operation["responses"].as_object_mut();
            for (status, response) in responses.into_iter().flatten() {
                if response.get("$ref").is_none() {
                    add(response, status, Some((path, method)));
                }
            }
        }
    }
}

/// Adds the headers to a response with this status. `operation` is its path and method, unless several share it.
pub(super) fn add(response: &mut Value, status: &str, operation: Option<(&str, &str)>) {
    let mut names: Vec<&str> = match status {
        // The connection answers, before there is a request.
        "431" => return,
        _ => COMMON.to_vec(),
    };
    let is_error_document = response["content"].get(JSON_API).is_some();
    names.extend(match status {
        "401" => Some("WWW-Authenticate"),
        "405" => Some("Allow"),
        "503" => is_error_document.then_some("Retry-After"),
        _ => None,
    });
    let is_success = matches!(status, "200" | "201" | "202" | "304");
    if let Some((path, method)) = operation.filter(|_| is_success) {
        if method == "get" || has_version(response) {
            names.push("ETag");
        }
        if method == "post" && has_version(response) {
            names.push("Location");
        }
        if path == "/" || path.starts_with("/page/") {
            names.extend(OF_PAGE);
        }
    }
    response["headers"] = names.into_iter().map(reference).collect();
}

fn reference(name: &str) -> (String, Value) {
    let reference = json!({ "$ref": format!("#/components/headers/{name}") });
    (name.to_owned(), reference)
}

/// Whether the body is one Source, which has a version.
fn has_version(response: &Value) -> bool {
    let mut contents = response["content"].as_object().into_iter().flatten();
    contents.any(|(_, content)| {
        let schema = content["schema"]["$ref"].as_str().unwrap_or_default();
        schema.ends_with("/OneSource") || schema.ends_with("/ImgixSource")
    })
}
