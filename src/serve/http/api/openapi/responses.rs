//! The `responses` of an operation in the OpenAPI document.

use serde_json::{Map, Value, json};

use super::headers;
use super::schemas::schema_ref;
use crate::serve::http::api::error::JSON_API;

/// The `responses` object of an operation. `content` describes the body of its 200 response.
pub(super) fn responses(content: Value, may_be_not_found: bool) -> Value {
    let mut responses = json!({
        "200": { "description": "The request succeeded.", "content": content },
        "304": {
            "description": "The client's copy is current: If-None-Match contains the ETag of this response.",
        },
        "431": { "description": "The request head, which includes the path and the parameters, is too long." },
    });
    add_errors(&mut responses, READ, &READ_ERRORS);
    if may_be_not_found {
        add_errors(&mut responses, READ, &[NOT_FOUND]);
    }
    responses
}

/// The same for an operation that reads what a body asks for.
pub(super) fn body_responses(content: Value) -> Value {
    let mut responses = json!({
        "200": { "description": "The request succeeded.", "content": content },
        "431": { "description": "The request head, which includes the path and the parameters, is too long." },
    });
    add_errors(&mut responses, READ, &READ_ERRORS);
    add_errors(&mut responses, BODY, &BODY_ERRORS);
    responses
}

/// The start of the names of shared responses of operations that read.
const READ: &str = "Read";
/// The same for operations that change something.
const WRITE: &str = "Write";
/// The same for operations that read what a body asks for. Their other errors are those of [`READ`].
const BODY: &str = "Body";

/// The document's `components.responses`: the errors that operations share.
pub(super) fn shared() -> Value {
    let mut shared = Map::new();
    let read = READ_ERRORS.iter().chain([&NOT_FOUND]);
    let all = read.map(|error| (READ, error));
    let all = all.chain(BODY_ERRORS.iter().map(|error| (BODY, error)));
    let all = all.chain(WRITE_ERRORS.iter().map(|error| (WRITE, error)));
    for (kind, (status, description)) in all {
        let mut response = error(description);
        headers::add(&mut response, status, None);
        shared.insert(format!("{kind}{status}"), response);
    }
    Value::Object(shared)
}

const NOT_FOUND: (&str, &str) = (
    "404",
    "The Source, the folder or the asset does not exist, or the token may not see it.",
);

const READ_ERRORS: [(&str, &str); 7] = [
    (
        "400",
        "A parameter is unknown, missing, repeated or invalid, or the query, the cursor or the path is \
         invalid. `source.parameter` names the parameter.",
    ),
    (
        "401",
        "A token is required, and the request has no valid one.",
    ),
    (
        "403",
        "The token does not allow this request, or the Host header is not a name of this service.",
    ),
    ("405", "The method is not GET or HEAD."),
    ("414", "The path and the parameters together are too long."),
    (
        "500",
        "The index cannot be read, or the request hit a bug. The service's log has the details.",
    ),
    (
        "503",
        "The search took too long, too many searches are running, or there is no index yet. \
         Retry after the number of seconds in Retry-After.",
    ),
];

const BODY_ERRORS: [(&str, &str); 7] = [
    (
        "400",
        "The body is not a JSON object, or a parameter is unknown.",
    ),
    (
        "403",
        "The origin is not allowed, or the Host header is not a name of this service.",
    ),
    ("405", "The method is not POST."),
    ("408", "The body did not arrive in time."),
    ("413", "The body is too large."),
    ("415", "The body has another content type than JSON."),
    (
        "422",
        "The list of searches is missing, empty or too long, or the searches ask for too many hits together.",
    ),
];

/// The same for an operation that changes something.
pub(super) fn write_responses(success: u16, content: Value, may_be_pending: bool) -> Value {
    let mut responses = json!({
        "431": { "description": "The request head, which includes the path and the parameters, is too long." },
    });
    responses[success.to_string()] = json!({
        "description": "The request succeeded.",
        "content": content,
    });
    if may_be_pending {
        responses["202"] = json!({
            "description": "The change is stored, but the service does not use it yet; `meta.warnings` says why, and \
                            /status shows the Source. Do not send the change again.",
            "content": responses[success.to_string()]["content"],
        });
    }
    add_errors(&mut responses, WRITE, &WRITE_ERRORS);
    responses
}

const WRITE_ERRORS: [(&str, &str); 15] = [
    (
        "400",
        "The body is not JSON, or a header or the path is invalid, or a parameter is unknown.",
    ),
    (
        "401",
        "A token is required, and the request has no valid one.",
    ),
    (
        "403",
        "The token was not created with --manage, or a limited token tried to create a Source, or the origin is \
         not allowed, or the Host header is not a name of this service.",
    ),
    (
        "404",
        "The Source does not exist, or the token may not see it.",
    ),
    ("405", "The path does not accept the method."),
    ("408", "The body did not arrive in time."),
    (
        "409",
        "The state of the Source or of the service does not allow the change; `code` names the reason.",
    ),
    (
        "412",
        "If-Match does not have the version of the Source: someone else has changed it.",
    ),
    ("413", "The body is too large."),
    ("414", "The path and the parameters together are too long."),
    ("415", "The body has another content type than JSON."),
    (
        "422",
        "Values are not allowed: one error for each, with `source.pointer`. Or an Idempotency-Key was used with \
         another body.",
    ),
    (
        "500",
        "The change failed, or the request hit a bug. The service's log has the details.",
    ),
    (
        "503",
        "The service cannot make the change now: it is stopping, or it is read-only, or too busy. \
         Retry after the number of seconds in Retry-After.",
    ),
    ("507", "The disk is full."),
];

fn add_errors(responses: &mut Value, kind: &str, errors: &[(&str, &str)]) {
    for (status, _) in errors {
        responses[*status] = json!({ "$ref": format!("#/components/responses/{kind}{status}") });
    }
}

/// A response with an error document.
pub(super) fn error(description: &str) -> Value {
    json!({
        "description": description,
        "content": { JSON_API: { "schema": schema_ref("Errors") } },
    })
}
