//! Reads the JSON body of a request: its content type, its size, its time and its syntax.
//!
//! It does not know what the values mean.

use std::future::poll_fn;
use std::pin::Pin;
use std::time::Duration;

use axum::body::{Body, HttpBody};
use axum::http::{HeaderMap, header};
use serde_json::{Map, Value};
use zeroize::Zeroizing;

use super::error::{ApiError, ErrorCode};

/// Maximum number of bytes of a body. A Source with longer rules needs a file or the command line.
pub(crate) const MAX_BODY_BYTES: usize = 64 * 1024;

/// Bytes of a body that is too large which are still read. Many clients read the response only after they have sent the
/// whole body. A larger body closes the connection.
const MAX_DISCARDED_BYTES: usize = 1 << 20;

/// Maximum time until the body has arrived. A client that sends nothing must not keep a connection.
const BODY_TIMEOUT: Duration = Duration::from_secs(10);

/// The content types that mean JSON. A web page cannot send one of them to another origin without a preflight.
const JSON_TYPES: [&str; 3] = [
    "application/json",
    "application/vnd.api+json",
    "application/merge-patch+json",
];

/// Reads the body, which must be a JSON object. An empty body is an empty object.
pub(super) async fn read_object(
    headers: &HeaderMap,
    body: Body,
) -> Result<Map<String, Value>, ApiError> {
    read_within(BODY_TIMEOUT, headers, body).await
}

async fn read_within(
    limit: Duration,
    headers: &HeaderMap,
    body: Body,
) -> Result<Map<String, Value>, ApiError> {
    let read = tokio::time::timeout(limit, read_bytes(body)).await;
    let bytes = read.map_err(|_| {
        let text = format!("the body did not arrive within {} ms", limit.as_millis());
        ApiError::new(ErrorCode::BodyTooSlow, text)
    })?;
    let bytes = bytes?;
    if bytes.is_empty() {
        return Ok(Map::new());
    }
    if !is_json(headers) {
        let text = "the body must be JSON; send the header Content-Type: application/json";
        return Err(ApiError::new(ErrorCode::ContentTypeUnsupported, text));
    }
    match serde_json::from_slice(&bytes) {
        Ok(Value::Object(object)) => Ok(object),
        Ok(_) => Err(ApiError::new(
            ErrorCode::BodyInvalid,
            "the body must be a JSON object",
        )),
        // The error could show a part of a secret, so only its place is returned.
        Err(error) => {
            let (line, column) = (error.line(), error.column());
            let text = format!("the body is not JSON: see line {line}, column {column}");
            Err(ApiError::new(ErrorCode::BodyInvalid, text))
        }
    }
}

/// Returns the whole body, unless it is too large. A part of it could be valid JSON, too, but is not what the client
/// meant.
///
/// The body can contain secrets, so it is erased after use. It has its capacity from the start: a vector that grows leaves
/// copies behind.
async fn read_bytes(mut body: Body) -> Result<Zeroizing<Vec<u8>>, ApiError> {
    let mut bytes = Zeroizing::new(Vec::with_capacity(MAX_BODY_BYTES));
    let mut total = 0;
    while let Some(frame) = poll_fn(|cx| Pin::new(&mut body).poll_frame(cx)).await {
        let frame = frame.map_err(|_| {
            let text = "the connection ended before the whole body had arrived";
            ApiError::new(ErrorCode::BodyInvalid, text)
        })?;
        let data = frame.into_data().unwrap_or_default();
        total += data.len();
        if total <= MAX_BODY_BYTES {
            bytes.extend_from_slice(&data);
        } else if total > MAX_DISCARDED_BYTES {
            break;
        }
    }
    if total > MAX_BODY_BYTES {
        let text = format!("the body has more than {MAX_BODY_BYTES} bytes");
        return Err(ApiError::new(ErrorCode::BodyTooLarge, text));
    }
    Ok(bytes)
}

fn is_json(headers: &HeaderMap) -> bool {
    let mut given = headers.get_all(header::CONTENT_TYPE).iter();
    let (Some(value), None) = (given.next(), given.next()) else {
        return false;
    };
    let kind = value.to_str().unwrap_or_default();
    let kind = kind.split(';').next().unwrap_or_default().trim();
    JSON_TYPES
        .iter()
        .any(|json| kind.eq_ignore_ascii_case(json))
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;
    use std::task::{Context, Poll};

    use axum::body::Bytes;
    use axum::http::HeaderValue;

    use super::*;

    /// A body that never arrives.
    struct Silent;

    impl HttpBody for Silent {
        type Data = Bytes;
        type Error = Infallible;

        fn poll_frame(
            self: Pin<&mut Self>,
            _: &mut Context<'_>,
        ) -> Poll<Option<Result<hyper::body::Frame<Bytes>, Infallible>>> {
            Poll::Pending
        }
    }

    /// A body whose connection ends after this part.
    struct Ended(&'static str);

    impl HttpBody for Ended {
        type Data = Bytes;
        type Error = std::io::Error;

        fn poll_frame(
            mut self: Pin<&mut Self>,
            _: &mut Context<'_>,
        ) -> Poll<Option<Result<hyper::body::Frame<Bytes>, std::io::Error>>> {
            let part = std::mem::take(&mut self.0);
            Poll::Ready(Some(if part.is_empty() {
                Err(std::io::ErrorKind::ConnectionReset.into())
            } else {
                Ok(hyper::body::Frame::data(part.into()))
            }))
        }
    }

    async fn read(kind: Option<&'static str>, body: impl Into<Body>) -> Result<usize, ErrorCode> {
        let mut headers = HeaderMap::new();
        if let Some(kind) = kind {
            headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
        }
        let read = read_object(&headers, body.into()).await;
        read.map(|object| object.len())
            .map_err(|error| error.code())
    }

    #[tokio::test]
    async fn reads_only_json_objects() {
        let json = Some("application/json");
        for (kind, body, want) in [
            (json, "{\"a\": 1}", Ok(1)),
            (Some("Application/JSON; charset=utf-8"), "{}", Ok(0)),
            (Some("application/vnd.api+json"), "{}", Ok(0)),
            (Some("application/merge-patch+json"), "{}", Ok(0)),
            (None, "", Ok(0)),
            (Some("text/plain"), "", Ok(0)),
            (None, "{}", Err(ErrorCode::ContentTypeUnsupported)),
            (
                Some("text/plain"),
                "{}",
                Err(ErrorCode::ContentTypeUnsupported),
            ),
            (
                Some("application/x-www-form-urlencoded"),
                "{}",
                Err(ErrorCode::ContentTypeUnsupported),
            ),
            (json, "{", Err(ErrorCode::BodyInvalid)),
            (json, "[]", Err(ErrorCode::BodyInvalid)),
            (json, "null", Err(ErrorCode::BodyInvalid)),
            (json, " ", Err(ErrorCode::BodyInvalid)),
        ] {
            assert_eq!(read(kind, body).await, want, "{kind:?} {body}");
        }
    }

    #[tokio::test]
    async fn large_bodies_are_refused() {
        let json = Some("application/json");
        let fitting = format!("{{\"a\":\"{}\"}}", "x".repeat(MAX_BODY_BYTES - 8));
        assert_eq!(fitting.len(), MAX_BODY_BYTES);
        assert_eq!(read(json, fitting.clone()).await, Ok(1));
        let too_long = fitting + " ";
        assert_eq!(read(json, too_long).await, Err(ErrorCode::BodyTooLarge));
    }

    #[tokio::test]
    async fn a_body_that_does_not_arrive_is_refused() {
        let ended = Body::new(Ended("{}"));
        assert_eq!(
            read(Some("application/json"), ended).await,
            Err(ErrorCode::BodyInvalid)
        );
        let limit = Duration::from_millis(1);
        let read = read_within(limit, &HeaderMap::new(), Body::new(Silent)).await;
        assert_eq!(read.unwrap_err().code(), ErrorCode::BodyTooSlow);
    }
}
