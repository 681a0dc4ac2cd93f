//! A token for one Source gets the same responses whether other Sources are full, empty or absent.

use axum::http::HeaderMap;
use proptest::prelude::*;
use proptest::test_runner::TestCaseError;

use super::*;
use crate::serve::access::{AccessLevel, Grant, SourceScope};

/// The keys that the token may see.
const VISIBLE_KEYS: [&str; 6] = [
    "2024/summer beach.jpg",
    "2024/winter.png",
    "2023/Summer_house.pdf",
    "docs/report.docx",
    "docs/summer report final.docx",
    "video/intro.mp4",
];

/// The keys that it may not see: some have the same words, some have others.
const HIDDEN_KEYS: [&str; 6] = [
    "2024/summer secret.jpg",
    "2024/hidden/winter.png",
    "summer/summer/summer.svg",
    "secret/plan.pdf",
    "docs/report.docx",
    "top",
];

/// One index for each state of the other Sources. The Source `a` is the same in all.
fn fixtures() -> Vec<Fixture> {
    let full: &[&str] = &HIDDEN_KEYS;
    let variants: [&[(&str, &[&str])]; 4] = [
        &[("a", &VISIBLE_KEYS)],
        &[("a", &VISIBLE_KEYS), ("b", &[])],
        &[("a", &VISIBLE_KEYS), ("b", full)],
        &[("0", full), ("a", &VISIBLE_KEYS), ("b", full), ("z", full)],
    ];
    variants
        .iter()
        .map(|sources| Fixture::new(sources))
        .collect()
}

/// The response, without values that differ each time: error ids and times.
async fn response(fixture: &Fixture, grant: &Grant, url: &str) -> (u16, HeaderMap, Value) {
    let mut request = Request::builder().uri(url).body(Body::empty()).unwrap();
    request.extensions_mut().insert(grant.clone());
    let response = router(Arc::clone(&fixture.app)).oneshot(request).await;
    let (parts, body) = response.unwrap().into_parts();
    let mut headers = parts.headers;
    let body = to_bytes(body, usize::MAX).await.unwrap();
    let text = String::from_utf8(body.to_vec()).unwrap();
    let mut body: Value = serde_json::from_str(&text).unwrap_or(Value::String(text));
    let meta = body.get_mut("meta").and_then(Value::as_object_mut);
    if meta.is_some_and(|meta| meta.remove("took_ms").is_some()) {
        headers.remove("content-length");
    }
    if let Some(error) = body.pointer_mut("/errors/0/id") {
        *error = Value::Null;
    }
    if body.get("uptime_seconds").is_some() {
        body["uptime_seconds"] = Value::Null;
        headers.remove("content-length");
        headers.remove("etag");
    }
    (parts.status.as_u16(), headers, body)
}

/// A query that matches only visible keys, only hidden ones, both or none.
fn query() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec![
        "",
        "summer",
        "sum*",
        "secret",
        "*ecre*",
        "sumer~",
        "winter",
        "\"summer report\"",
        "ext:jpg",
        "ext:svg",
        "type:image",
        "folder:/2024",
        "folder:=/2024",
        "folder:/secret",
        "-summer",
        "summer OR secret",
        "size:>2",
        "modified:<7d",
        "name:top",
        "path:/secret/plan.pdf",
        "plan",
    ])
}

fn source() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec![
        "",
        "&source=a",
        "&source=b",
        "&source=0",
        "&source=a&source=b",
        "&source=nobody",
    ])
}

fn path() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec![
        "/",
        "/2024",
        "/2024/hidden",
        "/secret",
        "/docs/report.docx",
        "/secret/plan.pdf",
        "/top",
        "/2024/winter.png",
        "/none",
    ])
}

fn id() -> impl Strategy<Value = String> {
    prop::sample::select(vec!["a", "b", "0", "nobody"]).prop_map(source_id)
}

fn search() -> impl Strategy<Value = String> {
    let sort = prop::sample::select(vec![
        "",
        "&sort=relevance",
        "&sort=-name",
        "&sort=-size",
        "&sort=created",
        "&sort=-path",
        "&sort=created,-relevance,name",
    ]);
    let more = prop::sample::select(vec![
        "",
        "&limit=1",
        "&limit=2&total=1",
        "&facets=type,ext,storage,size,month,folder",
        "&facets=folder&folder=/2024&highlights=true",
    ]);
    (query(), source(), sort, more).prop_map(|(query, source, sort, more)| {
        format!("/v1/search?q={}{source}{sort}{more}", encoded(query))
    })
}

/// A URL of any path of the API.
fn url() -> impl Strategy<Value = String> {
    let imgix = prop::sample::select(vec![
        "",
        "?page[limit]=2",
        "?page[cursor]=2",
        "?sort=-file_size",
        "?filter[keyword]=summer",
        "?filter[or:keyword]=secret&filter[or:media_kind]=IMAGE",
        "?filter[origin_path]=/secret",
    ]);
    prop_oneof![
        4 => search(),
        1 => (query(), source()).prop_map(|(query, source)| {
            format!("/v1/suggest?q={}{source}", encoded(query))
        }),
        1 => (path(), source()).prop_map(|(path, source)| format!("/v1/folders?path={path}{source}")),
        1 => (path(), source()).prop_map(|(path, source)| format!("/v1/asset?path={path}{source}")),
        1 => (path(), source()).prop_map(|(path, source)| format!("/v1/explain?path={path}{source}")),
        1 => (id(), imgix.clone()).prop_map(|(id, rest)| format!("/api/v1/sources/{id}/assets{rest}")),
        1 => (id(), imgix).prop_map(|(id, rest)| format!("/api/v1/assets/{id}{rest}")),
        1 => (id(), path()).prop_map(|(id, path)| format!("/api/v1/sources/{id}/assets{path}")),
        1 => id().prop_map(|id| format!("/api/v1/sources/{id}")),
        1 => prop::sample::select(vec![
            "/v1/sources", "/api/v1/sources", "/api/v1/sources?filter[name]=b", "/status",
            "/metrics", "/readyz", "/healthz", "/v1/openapi.json", "/v1/sources?source=b",
        ]).prop_map(str::to_owned),
    ]
}

#[test]
fn responses_do_not_depend_on_hidden_sources() {
    let fixtures = fixtures();
    for fixture in &fixtures {
        fixture.app.refresh_board();
    }
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let grants = [AccessLevel::Read, AccessLevel::Admin]
        .map(|level| Grant::of_token("t", level, SourceScope::only(["a"])));
    let mut runner = proptest::test_runner::TestRunner::new(ProptestConfig {
        cases: 400,
        failure_persistence: None,
        ..ProptestConfig::default()
    });
    let result = runner.run(&url(), |url| {
        for grant in &grants {
            let first = runtime.block_on(response(&fixtures[0], grant, &url));
            for fixture in &fixtures[1..] {
                let other = runtime.block_on(response(fixture, grant, &url));
                if other != first {
                    let text = format!("{url}: {first:#?}\ndiffers from\n{other:#?}");
                    return Err(TestCaseError::fail(text));
                }
            }
        }
        Ok(())
    });
    result.unwrap_or_else(|error| panic!("{error}"));
}

#[test]
fn other_grants_see_the_hidden_sources() {
    let fixture = &fixtures()[3];
    let runtime = tokio::runtime::Runtime::new().unwrap();
    for (grant, count) in [
        (Grant::ALL, 24),
        (
            Grant::of_token("t", AccessLevel::Read, SourceScope::only(["b", "z"])),
            12,
        ),
        (
            Grant::of_token("t", AccessLevel::Read, SourceScope::only(["nobody"])),
            0,
        ),
    ] {
        let (_, _, body) = runtime.block_on(response(fixture, &grant, "/v1/search"));
        assert_eq!(body["meta"]["total"]["value"], count, "{grant:?}");
    }
}
