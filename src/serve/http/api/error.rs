//! What goes wrong with a request, in the form in which a client reads it: a JSON:API error.
//!
//! Texts tell what was wrong and what to write instead; none tells of a Source that the client may
//! not see.

use std::time::Duration;

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::{Map, Value, json};
use tokio::task::JoinError;

use crate::core::query::{CursorError, QueryError};

/// The content type of JSON:API, of errors everywhere.
pub(crate) const JSON_API: &str = "application/vnd.api+json";

/// When a client may ask again that was refused because of load, in seconds.
const RETRY_AFTER_SECONDS: &str = "1";

/// What went wrong, for programs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ErrorCode {
    /// There is no such parameter.
    ParameterUnknown,
    /// The parameter is missing.
    ParameterMissing,
    /// The parameter is there more often than once.
    ParameterRepeated,
    /// The value of the parameter cannot be meant.
    ParameterInvalid,
    /// The search cannot be read.
    QueryInvalid,
    /// The cursor is damaged or of another version.
    CursorInvalid,
    /// The cursor is of another search.
    CursorOfAnotherQuery,
    /// The path of the request is not text.
    PathInvalid,
    /// A token is needed, and there is none that is of use.
    Unauthenticated,
    /// The token does not allow it.
    Forbidden,
    /// The service does not have the name by which it is called.
    HostUnknown,
    /// There is none, or none that may be seen.
    NotFound,
    /// The path can only be read.
    MethodNotAllowed,
    /// Path and parameters together are too long.
    UriTooLong,
    /// As many searches as may run are running.
    Busy,
    /// It took longer than it may.
    TooSlow,
    /// There is no index yet.
    IndexAbsent,
    /// The index cannot be read.
    IndexFailed,
    /// A defect of the program.
    Internal,
}

impl ErrorCode {
    /// The status, the word for programs, and what it is in general.
    fn parts(self) -> (StatusCode, &'static str, &'static str) {
        use StatusCode as S;
        match self {
            Self::ParameterUnknown => (S::BAD_REQUEST, "parameter_unknown", "unknown parameter"),
            Self::ParameterMissing => (S::BAD_REQUEST, "parameter_missing", "missing parameter"),
            Self::ParameterRepeated => (S::BAD_REQUEST, "parameter_repeated", "repeated parameter"),
            Self::ParameterInvalid => (S::BAD_REQUEST, "parameter_invalid", "invalid parameter"),
            Self::QueryInvalid => (S::BAD_REQUEST, "query_invalid", "the search cannot be read"),
            Self::CursorInvalid => (S::BAD_REQUEST, "cursor_invalid", "the cursor is damaged"),
            Self::CursorOfAnotherQuery => (
                S::BAD_REQUEST,
                "cursor_of_another_query",
                "the cursor is of another search",
            ),
            Self::PathInvalid => (S::BAD_REQUEST, "path_invalid", "the path cannot be read"),
            Self::Unauthenticated => (S::UNAUTHORIZED, "unauthenticated", "a token is needed"),
            Self::Forbidden => (S::FORBIDDEN, "forbidden", "the token does not allow it"),
            Self::HostUnknown => (S::FORBIDDEN, "host_unknown", "no name of the service"),
            Self::NotFound => (S::NOT_FOUND, "not_found", "not found"),
            Self::MethodNotAllowed => (
                S::METHOD_NOT_ALLOWED,
                "method_not_allowed",
                "method not allowed",
            ),
            Self::UriTooLong => (S::URI_TOO_LONG, "uri_too_long", "the request is too long"),
            Self::Busy => (
                S::SERVICE_UNAVAILABLE,
                "busy",
                "too many searches at a time",
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

/// Why a request has no answer.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct ApiError {
    code: ErrorCode,
    detail: String,
    parameter: Option<String>,
    meta: Map<String, Value>,
}

impl ApiError {
    /// What went wrong, and what to do.
    pub(crate) fn new(code: ErrorCode, detail: impl Into<String>) -> Self {
        Self {
            code,
            detail: detail.into(),
            parameter: None,
            meta: Map::new(),
        }
    }

    /// A parameter whose value cannot be meant.
    pub(crate) fn invalid_parameter(parameter: &str, detail: impl Into<String>) -> Self {
        Self::new(ErrorCode::ParameterInvalid, detail).for_parameter(parameter)
    }

    /// The same, because of this parameter.
    pub(crate) fn for_parameter(mut self, parameter: &str) -> Self {
        self.parameter = Some(parameter.to_owned());
        self
    }

    /// A search that cannot be read.
    pub(crate) fn invalid_query(parameter: &str, error: &QueryError) -> Self {
        let mut it = Self::new(ErrorCode::QueryInvalid, error.to_string()).for_parameter(parameter);
        it.meta.insert("column".into(), error.column.into());
        it.meta.insert("text".into(), error.text.clone().into());
        it
    }

    /// A cursor that cannot be used.
    pub(crate) fn invalid_cursor(parameter: &str, error: CursorError) -> Self {
        let code = match error {
            CursorError::OtherSearch => ErrorCode::CursorOfAnotherQuery,
            _ => ErrorCode::CursorInvalid,
        };
        Self::new(code, error.to_string()).for_parameter(parameter)
    }

    /// What went wrong, for programs.
    #[cfg(test)]
    pub(crate) fn code(&self) -> ErrorCode {
        self.code
    }

    /// Whether it is of that kind and about that parameter, and its text has these words in it.
    #[cfg(test)]
    pub(crate) fn is_like(&self, other: &Self, said: &str) -> bool {
        (self.code, &self.parameter) == (other.code, &other.parameter) && self.detail.contains(said)
    }

    /// The error object; `id` tells this occurrence from others.
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
            // As many as there are clients that try again: none is news to the operator.
            StatusCode::SERVICE_UNAVAILABLE => {
                tracing::debug!(id, code, detail = self.detail, "a request was put off");
            }
            _ if status.is_server_error() => {
                tracing::warn!(id, code, detail = self.detail, "a request was not answered");
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

/// A search that took longer than `limit`.
pub(crate) fn too_slow(limit: Duration) -> ApiError {
    let text = format!(
        "it was given up after {} ms; ask for less: a folder, whole words, fewer facets",
        limit.as_millis()
    );
    ApiError::new(ErrorCode::TooSlow, text)
}

/// What answers a request did not end well.
pub(crate) fn panicked(error: &JoinError) -> ApiError {
    tracing::error!(%error, "the answer to an HTTP request panicked");
    let text = "this is a defect of asset-indexer; see its log";
    ApiError::new(ErrorCode::Internal, text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::query::problem::QueryProblem;

    #[test]
    fn an_error_names_the_parameter_and_what_is_wrong_with_it() {
        let error = QueryError {
            column: 7,
            text: "size:>big".into(),
            problem: QueryProblem::Size,
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
    fn only_what_passes_by_itself_is_to_be_tried_again() {
        for (code, status, again) in [
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
            assert_eq!(headers.contains_key("retry-after"), again, "{code:?}");
            assert_eq!(headers["content-type"], JSON_API);
        }
    }
}
