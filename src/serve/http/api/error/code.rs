//! The kinds of errors of the HTTP API, with their status, `code` and `title`.

use axum::http::StatusCode;

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
    /// The request has no `Host` header, several, or an invalid one.
    HostInvalid,
    /// The `Host` header is not a name of this service.
    HostUnknown,
    /// The path, Source, asset or file does not exist, or the client may not see it.
    NotFound,
    /// The path does not accept the method.
    MethodNotAllowed,
    /// The path and the parameters together are too long.
    UriTooLong,
    /// A limit of concurrent requests is reached.
    Busy,
    /// The search exceeded its time limit.
    TooSlow,
    /// There is no index yet.
    IndexAbsent,
    /// The index cannot be read.
    IndexFailed,
    /// A web page of this origin may not change anything.
    OriginNotAllowed,
    /// The code of a one-time link does not work, or no longer.
    CodeInvalid,
    /// A header has an invalid value.
    HeaderInvalid,
    /// The body is not a JSON object.
    BodyInvalid,
    /// The body does not arrive.
    BodyTooSlow,
    /// The body has too many bytes.
    BodyTooLarge,
    /// The body has another content type than JSON.
    ContentTypeUnsupported,
    /// A value in the body is unknown, missing or not allowed.
    ValueInvalid,
    /// The bucket or the queue cannot be used with the new values.
    TestFailed,
    /// The Source is in the configuration file, so it can only be changed there.
    ManagedByFile,
    /// `If-Match` names another version of the Source.
    VersionDiffers,
    /// The maximum number of managed Sources is reached.
    TooManySources,
    /// Someone has changed the stored file of the Source by hand, and it cannot be read.
    StoredFileInvalid,
    /// The Source is disabled, so it cannot be scanned.
    SourceDisabled,
    /// The `Idempotency-Key` belongs to another request.
    IdempotencyKeyReused,
    /// Another request with this `Idempotency-Key` has no answer yet.
    RequestInProgress,
    /// This server cannot change Sources.
    ReadOnly,
    /// The daemon cannot do it now: it is stopping, or between two configurations.
    Unavailable,
    /// The configuration on the server has mistakes, so no change can be checked or used.
    ConfigurationInvalid,
    /// The change could not be stored.
    ChangeFailed,
    /// The disk of the server is full.
    StorageFull,
    /// A bug in this program.
    Internal,
}

impl ErrorCode {
    /// All codes.
    #[cfg(test)]
    pub(crate) const ALL: [Self; 41] = [
        Self::ParameterUnknown,
        Self::ParameterMissing,
        Self::ParameterRepeated,
        Self::ParameterInvalid,
        Self::QueryInvalid,
        Self::CursorInvalid,
        Self::CursorOfAnotherQuery,
        Self::PathInvalid,
        Self::Unauthenticated,
        Self::Forbidden,
        Self::HostInvalid,
        Self::HostUnknown,
        Self::NotFound,
        Self::MethodNotAllowed,
        Self::UriTooLong,
        Self::Busy,
        Self::TooSlow,
        Self::IndexAbsent,
        Self::IndexFailed,
        Self::OriginNotAllowed,
        Self::CodeInvalid,
        Self::HeaderInvalid,
        Self::BodyInvalid,
        Self::BodyTooSlow,
        Self::BodyTooLarge,
        Self::ContentTypeUnsupported,
        Self::ValueInvalid,
        Self::TestFailed,
        Self::ManagedByFile,
        Self::VersionDiffers,
        Self::TooManySources,
        Self::StoredFileInvalid,
        Self::SourceDisabled,
        Self::IdempotencyKeyReused,
        Self::RequestInProgress,
        Self::ReadOnly,
        Self::Unavailable,
        Self::ConfigurationInvalid,
        Self::ChangeFailed,
        Self::StorageFull,
        Self::Internal,
    ];

    /// The HTTP status.
    #[cfg(test)]
    pub(crate) fn status(self) -> StatusCode {
        self.parts().0
    }

    /// The HTTP status, the `code` and the `title`.
    pub(super) fn parts(self) -> (StatusCode, &'static str, &'static str) {
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
            Self::HostInvalid => (S::BAD_REQUEST, "host_invalid", "invalid Host header"),
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
                "too many requests are running",
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
            Self::OriginNotAllowed => (S::FORBIDDEN, "origin_not_allowed", "origin not allowed"),
            Self::CodeInvalid => (S::FORBIDDEN, "code_invalid", "the link does not work"),
            Self::HeaderInvalid => (S::BAD_REQUEST, "header_invalid", "invalid header"),
            Self::BodyInvalid => (S::BAD_REQUEST, "body_invalid", "invalid body"),
            Self::BodyTooSlow => (S::REQUEST_TIMEOUT, "body_too_slow", "the body is too slow"),
            Self::BodyTooLarge => (
                S::PAYLOAD_TOO_LARGE,
                "body_too_large",
                "the body is too large",
            ),
            Self::ContentTypeUnsupported => (
                S::UNSUPPORTED_MEDIA_TYPE,
                "content_type_unsupported",
                "unsupported content type",
            ),
            Self::ValueInvalid => (S::UNPROCESSABLE_ENTITY, "value_invalid", "invalid value"),
            Self::TestFailed => (
                S::UNPROCESSABLE_ENTITY,
                "test_failed",
                "the new values do not work",
            ),
            Self::ManagedByFile => (S::CONFLICT, "managed_by_file", "managed by file"),
            Self::VersionDiffers => (
                S::PRECONDITION_FAILED,
                "precondition_failed",
                "changed by someone else",
            ),
            Self::TooManySources => (S::CONFLICT, "too_many_sources", "too many Sources"),
            Self::StoredFileInvalid => (
                S::CONFLICT,
                "stored_file_invalid",
                "the stored file cannot be read",
            ),
            Self::SourceDisabled => (S::CONFLICT, "source_disabled", "the Source is disabled"),
            Self::IdempotencyKeyReused => (
                S::UNPROCESSABLE_ENTITY,
                "idempotency_key_reused",
                "the Idempotency-Key was used before",
            ),
            Self::RequestInProgress => (
                S::CONFLICT,
                "request_in_progress",
                "the first request is still running",
            ),
            Self::ReadOnly => (
                S::SERVICE_UNAVAILABLE,
                "read_only",
                "this server is read-only",
            ),
            Self::Unavailable => (
                S::SERVICE_UNAVAILABLE,
                "unavailable",
                "not possible at the moment",
            ),
            Self::ConfigurationInvalid => (
                S::INTERNAL_SERVER_ERROR,
                "configuration_invalid",
                "the configuration has mistakes",
            ),
            Self::ChangeFailed => (
                S::INTERNAL_SERVER_ERROR,
                "change_failed",
                "the change failed",
            ),
            Self::StorageFull => (S::INSUFFICIENT_STORAGE, "storage_full", "the disk is full"),
            Self::Internal => (S::INTERNAL_SERVER_ERROR, "internal", "internal error"),
        }
    }
}
