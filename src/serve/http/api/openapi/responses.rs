//! The `responses` of an operation in the OpenAPI document.

use serde_json::{Value, json};

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
    let mut errors = vec![
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
    if may_be_not_found {
        errors.push((
            "404",
            "The Source or the asset does not exist, or the token may not see it.",
        ));
    }
    for (status, description) in errors {
        responses[status] = json!({
            "description": description,
            "content": { JSON_API: { "schema": schema_ref("Errors") } },
        });
    }
    responses
}
