//! Checks the host name of each request: HTTP demands exactly one, and a service without tokens answers only to its own
//! names, as protection against DNS rebinding.
//!
//! A hostile web page can make its own domain name resolve to this machine. The browser of anyone who opens
//! the page then sends requests to this service, with that name in the `Host` header. So the service only
//! answers requests for names that a hostile site cannot own.

use std::net::IpAddr;

use axum::Router;
use axum::extract::Request;
use axum::http::uri::Authority;
use axum::http::{HeaderValue, Version, header};
use axum::middleware::{Next, from_fn};
use axum::response::{IntoResponse, Response};

use super::api::error::{ApiError, ErrorCode};

/// Refuses requests that do not have exactly one valid `Host` header, as RFC 9112, section 3.2 demands. HTTP/1.0 does
/// not require the header.
pub(super) fn require_host(router: Router) -> Router {
    router.layer(from_fn(check_host))
}

async fn check_host(request: Request, next: Next) -> Response {
    let mut given = request.headers().get_all(header::HOST).iter();
    let (first, second) = (given.next(), given.next());
    let is_valid = match (first, second) {
        (Some(host), None) => is_host(host),
        (None, _) => request.version() < Version::HTTP_11,
        (Some(_), Some(_)) => false,
    };
    if is_valid {
        return next.run(request).await;
    }
    let text = "a request over HTTP/1.1 needs exactly one Host header with the name of this server";
    ApiError::new(ErrorCode::HostInvalid, text).into_response()
}

/// Whether the header is a host name with or without a port. It is empty if the target of the request names no host.
fn is_host(value: &HeaderValue) -> bool {
    let Ok(host) = value.to_str() else {
        return false;
    };
    host.is_empty() || (!host.contains('@') && host.parse::<Authority>().is_ok())
}

/// The configured host names, in lower case. The names of the local machine are always allowed.
#[derive(Clone, Debug, Default)]
pub(super) struct AllowedHosts(Vec<String>);

impl AllowedHosts {
    pub(super) fn new(names: &[String]) -> Self {
        Self(names.to_vec())
    }

    /// Whether every host name in the request (all `Host` headers, and the request target) is allowed.
    ///
    /// A request without any host name is allowed: browsers always send one.
    pub(super) fn allow(&self, request: &Request) -> bool {
        let mut headers = request.headers().get_all(header::HOST).iter();
        let in_target = request
            .uri()
            .authority()
            .map(|authority| authority.as_str());
        headers.all(|name| name.to_str().is_ok_and(|name| self.contains(name)))
            && in_target.is_none_or(|name| self.contains(name))
    }

    /// `host` may have a port.
    fn contains(&self, host: &str) -> bool {
        let name = without_port(host).to_ascii_lowercase();
        let name = name.strip_suffix('.').unwrap_or(&name);
        let address = name.parse::<IpAddr>();
        let is_loopback = address.is_ok_and(|address| address.to_canonical().is_loopback());
        is_loopback || name == "localhost" || self.0.iter().any(|allowed| allowed == name)
    }
}

fn without_port(host: &str) -> &str {
    match host.strip_prefix('[') {
        Some(rest) => rest.split(']').next().unwrap_or_default(),
        None => host.split(':').next().unwrap_or_default(),
    }
}

#[cfg(test)]
mod tests {
    use axum::body::Body;

    use super::*;

    #[tokio::test]
    async fn requires_exactly_one_valid_host() {
        use axum::routing::get;
        use tower::ServiceExt;
        let router = require_host(Router::new().route("/", get(async || "ok")));
        for (version, hosts, status) in [
            (Version::HTTP_11, &["localhost"][..], 200),
            (Version::HTTP_11, &["localhost:8470"], 200),
            (Version::HTTP_11, &["[::1]:8470"], 200),
            (Version::HTTP_11, &[""], 200),
            (Version::HTTP_11, &[], 400),
            (Version::HTTP_11, &["localhost", "localhost"], 400),
            (Version::HTTP_11, &["user@localhost"], 400),
            (Version::HTTP_11, &["local host"], 400),
            (Version::HTTP_11, &["localhost/path"], 400),
            (Version::HTTP_10, &[], 200),
            (Version::HTTP_10, &["localhost"], 200),
            (Version::HTTP_10, &["a", "b"], 400),
        ] {
            let mut request = Request::builder().uri("/").version(version);
            for host in hosts {
                request = request.header("host", *host);
            }
            let request = request.body(Body::empty()).unwrap();
            let response = router.clone().oneshot(request).await.unwrap();
            assert_eq!(response.status(), status, "{version:?} {hosts:?}");
        }
    }

    #[test]
    fn allows_only_local_and_configured_names() {
        let allowed =
            AllowedHosts::new(&["search.example.com".to_owned(), "2001:db8::1".to_owned()]);
        for (host, want) in [
            ("localhost", true),
            ("LocalHost:8470", true),
            ("localhost.:8470", true),
            ("127.0.0.1:8470", true),
            ("127.8.8.8", true),
            ("[::1]:8470", true),
            ("[::1]", true),
            ("search.example.com", true),
            ("Search.Example.Com:443", true),
            ("[2001:db8::1]:443", true),
            ("evil.example.com", false),
            ("localhost.evil.example.com", false),
            ("127.0.0.1.evil.example.com", false),
            ("search.example.com.evil.example.com", false),
            ("10.0.0.1:8470", false),
            ("0.0.0.0", false),
            ("[::2]", false),
            ("user@localhost", false),
            ("", false),
        ] {
            let request = Request::builder().uri("/").header("host", host);
            let request = request.body(Body::empty()).unwrap();
            assert_eq!(allowed.allow(&request), want, "{host}");
        }
    }

    #[test]
    fn checks_every_host_name_of_a_request() {
        let allowed = AllowedHosts::default();
        for (uri, hosts, want) in [
            ("/", &[][..], true),
            ("/", &["localhost", "evil.example.com"], false),
            ("http://evil.example.com/", &["localhost"], false),
            ("http://localhost:1/", &["localhost"], true),
        ] {
            let mut request = Request::builder().uri(uri);
            for host in hosts {
                request = request.header("host", *host);
            }
            let request = request.body(Body::empty()).unwrap();
            assert_eq!(allowed.allow(&request), want, "{uri} {hosts:?}");
        }
    }
}
