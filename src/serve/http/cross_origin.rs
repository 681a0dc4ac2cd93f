//! Which web pages may use the service: the check of `Origin` for changes, and CORS for the pages in
//! `serve.cors_origins`.
//!
//! A browser sends `Origin` with every change, and a page cannot forge it. Other programs send none. Cookies and other
//! credentials of the browser are never allowed; a page has to send its token itself.

use axum::extract::Request;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};

/// The methods that a page of another origin may use.
const METHODS: &str = "GET, HEAD, POST, PATCH, DELETE";
/// The headers that such a page may send.
const REQUEST_HEADERS: &str =
    "authorization, content-type, idempotency-key, if-match, if-none-match";
/// The headers of responses that such a page may read.
const RESPONSE_HEADERS: &str = "etag, location, retry-after";
/// How long a browser may remember a preflight, in seconds. A new configuration takes effect after it.
const PREFLIGHT_SECONDS: &str = "600";

/// The web page that sends a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum RequestOrigin {
    /// No web page, or one that only reads from its own origin.
    None,
    /// A page of this service.
    Own,
    /// A page of another origin that is allowed.
    Allowed(HeaderValue),
    /// A page of another origin.
    Foreign,
}

impl RequestOrigin {
    /// `has_tls` says whether this server encrypts.
    pub(super) fn of(headers: &HeaderMap, has_tls: bool, allowed: &[String]) -> Self {
        let mut given = headers.get_all(header::ORIGIN).iter();
        let (Some(origin), None) = (given.next(), given.next()) else {
            let has_several = headers.contains_key(header::ORIGIN);
            return if has_several {
                Self::Foreign
            } else {
                Self::None
            };
        };
        let Ok(text) = origin.to_str() else {
            return Self::Foreign;
        };
        if allowed.iter().any(|allowed| allowed == text) {
            return Self::Allowed(origin.clone());
        }
        let host = headers
            .get(header::HOST)
            .and_then(|host| host.to_str().ok());
        match host {
            Some(host) if is_own(text, host, has_tls) => Self::Own,
            _ => Self::Foreign,
        }
    }

    /// Whether the page may send a request that changes something.
    pub(super) fn may_write(&self) -> bool {
        *self != Self::Foreign
    }

    /// The response to a preflight of an allowed page, or `None` if the request is something else.
    pub(super) fn preflight(&self, request: &Request) -> Option<Response> {
        let is_preflight = request.method() == Method::OPTIONS
            && request
                .headers()
                .contains_key(header::ACCESS_CONTROL_REQUEST_METHOD);
        if !is_preflight || !matches!(self, Self::Allowed(_)) {
            return None;
        }
        let headers = [
            (header::ACCESS_CONTROL_ALLOW_METHODS, METHODS),
            (header::ACCESS_CONTROL_ALLOW_HEADERS, REQUEST_HEADERS),
            (header::ACCESS_CONTROL_MAX_AGE, PREFLIGHT_SECONDS),
        ];
        Some((StatusCode::NO_CONTENT, headers).into_response())
    }

    /// Which pages may embed the response.
    pub(super) fn resource_policy(&self) -> &'static str {
        match self {
            Self::Allowed(_) => "cross-origin",
            Self::None | Self::Own | Self::Foreign => "same-origin",
        }
    }

    /// Lets an allowed page read the response.
    pub(super) fn allow(&self, headers: &mut HeaderMap) {
        let Self::Allowed(origin) = self else {
            return;
        };
        headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone());
        let exposed = HeaderValue::from_static(RESPONSE_HEADERS);
        headers.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, exposed);
    }
}

/// Whether the request changes something. All other methods only read.
pub(super) fn is_write(method: &Method) -> bool {
    !matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS)
}

/// Whether the origin is the one of a server that is reached as `host`.
///
/// A server without TLS can be behind a proxy with TLS, so its pages can have both schemes.
fn is_own(origin: &str, host: &str, has_tls: bool) -> bool {
    let (origin_host, default_port) = match origin.split_once("://") {
        Some(("https", host)) => (host, ":443"),
        Some(("http", host)) if !has_tls => (host, ":80"),
        _ => return false,
    };
    let host = host.strip_suffix(default_port).unwrap_or(host);
    !host.is_empty() && origin_host.eq_ignore_ascii_case(host)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn origin(origins: &[&str], host: &str, has_tls: bool) -> RequestOrigin {
        let mut headers = HeaderMap::new();
        headers.insert(header::HOST, HeaderValue::from_str(host).unwrap());
        for origin in origins {
            headers.append(header::ORIGIN, HeaderValue::from_str(origin).unwrap());
        }
        RequestOrigin::of(
            &headers,
            has_tls,
            &["https://assets.example.com".to_owned()],
        )
    }

    #[test]
    fn only_the_own_and_allowed_origins_may_write() {
        use RequestOrigin::{Foreign, None, Own};
        let allowed =
            RequestOrigin::Allowed(HeaderValue::from_static("https://assets.example.com"));
        for (origins, host, has_tls, want) in [
            (&[][..], "localhost:8470", false, None),
            (&["http://localhost:8470"], "localhost:8470", false, Own),
            (&["http://localhost:8470"], "LocalHost:8470", false, Own),
            (&["http://localhost:8471"], "localhost:8470", false, Foreign),
            (&["http://localhost"], "localhost:8470", false, Foreign),
            (&["http://localhost"], "localhost:80", false, Own),
            (&["http://127.0.0.1:8470"], "localhost:8470", false, Foreign),
            // A proxy encrypts.
            (
                &["https://search.example.com"],
                "search.example.com",
                false,
                Own,
            ),
            (
                &["https://search.example.com"],
                "search.example.com:443",
                true,
                Own,
            ),
            // Anyone in the network can pretend to be the server without TLS.
            (
                &["http://search.example.com"],
                "search.example.com",
                true,
                Foreign,
            ),
            (
                &["https://assets.example.com"],
                "search.example.com",
                true,
                allowed,
            ),
            (
                &["https://evil.example.com"],
                "search.example.com",
                true,
                Foreign,
            ),
            (
                &["https://assets.example.com.evil.example.com"],
                "a",
                true,
                Foreign,
            ),
            (
                &["https://search.example.com", "https://search.example.com"],
                "search.example.com",
                true,
                Foreign,
            ),
            (&["null"], "localhost:8470", false, Foreign),
            (&[""], "localhost:8470", false, Foreign),
            (&["http://"], "", false, Foreign),
        ] {
            let got = origin(origins, host, has_tls);
            assert_eq!(got, want, "{origins:?} {host}");
            assert_eq!(got.may_write(), got != Foreign);
        }
    }
}
