//! A request that changes something: who sends it, its JSON body, and the headers about versions and repetition.
//!
//! Every handler that changes something takes a [`WriteRequest`]. The middleware in `auth` has checked its origin, and
//! extracting the [`Grant`] checks that its token may change something. The handler then asks which Sources it may
//! change.

use std::sync::Arc;

use axum::extract::{FromRequest, FromRequestParts, Request};
use axum::http::HeaderMap;
use axum::response::{IntoResponse, Response};
use serde_json::{Map, Value};

use super::error::{ApiError, ErrorCode};
use super::operation::{ApiOperation, HeaderSpec};
use super::params::Params;
use super::request_body::read_object;
use super::visible_sources::no_source;
use crate::managed::store::Version;
use crate::secrets;
use crate::serve::access::Grant;
use crate::serve::http::app_state::AppState;
use crate::serve::http::client::ClientState;

/// Maximum length of an Idempotency-Key, in characters.
const MAX_IDEMPOTENCY_KEY: usize = 128;

/// For operations that change one Source.
pub(super) const IF_MATCH: HeaderSpec = HeaderSpec {
    name: "If-Match",
    description: "The ETag of the Source. The request fails with 412 if the Source has changed since.",
    pattern: "^(\\*|\"[0-9a-f]*\")$",
};

/// For operations that set up a Source.
pub(super) const IDEMPOTENCY_KEY: HeaderSpec = HeaderSpec {
    name: "Idempotency-Key",
    description: "A text that the client chooses for this request. If the request is repeated with it within 24 \
                  hours, nothing is changed again, and the answer is the first one.",
    pattern: "^[!-~]{1,128}$",
};

/// A request that changes something, from a client that may.
pub(super) struct WriteRequest {
    pub app: ClientState,
    pub grant: Grant,
    /// The body. Empty if the request has none. It can contain secrets, so it is erased when it is dropped.
    pub body: Map<String, Value>,
    /// The version of the Source that the client has seen, from `If-Match`.
    pub if_match: Option<Version>,
    pub idempotency_key: Option<String>,
    /// The part of the URL after the `?`.
    query: Option<String>,
}

impl FromRequest<Arc<AppState>> for WriteRequest {
    type Rejection = Response;

    async fn from_request(request: Request, app: &Arc<AppState>) -> Result<Self, Response> {
        let (mut parts, body) = request.into_parts();
        let grant = Grant::from_request_parts(&mut parts, app).await?;
        let refuse = |error: ApiError| error.into_response();
        Ok(Self {
            app: ClientState::new(app, &grant, &parts.extensions),
            grant,
            if_match: if_match(&parts.headers).map_err(refuse)?,
            idempotency_key: idempotency_key(&parts.headers).map_err(refuse)?,
            query: parts.uri.query().map(str::to_owned),
            body: read_object(&parts.headers, body).await.map_err(refuse)?,
        })
    }
}

impl Drop for WriteRequest {
    fn drop(&mut self) {
        secrets::erase(&mut self.body);
    }
}

impl WriteRequest {
    /// Parses the parameters. Only the parameters of the operation are accepted.
    pub(super) fn params(&self, operation: &ApiOperation) -> Result<Params, ApiError> {
        Params::read(self.query.as_deref(), operation.parameters)
    }

    /// Fails with 404 if the token is for other Sources: a hidden Source must look like a missing one.
    pub(super) fn require_may_manage(&self, source: &str) -> Result<(), ApiError> {
        if self.grant.may_manage(source) {
            return Ok(());
        }
        Err(no_source(source))
    }

    /// Fails with 403 if the token is only for some Sources.
    pub(super) fn require_may_create(&self) -> Result<(), ApiError> {
        if self.grant.may_create_sources() {
            return Ok(());
        }
        let text = "this token is for some Sources only, so it cannot set up another one; use a token that was \
                    created with --all-sources --manage";
        Err(ApiError::new(ErrorCode::Forbidden, text))
    }
}

/// The version in `If-Match`. `*` and a missing header mean any version.
fn if_match(headers: &HeaderMap) -> Result<Option<Version>, ApiError> {
    let Some(text) = single(headers, &IF_MATCH)? else {
        return Ok(None);
    };
    if text == "*" {
        return Ok(None);
    }
    // A weak ETag never matches here, RFC 9110, section 13.1.1. No Source has an empty version.
    let tag = text.strip_prefix('"').and_then(|tag| tag.strip_suffix('"'));
    let tag = tag.or_else(|| text.starts_with("W/").then_some(""));
    match tag {
        Some(tag) if !tag.contains('"') => Ok(Some(Version::from_text(tag))),
        _ => Err(invalid(
            &IF_MATCH,
            "must be the ETag of the Source, with its quotation marks",
        )),
    }
}

fn idempotency_key(headers: &HeaderMap) -> Result<Option<String>, ApiError> {
    let Some(text) = single(headers, &IDEMPOTENCY_KEY)? else {
        return Ok(None);
    };
    if text.is_empty() || text.len() > MAX_IDEMPOTENCY_KEY {
        let problem = format!("must have 1 to {MAX_IDEMPOTENCY_KEY} printable characters");
        return Err(invalid(&IDEMPOTENCY_KEY, &problem));
    }
    Ok(Some(text.to_owned()))
}

/// The value of a header that may occur once, if it is printable ASCII.
fn single<'h>(headers: &'h HeaderMap, spec: &HeaderSpec) -> Result<Option<&'h str>, ApiError> {
    let mut given = headers.get_all(spec.name).iter();
    let Some(value) = given.next() else {
        return Ok(None);
    };
    match value.to_str() {
        Ok(text) if given.next().is_none() => Ok(Some(text.trim())),
        _ => Err(invalid(
            spec,
            "must occur once, in printable ASCII characters",
        )),
    }
}

fn invalid(spec: &HeaderSpec, problem: &str) -> ApiError {
    let text = format!("the header {} {problem}", spec.name);
    ApiError::new(ErrorCode::HeaderInvalid, text).for_header(spec.name)
}

#[cfg(test)]
mod tests {
    use axum::http::{HeaderName, HeaderValue};

    use super::*;

    fn headers(spec: &HeaderSpec, values: &[&str]) -> HeaderMap {
        let name = HeaderName::from_bytes(spec.name.as_bytes()).unwrap();
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(
                name.clone(),
                HeaderValue::from_bytes(value.as_bytes()).unwrap(),
            );
        }
        headers
    }

    #[test]
    fn reads_the_version_of_if_match() {
        let version = |text: &str| Ok(Some(Version::from_text(text)));
        for (values, want) in [
            (&[][..], Ok(None)),
            (&["*"], Ok(None)),
            (&["\"0a1b\""], version("0a1b")),
            // They match no Source.
            (&["W/\"0a1b\""], version("")),
            (&["\"\""], version("")),
            (&["0a1b"], Err(())),
            (&["\"a\", \"b\""], Err(())),
            (&["\"a\"", "\"b\""], Err(())),
            (&[""], Err(())),
            (&["\""], Err(())),
            (&["ü"], Err(())),
        ] {
            let read = if_match(&headers(&IF_MATCH, values));
            assert_eq!(read.map_err(|_| ()), want, "{values:?}");
        }
    }

    #[test]
    fn idempotency_keys_are_short_and_printable() {
        let longest = "x".repeat(MAX_IDEMPOTENCY_KEY);
        let too_long = format!("{longest}x");
        for (values, want) in [
            (&[][..], Ok(None)),
            (&["8e03978e-40d5-43dd-bc93-6894a57f9324"], Ok(Some(36))),
            (&[&*longest], Ok(Some(MAX_IDEMPOTENCY_KEY))),
            (&[&*too_long], Err(ErrorCode::HeaderInvalid)),
            (&[""], Err(ErrorCode::HeaderInvalid)),
            (&["é"], Err(ErrorCode::HeaderInvalid)),
            (&["a", "b"], Err(ErrorCode::HeaderInvalid)),
        ] {
            let read = idempotency_key(&headers(&IDEMPOTENCY_KEY, values));
            let read = read.map(|key| key.map(|key| key.len()));
            assert_eq!(read.map_err(|error| error.code()), want, "{values:?}");
        }
    }
}
