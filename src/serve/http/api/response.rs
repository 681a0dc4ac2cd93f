//! What every answer gets on its way out: a validator, compression, the body of a refusal.
//!
//! It knows nothing of what is answered. A HEAD request is answered as the GET would be, without
//! the body.

use std::io::Write;

use axum::body::{Body, Bytes, to_bytes};
use axum::extract::Request;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use flate2::Compression;
use flate2::write::GzEncoder;
use xxhash_rust::xxh3::xxh3_128;

use super::error::{ApiError, ErrorCode};

/// The most bytes of path and parameters together.
pub(crate) const MAX_URI_BYTES: usize = 8 * 1024;

/// A body that is smaller is not worth compressing.
const MIN_COMPRESSED_BYTES: usize = 1_024;

/// The most bytes of a body: a thousand hits with the longest keys are a tenth of it.
const MAX_BODY_BYTES: usize = 64 << 20;

/// Stands for a body in comparisons, where parts of it say only when it was made.
#[derive(Clone, Copy, Debug)]
pub(crate) struct EtagHash(u128);

impl EtagHash {
    /// Of the body without those parts.
    pub(crate) fn of(body: &[u8]) -> Self {
        Self(xxh3_128(body))
    }

    /// Weak: what it stands for may be compressed or not, and took as long as it took.
    fn etag(self) -> String {
        format!("W/\"{:032x}\"", self.0)
    }
}

/// Answers one request by `next`, and finishes the answer.
pub(crate) async fn finish_response(mut request: Request, next: Next) -> Response {
    if request.uri().to_string().len() > MAX_URI_BYTES {
        let text = format!("path and parameters have at most {MAX_URI_BYTES} bytes together");
        return ApiError::new(ErrorCode::UriTooLong, text).into_response();
    }
    let is_head = request.method() == Method::HEAD;
    if is_head {
        *request.method_mut() = Method::GET;
    }
    let asked = request.headers().clone();
    let mut response = next.run(request).await;
    if response.status() == StatusCode::METHOD_NOT_ALLOWED {
        response = explained(&response);
    }
    let response = completed(response, &asked).await;
    if is_head {
        response.map(|_| Body::empty())
    } else {
        response
    }
}

/// The refusal of a method, in words.
fn explained(refused: &Response) -> Response {
    let text = "this path can be read by GET and HEAD; nothing can be changed over HTTP";
    let mut response = ApiError::new(ErrorCode::MethodNotAllowed, text).into_response();
    let allowed = refused.headers().get(header::ALLOW);
    let allowed = allowed.cloned();
    let allowed = allowed.unwrap_or(HeaderValue::from_static("GET,HEAD"));
    response.headers_mut().insert(header::ALLOW, allowed);
    response
}

async fn completed(response: Response, asked: &HeaderMap) -> Response {
    let (mut parts, body) = response.into_parts();
    let Ok(mut body) = to_bytes(body, MAX_BODY_BYTES).await else {
        return ApiError::new(ErrorCode::Internal, "the answer could not be made").into_response();
    };
    let headers = &mut parts.headers;
    put(headers, header::CACHE_CONTROL, "private, no-cache");
    put(headers, header::X_CONTENT_TYPE_OPTIONS, "nosniff");
    if parts.status == StatusCode::OK {
        headers.append(header::VARY, HeaderValue::from_static("accept-encoding"));
        let validator = parts.extensions.get::<EtagHash>().copied();
        let etag = validator.unwrap_or_else(|| EtagHash::of(&body)).etag();
        put(headers, header::ETAG, &etag);
        if is_known(headers.get(header::ETAG), asked) {
            parts.status = StatusCode::NOT_MODIFIED;
            headers.remove(header::CONTENT_TYPE);
            headers.remove(header::CONTENT_LENGTH);
            return Response::from_parts(parts, Body::empty());
        }
    }
    let is_plain = !headers.contains_key(header::CONTENT_ENCODING);
    if is_plain && body.len() >= MIN_COMPRESSED_BYTES && takes_gzip(asked) {
        let plain = body.clone();
        // It takes as long as some searches do.
        if let Ok(Ok(packed)) = tokio::task::spawn_blocking(move || packed(&plain)).await {
            headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
            body = packed;
        }
    }
    headers.insert(header::CONTENT_LENGTH, body.len().into());
    Response::from_parts(parts, Body::from(body))
}

/// Sets a header where the answer has not set it itself.
fn put(headers: &mut HeaderMap, name: HeaderName, value: &str) {
    let value = HeaderValue::from_str(value).expect("it is made of printable ASCII");
    headers.entry(name).or_insert(value);
}

/// Whether the client has what the validator stands for.
fn is_known(etag: Option<&HeaderValue>, asked: &HeaderMap) -> bool {
    let Some(etag) = etag.and_then(|etag| etag.to_str().ok()) else {
        return false;
    };
    let known = asked.get_all(header::IF_NONE_MATCH).iter();
    let mut known = known
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','));
    let opaque = |tag: &'_ str| tag.trim().trim_start_matches("W/").to_owned();
    known.any(|known| known.trim() == "*" || opaque(known) == opaque(etag))
}

fn takes_gzip(asked: &HeaderMap) -> bool {
    let values = asked.get_all(header::ACCEPT_ENCODING).iter();
    let mut codings = values
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','));
    codings.any(|coding| {
        let (name, weight) = coding.split_once(';').unwrap_or((coding, ""));
        let weight = weight.trim().strip_prefix("q=").map(str::parse::<f32>);
        name.trim().eq_ignore_ascii_case("gzip") && !matches!(weight, Some(Ok(0.0)))
    })
}

fn packed(plain: &[u8]) -> std::io::Result<Bytes> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(plain)?;
    Ok(encoder.finish()?.into())
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use axum::routing::get;
    use axum::{Router, middleware};
    use tower::ServiceExt;

    use super::*;

    fn long() -> String {
        "asset ".repeat(1_000)
    }

    async fn ask(method: &str, path: &str, headers: &[(&str, &str)]) -> (Response, Vec<u8>) {
        let router = Router::new()
            .route("/long", get(async || long()))
            .route("/short", get(async || "short"))
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
    async fn a_long_answer_is_compressed_for_who_takes_it() {
        for (path, accepted, is_packed) in [
            ("/long", "gzip", true),
            ("/long", "br, GZIP;q=0.5", true),
            ("/long", "gzip;q=0, br", false),
            ("/long", "identity", false),
            ("/short", "gzip", false),
        ] {
            let (response, body) = ask("GET", path, &[("accept-encoding", accepted)]).await;
            let encoding = response.headers().get("content-encoding");
            assert_eq!(encoding.is_some(), is_packed, "{path} {accepted}");
            assert_eq!(response.headers()["vary"], "accept-encoding");
            assert_eq!(response.headers()["content-length"], body.len().to_string());
            if is_packed {
                let mut plain = String::new();
                let mut decoder = flate2::read::GzDecoder::new(body.as_slice());
                decoder.read_to_string(&mut plain).unwrap();
                assert_eq!(plain, long());
            }
        }
    }

    #[tokio::test]
    async fn who_has_the_answer_gets_none() {
        let (response, _) = ask("GET", "/long", &[]).await;
        assert_eq!(response.headers()["cache-control"], "private, no-cache");
        let etag = response.headers()["etag"].to_str().unwrap().to_owned();
        let both = format!("\"other\", {etag}");
        let strong = etag.trim_start_matches("W/");
        for (known, status) in [
            (etag.as_str(), 304),
            (&both, 304),
            (strong, 304),
            ("*", 304),
            ("\"other\"", 200),
        ] {
            let (response, body) = ask("GET", "/long", &[("if-none-match", known)]).await;
            assert_eq!(response.status().as_u16(), status, "{known}");
            assert_eq!(response.headers()["etag"], etag);
            assert_eq!(body.is_empty(), status == 304, "{known}");
        }
    }

    #[tokio::test]
    async fn a_head_is_that_of_the_get() {
        let (got, body) = ask("GET", "/long", &[]).await;
        let (head, nothing) = ask("HEAD", "/long", &[]).await;
        assert_eq!(got.headers(), head.headers());
        assert_eq!(head.headers()["content-length"], body.len().to_string());
        assert!(nothing.is_empty());
    }

    #[tokio::test]
    async fn other_methods_and_endless_addresses_are_refused_in_words() {
        let endless = format!("/long?q={}", "x".repeat(MAX_URI_BYTES));
        for (method, path, status, said) in [
            ("POST", "/long", 405, "method_not_allowed"),
            ("GET", endless.as_str(), 414, "uri_too_long"),
        ] {
            let (response, body) = ask(method, path, &[]).await;
            assert_eq!(response.status().as_u16(), status);
            assert_eq!(response.headers().contains_key("allow"), status == 405);
            let body = String::from_utf8(body).unwrap();
            assert!(body.contains(said), "{body}");
        }
    }
}
