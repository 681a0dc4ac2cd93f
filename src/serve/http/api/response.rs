//! Finishes every response: escaped control characters in JSON, ETag, compression, default headers, and the body of a 405.
//!
//! It does not look at the content of a response. A HEAD request gets the response of the GET request,
//! without the body.

use axum::body::{Body, to_bytes};
use axum::extract::Request;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use xxhash_rust::xxh3::xxh3_128;

use super::compression::Accepted;
use super::error::{ApiError, ErrorCode};
use crate::core::json::escape_controls;

/// Maximum number of bytes of the path and the parameters together.
pub(crate) const MAX_URI_BYTES: usize = 8 * 1024;

/// Smaller bodies are compressed only for a client that accepts no plain ones.
const MIN_COMPRESSED_BYTES: usize = 1_024;

/// Maximum number of bytes of a body. A thousand hits with the longest keys are a tenth of it.
const MAX_BODY_BYTES: usize = 64 << 20;

/// A hash for the ETag of a response, if parts of the body must not count, such as its timing.
///
/// A handler adds it to the extensions of its response.
#[derive(Clone, Copy, Debug)]
pub(crate) struct EtagHash(u128);

impl EtagHash {
    /// Hashes the body without the parts that must not count.
    pub(crate) fn of(body: &[u8]) -> Self {
        Self(xxh3_128(body))
    }

    /// A weak ETag: the compressed and the plain body share it, and so do bodies with other timings.
    fn etag(self) -> String {
        format!("W/\"{:032x}\"", self.0)
    }
}

/// Marks a response whose body can change although its ETag does not: the ETag is the version of a Source, and the
/// body also has the number of its assets. Such a response never becomes a 304.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ChangesWithoutVersion;

/// Handles a request with `next` and finishes the response.
pub(crate) async fn finish_response(mut request: Request, next: Next) -> Response {
    if request.uri().to_string().len() > MAX_URI_BYTES {
        let text = format!(
            "the path and the parameters are longer than {MAX_URI_BYTES} bytes; shorten them"
        );
        return ApiError::new(ErrorCode::UriTooLong, text).into_response();
    }
    let is_head = request.method() == Method::HEAD;
    if is_head {
        *request.method_mut() = Method::GET;
    }
    let is_read = request.method() == Method::GET;
    let request_headers = request.headers().clone();
    let mut response = next.run(request).await;
    if response.status() == StatusCode::METHOD_NOT_ALLOWED {
        response = method_not_allowed(&response);
    }
    let response = complete(response, &request_headers, is_read).await;
    if is_head {
        response.map(|_| Body::empty())
    } else {
        response
    }
}

/// An error document in place of the router's empty 405.
fn method_not_allowed(original: &Response) -> Response {
    let allowed = original.headers().get(header::ALLOW).cloned();
    let allowed = allowed.unwrap_or(HeaderValue::from_static("GET,HEAD"));
    let methods = allowed.to_str().unwrap_or_default().replace(',', ", ");
    let text = format!("this path does not accept the method; it accepts {methods}");
    let mut response = ApiError::new(ErrorCode::MethodNotAllowed, text).into_response();
    response.headers_mut().insert(header::ALLOW, allowed);
    response
}

async fn complete(response: Response, request_headers: &HeaderMap, is_read: bool) -> Response {
    let (mut parts, body) = response.into_parts();
    let Ok(mut body) = to_bytes(body, MAX_BODY_BYTES).await else {
        let text = format!("the response is larger than {MAX_BODY_BYTES} bytes");
        return ApiError::new(ErrorCode::Internal, text).into_response();
    };
    let headers = &mut parts.headers;
    if is_json(headers)
        && let Some(escaped) = escape_controls(&body)
    {
        body = escaped.into();
    }
    set_default(headers, header::CACHE_CONTROL, "private, no-cache");
    set_default(headers, header::X_CONTENT_TYPE_OPTIONS, "nosniff");
    headers.append(header::VARY, HeaderValue::from_static("accept-encoding"));
    if parts.status == StatusCode::OK && is_read {
        let hash = parts.extensions.get::<EtagHash>().copied();
        let etag = hash.unwrap_or_else(|| EtagHash::of(&body)).etag();
        set_default(headers, header::ETAG, &etag);
        let may_be_cached = parts.extensions.get::<ChangesWithoutVersion>().is_none();
        if may_be_cached && is_cached(headers.get(header::ETAG), request_headers) {
            parts.status = StatusCode::NOT_MODIFIED;
            headers.remove(header::CONTENT_TYPE);
            headers.remove(header::CONTENT_LENGTH);
            return Response::from_parts(parts, Body::empty());
        }
    }
    let accepted = Accepted::of(request_headers);
    let is_plain = !headers.contains_key(header::CONTENT_ENCODING);
    let is_worth_it = body.len() >= MIN_COMPRESSED_BYTES || !accepted.plain;
    if let Some(coding) = accepted.coding.filter(|_| is_plain && is_worth_it) {
        let plain = body.clone();
        // Compressing can take as long as a search.
        let encoded = tokio::task::spawn_blocking(move || coding.encode(&plain));
        if let Ok(Ok(encoded)) = encoded.await {
            let name = HeaderValue::from_static(coding.name());
            headers.insert(header::CONTENT_ENCODING, name);
            body = encoded.into();
        }
    }
    headers.insert(header::CONTENT_LENGTH, body.len().into());
    Response::from_parts(parts, Body::from(body))
}

/// Whether the body is JSON of any kind.
fn is_json(headers: &HeaderMap) -> bool {
    let kind = headers.get(header::CONTENT_TYPE);
    let kind = kind.and_then(|kind| kind.to_str().ok());
    kind.is_some_and(|kind| kind.ends_with("/json") || kind.ends_with("+json"))
}

/// Sets a header unless the response already has it.
fn set_default(headers: &mut HeaderMap, name: HeaderName, value: &str) {
    let value = HeaderValue::from_str(value).expect("the value is printable ASCII");
    headers.entry(name).or_insert(value);
}

/// Whether `If-None-Match` contains the ETag: the client has a current copy.
fn is_cached(etag: Option<&HeaderValue>, request_headers: &HeaderMap) -> bool {
    let Some(etag) = etag.and_then(|etag| etag.to_str().ok()) else {
        return false;
    };
    let tags = request_headers.get_all(header::IF_NONE_MATCH).iter();
    let mut tags = tags
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','));
    let opaque = |tag: &'_ str| tag.trim().trim_start_matches("W/").to_owned();
    tags.any(|tag| tag.trim() == "*" || opaque(tag) == opaque(etag))
}

#[cfg(test)]
mod tests {
    use axum::routing::get;
    use axum::{Router, middleware};
    use tower::ServiceExt;

    use super::*;

    fn long() -> String {
        "asset ".repeat(1_000)
    }

    async fn send(method: &str, path: &str, headers: &[(&str, &str)]) -> (Response, Vec<u8>) {
        let router = Router::new()
            .route("/long", get(async || long()))
            .route("/short", get(async || "short"))
            .route("/json", get(async || axum::Json("a\u{9b}31m\u{7f} é")))
            .layer(middleware::from_fn(finish_response));
        let mut request = Request::builder().method(method).uri(path);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(Body::empty()).unwrap();
        let (parts, body) = router.oneshot(request).await.unwrap().into_parts();
        let body = to_bytes(body, usize::MAX).await.unwrap().to_vec();
        (Response::from_parts(parts, Body::empty()), body)
    }

    #[tokio::test]
    async fn compresses_a_long_body_as_the_client_accepts() {
        for (path, accepted, coding) in [
            ("/long", "gzip", Some("gzip")),
            ("/long", "gzip, deflate, br, zstd", Some("zstd")),
            ("/long", "br, GZIP;q=0.5", Some("br")),
            ("/long", "identity, gzip;q=0.5", None),
            ("/long", "identity", None),
            ("/short", "gzip, br, zstd", None),
            // No body may be plain.
            ("/short", "gzip, identity;q=0", Some("gzip")),
            ("/none", "gzip, *;q=0", Some("gzip")),
        ] {
            let (plain, _) = send("GET", path, &[]).await;
            let (response, body) = send("GET", path, &[("accept-encoding", accepted)]).await;
            let headers = response.headers();
            let encoding = headers.get("content-encoding");
            let encoding = encoding.map(|encoding| encoding.to_str().unwrap());
            assert_eq!(encoding, coding, "{path} {accepted}");
            assert_eq!(headers["vary"], "accept-encoding");
            assert_eq!(headers["content-length"], body.len().to_string());
            // The ETag is weak, so all codings share it.
            assert_eq!(headers.get("etag"), plain.headers().get("etag"));
            let (head, _) = send("HEAD", path, &[("accept-encoding", accepted)]).await;
            assert_eq!(head.headers(), headers, "{path} {accepted}");
            if coding == Some("gzip") && path == "/long" {
                assert!(body.starts_with(&[0x1f, 0x8b]) && body.len() < 200);
            }
        }
    }

    #[tokio::test]
    async fn json_has_no_raw_control_characters() {
        let (response, body) = send("GET", "/json", &[]).await;
        assert_eq!(body, "\"a\\u009b31m\\u007f é\"".as_bytes());
        let length = response.headers()["content-length"].to_str().unwrap();
        assert_eq!(length, body.len().to_string());
    }

    #[tokio::test]
    async fn matching_etag_gets_a_304_without_body() {
        let (response, _) = send("GET", "/long", &[]).await;
        assert_eq!(response.headers()["cache-control"], "private, no-cache");
        let etag = response.headers()["etag"].to_str().unwrap().to_owned();
        let both = format!("\"other\", {etag}");
        let strong = etag.trim_start_matches("W/");
        for (tag, status) in [
            (etag.as_str(), 304),
            (&both, 304),
            (strong, 304),
            ("*", 304),
            ("\"other\"", 200),
        ] {
            let (response, body) = send("GET", "/long", &[("if-none-match", tag)]).await;
            assert_eq!(response.status().as_u16(), status, "{tag}");
            assert_eq!(response.headers()["etag"], etag);
            assert_eq!(body.is_empty(), status == 304, "{tag}");
        }
    }

    #[tokio::test]
    async fn head_has_the_headers_of_get() {
        let (get, body) = send("GET", "/long", &[]).await;
        let (head, head_body) = send("HEAD", "/long", &[]).await;
        assert_eq!(get.headers(), head.headers());
        assert_eq!(head.headers()["content-length"], body.len().to_string());
        assert!(head_body.is_empty());
    }

    #[tokio::test]
    async fn other_methods_and_long_urls_get_error_documents() {
        let too_long = format!("/long?q={}", "x".repeat(MAX_URI_BYTES));
        for (method, path, status, code) in [
            ("POST", "/long", 405, "method_not_allowed"),
            ("GET", too_long.as_str(), 414, "uri_too_long"),
        ] {
            let (response, body) = send(method, path, &[]).await;
            assert_eq!(response.status().as_u16(), status);
            assert_eq!(response.headers().contains_key("allow"), status == 405);
            let body = String::from_utf8(body).unwrap();
            assert!(body.contains(code), "{body}");
        }
    }
}
