//! Tests the errors.

use super::*;
use crate::serve::http::client::ClientId;
use crate::serve::http::fair_queue::Asker;

#[tokio::test]
async fn errors_name_code_and_parameter() {
    let fixture = Fixture::new(&[("a", &ODD_KEYS)]);
    let id = source_id("a");
    let first = fixture.get("/v1/search?limit=1&q=jpg&sort=path").await;
    let cursor = first["meta"]["cursor"]["next"].as_str().unwrap().to_owned();
    let other = format!("/v1/search?limit=1&q=png&sort=path&cursor={cursor}");
    let sorted = format!("/v1/search?limit=1&q=jpg&sort=size&cursor={cursor}");
    let damaged = format!("/v1/search?limit=1&q=jpg&sort=path&cursor={}", &cursor[1..]);
    let asset = |path: &str| format!("/api/v1/sources/{id}/assets{path}");
    for (url, status, code, parameter) in [
        ("/v1/search?q=size:%3Ebig", 400, "query_invalid", json!("q")),
        (
            "/v1/search?limit=0",
            400,
            "parameter_invalid",
            json!("limit"),
        ),
        (
            "/v1/search?colour=red",
            400,
            "parameter_unknown",
            json!("colour"),
        ),
        ("/v1/search?q=a&q=b", 400, "parameter_repeated", json!("q")),
        ("/v1/search?q=%ff", 400, "parameter_invalid", json!("q")),
        (
            "/v1/search?sort=colour",
            400,
            "parameter_invalid",
            json!("sort"),
        ),
        (
            "/v1/search?source=nobody",
            404,
            "not_found",
            json!("source"),
        ),
        (&other, 400, "cursor_of_another_query", json!("cursor")),
        (&sorted, 400, "cursor_of_another_query", json!("cursor")),
        (&damaged, 400, "cursor_invalid", json!("cursor")),
        ("/v1/suggest", 400, "parameter_missing", json!("q")),
        (
            "/v1/suggest?q=a&within=size:",
            400,
            "query_invalid",
            json!("within"),
        ),
        (
            "/v1/folders?path=/",
            400,
            "parameter_missing",
            json!("source"),
        ),
        (
            "/v1/asset?source=a",
            400,
            "parameter_missing",
            json!("path"),
        ),
        (
            "/v1/asset?source=a&path=/none",
            404,
            "not_found",
            json!("path"),
        ),
        (
            "/v1/asset?source=b&path=/none",
            404,
            "not_found",
            json!("source"),
        ),
        (
            "/v1/explain?source=a&path=s3://other/none",
            400,
            "parameter_invalid",
            json!("path"),
        ),
        (
            "/v1/folders?source=a&path=/A",
            404,
            "not_found",
            json!("path"),
        ),
        (
            "/v1/search?facets=type&facets=colour",
            400,
            "parameter_invalid",
            json!("facets"),
        ),
        ("/v1/sources?x", 400, "parameter_unknown", json!("x")),
        ("/v1/nothing", 404, "not_found", Value::Null),
        ("/api/v1/sources/0", 404, "not_found", Value::Null),
        ("/api/v1/sources/%ff", 404, "not_found", Value::Null),
        ("/api/v1/sources/0/assets", 404, "not_found", Value::Null),
        (&asset("/none"), 404, "not_found", Value::Null),
        (&asset("/%ff"), 400, "path_invalid", Value::Null),
        (
            &asset("?filter[size]=1"),
            400,
            "parameter_unknown",
            json!("filter[size]"),
        ),
        (
            &asset("?include=x"),
            400,
            "parameter_unknown",
            json!("include"),
        ),
        (
            &asset("?sort=name"),
            400,
            "parameter_invalid",
            json!("sort"),
        ),
    ] {
        let error = fixture.error(url).await;
        assert_eq!(error, (status, code.to_owned(), parameter), "{url}");
    }
}

#[tokio::test]
async fn query_error_has_the_column() {
    let fixture = Fixture::new(&[("a", &[])]);
    let (_, body) = fixture.send("/v1/search?q=summer%20size:%3Ebig").await;
    let meta = &body["errors"][0]["meta"];
    assert_eq!(*meta, json!({"column": 8, "text": "size:>big"}));
}

#[tokio::test]
async fn without_an_index_searches_fail_and_sources_are_deploying() {
    let folder = tempfile::tempdir().unwrap();
    let board = Arc::new(StatusBoard::new(folder.path().into()));
    let source = Arc::new(Source::new("a", "a", "a"));
    let fixture = Fixture {
        app: AppState::with_sources(board, vec![source]),
        _folder: folder,
    };
    for url in ["/v1/search", "/v1/suggest?q=a", "/v1/folders?source=a"] {
        let (status, code, _) = fixture.error(url).await;
        assert_eq!((status, code.as_str()), (503, "index_absent"), "{url}");
    }
    let sources = fixture.get("/v1/sources").await;
    assert_eq!(sources["data"][0]["status"], "deploying");
    assert_eq!(sources["data"][0]["assets"], Value::Null);
    let explained = fixture.get("/v1/explain?source=a&path=/x").await;
    assert_eq!(explained["data"]["facts"]["index"]["state"], "no_index");
}

#[tokio::test]
async fn search_without_a_free_permit_is_busy() {
    let fixture = Fixture::new(&[("a", &ODD_KEYS)]);
    let mut app = Arc::try_unwrap(fixture.app).ok().unwrap();
    app.search_timeout = std::time::Duration::from_millis(1);
    let other = Asker {
        client: ClientId::Local,
        connection: 1,
    };
    let mut all = Vec::new();
    for _ in 0..4 {
        all.push(app.search_permits.acquire(&other).await.unwrap());
    }
    let fixture = Fixture {
        app: Arc::new(app),
        ..fixture
    };
    let (status, code, _) = fixture.error("/v1/search").await;
    assert_eq!((status, code.as_str()), (503, "busy"));
    drop(all);
}
