//! The errors of the HTTP API, as JSON:API error documents.
//!
//! Each text says what failed and what to do. No text reveals a Source that the client may not see.

use std::time::Duration;

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::{Map, Value, json};
use tokio::task::JoinError;

use crate::core::query::{CursorError, QueryError};

/// The content type of JSON:API documents. All errors have it.
pub(crate) const JSON_API: &str = "application/vnd.api+json";

/// The `Retry-After` header of a 503 response, in seconds.
const RETRY_AFTER_SECONDS: &str = "1";

/// The kind of an error, for programs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ErrorCode {
    /// The path has no parameter of this name.
    ParameterUnknown,
    /// A required parameter is missing.
    ParameterMissing,
    /// The parameter occurs several times, but takes one value.
    ParameterRepeated,
    /// The parameter has an invalid value.
    ParameterInvalid,
    /// The query has a syntax error.
    QueryInvalid,
    /// The cursor is damaged or of another version.
    CursorInvalid,
    /// The cursor belongs to another search.
    CursorOfAnotherQuery,
    /// The path of the request is not percent-encoded UTF-8.
    PathInvalid,
    /// A token is required, and the request has no valid one.
    Unauthenticated,
    /// The token does not allow this request.
    Forbidden,
    /// The `Host` header is not a name of this service.
    HostUnknown,
    /// The path, Source, asset or file does not exist, or the client may not see it.
    NotFound,
    /// The method is not GET or HEAD.
    MethodNotAllowed,
    /// The path and the parameters together are too long.
    UriTooLong,
    /// The limit of concurrent searches is reached.
    Busy,
    /// The search exceeded its time limit.
    TooSlow,
    /// There is no index yet.
    IndexAbsent,
    /// The index cannot be read.
    IndexFailed,
    /// A bug in this program.
    Internal,
}

impl ErrorCode {
    /// The HTTP status, the `code` and the `title`.
    fn parts(self) -> (StatusCode, &'static str, &'static str) {
        use StatusCode as S;
        match self {
            Self::ParameterUnknown => (S::BAD_REQUEST, "parameter_unknown", "unknown parameter"),
            Self::ParameterMissing => (S::BAD_REQUEST, "parameter_missing", "missing parameter"),
            Self::ParameterRepeated => (S::BAD_REQUEST, "parameter_repeated", "repeated parameter"),
            Self::ParameterInvalid => (S::BAD_REQUEST, "parameter_invalid", "invalid parameter"),
            Self::QueryInvalid => (S::BAD_REQUEST, "query_invalid", "invalid query"),
            Self::CursorInvalid => (S::BAD_REQUEST, "cursor_invalid", "invalid cursor"),
            Self::CursorOfAnotherQuery => (
                S::BAD_REQUEST,
                "cursor_of_another_query",
                "the cursor belongs to another search",
            ),
            Self::PathInvalid => (S::BAD_REQUEST, "path_invalid", "invalid path"),
            Self::Unauthenticated => (S::UNAUTHORIZED, "unauthenticated", "a token is required"),
            Self::Forbidden => (S::FORBIDDEN, "forbidden", "the token does not allow this"),
            Self::HostUnknown => (S::FORBIDDEN, "host_unknown", "unknown host name"),
            Self::NotFound => (S::NOT_FOUND, "not_found", "not found"),
            Self::MethodNotAllowed => (
                S::METHOD_NOT_ALLOWED,
                "method_not_allowed",
                "method not allowed",
            ),
            Self::UriTooLong => (S::URI_TOO_LONG, "uri_too_long", "the URL is too long"),
            Self::Busy => (
                S::SERVICE_UNAVAILABLE,
                "busy",
                "too many searches are running",
            ),
            Self::TooSlow => (
                S::SERVICE_UNAVAILABLE,
                "too_slow",
                "the search took too long",
            ),
            Self::IndexAbsent => (
                S::SERVICE_UNAVAILABLE,
                "index_absent",
                "there is no index yet",
            ),
            Self::IndexFailed => (
                S::INTERNAL_SERVER_ERROR,
                "index_failed",
                "the index cannot be read",
            ),
            Self::Internal => (S::INTERNAL_SERVER_ERROR, "internal", "internal error"),
        }
    }
}

/// An error response.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct ApiError {
    code: ErrorCode,
    detail: String,
    parameter: Option<String>,
    meta: Map<String, Value>,
}

impl ApiError {
    /// `detail` says what failed and what to do.
    pub(crate) fn new(code: ErrorCode, detail: impl Into<String>) -> Self {
        Self {
            code,
            detail: detail.into(),
            parameter: None,
            meta: Map::new(),
        }
    }

    /// The parameter has an invalid value.
    pub(crate) fn invalid_parameter(parameter: &str, detail: impl Into<String>) -> Self {
        Self::new(ErrorCode::ParameterInvalid, detail).for_parameter(parameter)
    }

    /// Names the parameter that caused the error.
    pub(crate) fn for_parameter(mut self, parameter: &str) -> Self {
        self.parameter = Some(parameter.to_owned());
        self
    }

    /// The query in this parameter has a syntax error.
    pub(crate) fn invalid_query(parameter: &str, error: &QueryError) -> Self {
        let mut api_error =
            Self::new(ErrorCode::QueryInvalid, error.to_string()).for_parameter(parameter);
        api_error.meta.insert("column".into(), error.column.into());
        api_error
            .meta
            .insert("text".into(), error.text.clone().into());
        api_error
    }

    /// The cursor in this parameter cannot be used.
    pub(crate) fn invalid_cursor(parameter: &str, error: CursorError) -> Self {
        let code = match error {
            CursorError::OtherSearch => ErrorCode::CursorOfAnotherQuery,
            _ => ErrorCode::CursorInvalid,
        };
        Self::new(code, error.to_string()).for_parameter(parameter)
    }

    #[cfg(test)]
    pub(crate) fn code(&self) -> ErrorCode {
        self.code
    }

    /// Whether code and parameter are the same as in `other`, and the detail contains `text`.
    #[cfg(test)]
    pub(crate) fn is_like(&self, other: &Self, text: &str) -> bool {
        (self.code, &self.parameter) == (other.code, &other.parameter) && self.detail.contains(text)
    }

    /// The JSON:API error object. `id` identifies this occurrence.
    fn object(&self, id: &str) -> Value {
        let (status, code, title) = self.code.parts();
        let mut object = json!({
            "id": id,
            "status": status.as_str(),
            "code": code,
            "title": title,
            "detail": self.detail,
        });
        if let Some(parameter) = &self.parameter {
            object["source"] = json!({ "parameter": parameter });
        }
        if !self.meta.is_empty() {
            object["meta"] = Value::Object(self.meta.clone());
        }
        object
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let (status, code, _) = self.code.parts();
        let id = format!("{:016x}", fastrand::u64(..));
        match status {
            // Only debug: under load, clients that retry cause many of them.
            StatusCode::SERVICE_UNAVAILABLE => {
                tracing::debug!(
                    id,
                    code,
                    detail = self.detail,
                    "request rejected; the client may retry"
                );
            }
            _ if status.is_server_error() => {
                tracing::warn!(id, code, detail = self.detail, "request failed");
            }
            _ => {}
        }
        let body = json!({
            "errors": [self.object(&id)],
            "jsonapi": { "version": "1.0" },
        });
        let mut response = (status, Json(body)).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(JSON_API));
        if status == StatusCode::SERVICE_UNAVAILABLE {
            let after = HeaderValue::from_static(RETRY_AFTER_SECONDS);
            headers.insert(header::RETRY_AFTER, after);
        }
        response
    }
}

/// The error of a search that exceeded `limit`.
pub(crate) fn too_slow(limit: Duration) -> ApiError {
    let text = format!(
        "the search was stopped after {} ms; make it cheaper: search one folder, use whole words, or \
         request fewer facets",
        limit.as_millis()
    );
    ApiError::new(ErrorCode::TooSlow, text)
}

/// Logs that a request handler panicked and returns the error for the client.
pub(crate) fn panicked(error: &JoinError) -> ApiError {
    tracing::error!(%error, "HTTP request handler panicked");
    let text = "a bug in asset-indexer; see its log for the details";
    ApiError::new(ErrorCode::Internal, text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::query::problem::QueryProblem;

    #[test]
    fn query_error_has_parameter_column_and_text() {
        let error = QueryError {
            column: 7,
            text: "size:>big".into(),
            problem: QueryProblem::InvalidSize,
        };
        let object = ApiError::invalid_query("q", &error).object("1");
        assert_eq!(object["status"], "400");
        assert_eq!(object["code"], "query_invalid");
        assert_eq!(object["source"], json!({"parameter": "q"}));
        assert_eq!(object["meta"], json!({"column": 7, "text": "size:>big"}));
        let detail = object["detail"].as_str().unwrap();
        assert!(detail.contains("column 7"), "{detail}");
    }

    #[test]
    fn only_temporary_errors_have_retry_after() {
        for (code, status, is_temporary) in [
            (ErrorCode::Busy, 503, true),
            (ErrorCode::TooSlow, 503, true),
            (ErrorCode::IndexAbsent, 503, true),
            (ErrorCode::IndexFailed, 500, false),
            (ErrorCode::NotFound, 404, false),
            (ErrorCode::UriTooLong, 414, false),
        ] {
            let response = ApiError::new(code, "").into_response();
            assert_eq!(response.status().as_u16(), status, "{code:?}");
            let headers = response.headers();
            let has_retry_after = headers.contains_key("retry-after");
            assert_eq!(has_retry_after, is_temporary, "{code:?}");
            assert_eq!(headers["content-type"], JSON_API);
        }
    }
}
