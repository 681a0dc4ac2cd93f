//! Tests which requests are authenticated, and what they may see.

use axum::body::{Body, to_bytes};
use axum::http::Method;
use tower::ServiceExt;

use super::*;
use crate::observe::status::sample::{self, NEW_QUEUE};
use crate::serve::access::entry::TokenEntry;
use crate::serve::access::token::Token;
use crate::serve::access::{AccessLevel, SourceScope, edit};
use crate::serve::http::api::error::JSON_API;
use crate::serve::http::app_state::AppState;
use crate::serve::http::routes;

/// A router that requires tokens, and one token of each kind.
struct Fixture {
    router: Router,
    admin: String,
    limited: String,
    reader: String,
    expired: String,
}

impl Fixture {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("tokens");
        let add = |name: &str, level, scope, expires: Option<&str>| {
            let token = Token::generate().unwrap();
            let entry = TokenEntry {
                name: name.to_owned(),
                level,
                scope,
                hash: token.hash(),
                expires: expires.map(|text| text.parse().unwrap()),
            };
            edit::add(&path, &entry).unwrap();
            token.to_string()
        };
        let (admin, limited) = (
            add("admin", AccessLevel::Admin, SourceScope::All, None),
            add(
                "limited",
                AccessLevel::Admin,
                SourceScope::only(["degraded"]),
                None,
            ),
        );
        let reader = add(
            "reader",
            AccessLevel::Read,
            SourceScope::only(["deployed"]),
            None,
        );
        let ended = Some("2000-01-01T00:00:00Z");
        let expired = add("expired", AccessLevel::Admin, SourceScope::All, ended);
        let auth = Auth::new(Access::from_file(&path).unwrap());
        Self {
            router: router(auth),
            admin,
            limited,
            reader,
            expired,
        }
    }

    async fn send(&self, path: &str, token: Option<&str>) -> TestResponse {
        let authorization = token.map(|token| format!("Bearer {token}"));
        let headers = authorization
            .iter()
            .map(|value| ("authorization", &**value));
        send(&self.router, Method::GET, path, headers).await
    }
}

fn router(auth: Auth) -> Router {
    let app = AppState::without_sources(Arc::new(sample::board()));
    require_auth(routes::router(app), Arc::new(auth))
}

struct TestResponse {
    status: u16,
    headers: HeaderMap,
    body: String,
}

async fn send<'a>(
    router: &Router,
    method: Method,
    path: &str,
    headers: impl Iterator<Item = (&'a str, &'a str)>,
) -> TestResponse {
    let mut request = Request::builder().method(method).uri(path);
    for (name, value) in headers {
        request = request.header(name, value);
    }
    let request = request.body(Body::empty()).unwrap();
    let response = router.clone().oneshot(request).await.unwrap();
    let (parts, body) = response.into_parts();
    let body = to_bytes(body, usize::MAX).await.unwrap();
    TestResponse {
        status: parts.status.as_u16(),
        headers: parts.headers,
        body: String::from_utf8(body.to_vec()).unwrap(),
    }
}

#[tokio::test]
async fn each_path_requires_its_access_level() {
    let it = Fixture::new();
    let [none, admin, limited, reader] =
        [None, Some(&it.admin), Some(&it.limited), Some(&it.reader)];
    for (path, token, status) in [
        ("/healthz", none, 200),
        ("/healthz", Some(&it.expired), 200),
        ("/readyz", none, 503),
        ("/readyz", admin, 503),
        ("/status", none, 401),
        ("/status", admin, 200),
        ("/status", limited, 200),
        ("/status", reader, 200),
        ("/status", Some(&it.expired), 401),
        ("/metrics", none, 401),
        ("/metrics", admin, 200),
        ("/metrics", limited, 200),
        ("/metrics", reader, 403),
        ("/v1/sources", none, 401),
        ("/v1/sources", reader, 200),
        ("/api/v1/sources", none, 401),
        ("/v1/openapi.json", none, 401),
        // Without a token, an existing path looks like a missing one.
        ("/nothing", none, 401),
        ("/nothing", reader, 404),
        ("/page", none, 401),
        ("/status/../healthz", none, 401),
        ("//healthz", none, 401),
        ("/%68ealthz", none, 401),
    ] {
        let response = it.send(path, token.map(String::as_str)).await;
        assert_eq!(response.status, status, "{path}: {}", response.body);
    }
}

#[tokio::test]
async fn unauthorized_response_explains_what_to_send() {
    let it = Fixture::new();
    let whole = format!("Bearer {}", it.admin);
    let other = format!("Bearer {}", Token::generate().unwrap());
    let twice = [("authorization", &*whole), ("authorization", &*whole)];
    let one = |value| vec![("authorization", value)];
    for (headers, challenge, expected) in [
        (
            vec![],
            "Bearer realm=\"asset-indexer\"",
            "Authorization: Bearer TOKEN",
        ),
        (
            one("Basic YTpi"),
            "error=\"invalid_token\"",
            "invalid token",
        ),
        (one(&it.admin), "error=\"invalid_token\"", "invalid token"),
        (one("Bearer"), "error=\"invalid_token\"", "invalid token"),
        (one("Bearer "), "error=\"invalid_token\"", "invalid token"),
        (
            one(&whole[..40]),
            "error=\"invalid_token\"",
            "invalid token",
        ),
        (twice.to_vec(), "error=\"invalid_token\"", "invalid token"),
        (one(&other), "error=\"invalid_token\"", "unknown token"),
    ] {
        let response = send(&it.router, Method::GET, "/status", headers.iter().copied()).await;
        assert_eq!(response.status, 401, "{headers:?}");
        let header = |name: &str| response.headers[name].to_str().unwrap().to_owned();
        assert!(
            header("www-authenticate").contains(challenge),
            "{headers:?}"
        );
        assert_eq!(header("content-type"), JSON_API);
        assert!(
            response.body.contains("\"code\":\"unauthenticated\""),
            "{}",
            response.body
        );
        assert!(
            response.body.contains(expected),
            "{headers:?}: {}",
            response.body
        );
    }
    for headers in [one(&whole), one(&whole.replace("Bearer ", "bEARER  "))] {
        let response = send(&it.router, Method::HEAD, "/status", headers.into_iter()).await;
        assert_eq!(response.status, 200);
    }
}

#[tokio::test]
async fn hides_other_sources() {
    let it = Fixture::new();
    let others = ["\"deploying\"", "\"degraded\"", "\"disabled\"", NEW_QUEUE];
    let status = it.send("/status", Some(&it.reader)).await.body;
    assert!(status.contains("\"name\":\"deployed\""), "{status}");
    for other in others {
        let named = other.replacen('"', "\"name\":\"", 1);
        assert!(!status.contains(&named), "{named}: {status}");
    }
    let metrics = it.send("/metrics", Some(&it.limited)).await.body;
    assert!(metrics.contains("source=\"degraded\""), "{metrics}");
    for other in [
        "source=\"deployed\"",
        "source=\"disabled\"",
        NEW_QUEUE,
        "\nasset_indexer_index_bytes ",
    ] {
        assert!(!metrics.contains(other), "{other}: {metrics}");
    }
    for token in [None, Some(&*it.reader), Some("nonsense")] {
        assert_eq!(it.send("/readyz", token).await.body, "not ready\n");
    }
    let all = it.send("/readyz", Some(&it.admin)).await.body;
    assert!(all.contains(NEW_QUEUE), "{all}");
}

fn config(toml: &str) -> ServeConfig {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.toml");
    let source = "[[source]]\nname = \"a\"\nbucket = \"abc\"\nsubdomain = \"a\"\n";
    std::fs::write(
        &path,
        format!("data_dir = \"d\"\n[serve]\n{toml}\n{source}"),
    )
    .unwrap();
    Config::load(&path).unwrap().serve
}

#[tokio::test]
async fn rejects_unknown_hosts_only_without_tokens() {
    for (toml, host, status) in [
        ("", "localhost:8470", 200),
        ("", "rebound.example.com:8470", 403),
        (
            "hosts = [\"search.example.com\"]",
            "search.example.com",
            200,
        ),
        (
            "hosts = [\"search.example.com\"]",
            "rebound.example.com",
            403,
        ),
        ("listen = \"unix:http.sock\"", "whatever", 200),
    ] {
        let router = router(Auth::from_config(&config(toml)).unwrap());
        for path in ["/status", "/metrics", "/healthz"] {
            let headers = [("host", host), ("origin", "http://rebound.example.com")];
            let response = send(&router, Method::GET, path, headers.into_iter()).await;
            assert_eq!(
                response.status, status,
                "{toml} {host}{path}: {}",
                response.body
            );
            assert_eq!(
                response.headers["cross-origin-resource-policy"],
                "same-origin"
            );
            assert!(!response.headers.contains_key("access-control-allow-origin"));
        }
    }
    // With tokens, any host name is fine: a browser does not send the token for a foreign page.
    let it = Fixture::new();
    let bearer = format!("Bearer {}", it.admin);
    let headers = [("host", "search.example.com"), ("authorization", &*bearer)];
    let response = send(&it.router, Method::GET, "/status", headers.into_iter()).await;
    assert_eq!(response.status, 200);
}

#[test]
fn warns_about_risky_settings() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.toml");
    let entry = TokenEntry {
        name: "t".to_owned(),
        level: AccessLevel::Read,
        scope: SourceScope::only(["a", "b"]),
        hash: Token::generate().unwrap().hash(),
        expires: None,
    };
    edit::add(&folder.path().join("tokens"), &entry).unwrap();
    let source = "[[source]]\nname = \"a\"\nbucket = \"abc\"\nsubdomain = \"a\"\n";
    for (listen, expected) in [
        (
            "127.0.0.1:1",
            &["token \"t\" grants access to Source \"b\""][..],
        ),
        ("0.0.0.0:1", &["are sent unencrypted", "Source \"b\""]),
    ] {
        let serve = format!("[serve]\nlisten = {listen:?}\ntokens = \"tokens\"\n");
        std::fs::write(&path, format!("data_dir = \"d\"\n{serve}{source}")).unwrap();
        let config = Config::load(&path).unwrap();
        let warnings = Auth::from_config(&config.serve).unwrap().warnings(&config);
        assert_eq!(warnings.len(), expected.len(), "{warnings:?}");
        for (warning, words) in warnings.iter().zip(expected) {
            assert!(warning.contains(words), "{warning}");
        }
    }
}
