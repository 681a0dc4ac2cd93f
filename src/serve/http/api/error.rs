//! The errors of the HTTP API, as JSON:API error documents.
//!
//! Each text says what failed and what to do. No text reveals a Source that the client may not see.

mod code;

use std::time::Duration;

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::{Map, Value, json};
use tokio::task::JoinError;

use crate::core::query::{CursorError, QueryError};

pub(crate) use code::ErrorCode;

/// The content type of JSON:API documents. All errors have it.
pub(crate) const JSON_API: &str = "application/vnd.api+json";

/// The `Retry-After` header of a 503 response, in seconds.
const RETRY_AFTER_SECONDS: &str = "1";

/// Maximum number of errors in one response.
const MAX_ERRORS: usize = 100;

/// An error response with one error.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct ApiError {
    code: ErrorCode,
    detail: String,
    cause: Option<ErrorCause>,
    meta: Map<String, Value>,
}

/// The part of a request that caused an error.
#[derive(Clone, Debug, PartialEq, Eq)]
enum ErrorCause {
    /// The query parameter with this name.
    Parameter(String),
    /// The header with this name.
    Header(String),
    /// The value in the body under this JSON pointer.
    Pointer(String),
}

/// An error response with all errors that were found, at least one. The first one decides the status.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct ApiErrors(Vec<ApiError>);

impl ApiError {
    /// `detail` says what failed and what to do.
    pub(crate) fn new(code: ErrorCode, detail: impl Into<String>) -> Self {
        Self {
            code,
            detail: detail.into(),
            cause: None,
            meta: Map::new(),
        }
    }

    /// The parameter has an invalid value.
    pub(crate) fn invalid_parameter(parameter: &str, detail: impl Into<String>) -> Self {
        Self::new(ErrorCode::ParameterInvalid, detail).for_parameter(parameter)
    }

    /// Names the parameter that caused the error.
    pub(crate) fn for_parameter(mut self, parameter: &str) -> Self {
        self.cause = Some(ErrorCause::Parameter(parameter.to_owned()));
        self
    }

    /// Names the header that caused the error.
    pub(crate) fn for_header(mut self, name: &str) -> Self {
        self.cause = Some(ErrorCause::Header(name.to_owned()));
        self
    }

    /// Points at the value in the body that caused the error. `pointer` is a JSON pointer.
    pub(crate) fn at(mut self, pointer: impl Into<String>) -> Self {
        self.cause = Some(ErrorCause::Pointer(pointer.into()));
        self
    }

    /// The same error of values in a body under this JSON pointer, which have the names of parameters.
    pub(crate) fn in_body(mut self, pointer: &str) -> Self {
        self.cause = match self.cause {
            Some(ErrorCause::Parameter(name)) => {
                let name = pointer_of_name(&name);
                Some(ErrorCause::Pointer(format!("{pointer}{name}")))
            }
            Some(ErrorCause::Pointer(inner)) => {
                Some(ErrorCause::Pointer(format!("{pointer}{inner}")))
            }
            other => other,
        };
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
        (self.code, &self.cause) == (other.code, &other.cause) && self.detail.contains(text)
    }

    /// Logs an error of the server. Other errors are the client's.
    fn log(&self, id: &str) {
        let (status, code, _) = self.code.parts();
        if status == StatusCode::SERVICE_UNAVAILABLE {
            // Only debug: under load, clients that retry cause many of them.
            tracing::debug!(
                id,
                code,
                detail = self.detail,
                "request rejected; the client may retry"
            );
        } else if status.is_server_error() {
            tracing::warn!(id, code, detail = self.detail, "request failed");
        }
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
        match &self.cause {
            None => {}
            Some(ErrorCause::Parameter(name)) => object["source"] = json!({ "parameter": name }),
            Some(ErrorCause::Header(name)) => object["source"] = json!({ "header": name }),
            Some(ErrorCause::Pointer(pointer)) => object["source"] = json!({ "pointer": pointer }),
        }
        if !self.meta.is_empty() {
            object["meta"] = Value::Object(self.meta.clone());
        }
        object
    }
}

impl ApiErrors {
    /// All of these errors, or nothing if there are none. Errors above [`MAX_ERRORS`] are left out.
    pub(crate) fn of(errors: impl IntoIterator<Item = ApiError>) -> Option<Self> {
        let errors: Vec<_> = errors.into_iter().take(MAX_ERRORS).collect();
        (!errors.is_empty()).then_some(Self(errors))
    }

    /// The JSON:API document of the errors. Errors of the server are logged with the id that they have in it.
    pub(crate) fn document(&self) -> Value {
        let with_id = |error: &ApiError| {
            let id = format!("{:016x}", fastrand::u64(..));
            error.log(&id);
            error.object(&id)
        };
        json!({
            "errors": self.0.iter().map(with_id).collect::<Vec<_>>(),
            "jsonapi": { "version": "1.0" },
        })
    }
}

impl From<ApiError> for ApiErrors {
    fn from(error: ApiError) -> Self {
        Self(vec![error])
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        ApiErrors::from(self).into_response()
    }
}

impl IntoResponse for ApiErrors {
    fn into_response(self) -> Response {
        let first = self.0.first().map_or(ErrorCode::Internal, |it| it.code);
        let (status, _, _) = first.parts();
        let mut response = (status, Json(self.document())).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(JSON_API));
        if status == StatusCode::SERVICE_UNAVAILABLE {
            let after = HeaderValue::from_static(RETRY_AFTER_SECONDS);
            headers.insert(header::RETRY_AFTER, after);
        }
        response
    }
}

/// The JSON pointer of a name in a body, RFC 6901.
pub(crate) fn pointer_of_name(name: &str) -> String {
    format!("/{}", name.replace('~', "~0").replace('/', "~1"))
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
    use crate::core::query::problem::{QueryProblem, ValueProblem};

    #[test]
    fn query_error_has_parameter_column_and_text() {
        let error = QueryError {
            column: 7,
            text: "size:>big".into(),
            problem: QueryProblem::Value {
                field: "size".into(),
                problem: ValueProblem::InvalidSize,
            },
        };
        let object = ApiError::invalid_query("q", &error).object("1");
        assert_eq!(object["status"], "400");
        assert_eq!(object["code"], "query_invalid");
        assert_eq!(object["source"], json!({"parameter": "q"}));
        assert_eq!(object["meta"], json!({"column": 7, "text": "size:>big"}));
        let detail = object["detail"].as_str().unwrap();
        assert!(detail.contains("column 7"), "{detail}");
    }

    #[tokio::test]
    async fn one_response_has_all_errors() {
        let error = |key: &str| ApiError::new(ErrorCode::ValueInvalid, key).at(format!("/{key}"));
        assert!(ApiErrors::of([]).is_none());
        let many = (0..MAX_ERRORS + 1).map(|number| error(&number.to_string()));
        let response = ApiErrors::of(many).unwrap().into_response();
        assert_eq!(response.status().as_u16(), 422);
        let body = axum::body::to_bytes(response.into_body(), usize::MAX).await;
        let body: Value = serde_json::from_slice(&body.unwrap()).unwrap();
        let errors = body["errors"].as_array().unwrap();
        assert_eq!(errors.len(), MAX_ERRORS);
        assert_eq!(errors[1]["source"], json!({"pointer": "/1"}));
        assert_ne!(errors[0]["id"], errors[1]["id"]);
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
