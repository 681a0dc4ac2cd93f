//! Holds that the page is whole, stays with itself, and is served as what it is.

use std::collections::BTreeSet;

use axum::body::{Body, to_bytes};
use axum::http::{Request, StatusCode};
use tower::ServiceExt;

use super::*;
use crate::core::source::Source;
use crate::observe::status::StatusBoard;
use crate::serve::access::{AccessLevel, SourceScope};
use crate::serve::http::api::error::JSON_API;
use crate::serve::http::routes::router;

/// What makes a text into markup or code, or loads what the policy forbids.
const FORBIDDEN: [&str; 9] = [
    "innerHTML",
    "outerHTML",
    "insertAdjacentHTML",
    "document.write",
    "eval(",
    "new Function",
    " style=\"",
    " onclick=\"",
    "@import",
];

/// The name of SVG's elements, which is no address that is asked.
const SVG: &str = "http://www.w3.org/2000/svg";

fn all() -> impl Iterator<Item = &'static File> {
    FILES.iter().chain([&INDEX])
}

/// What stands between these two in the text, each time.
fn between<'a>(text: &'a str, before: &str, after: &str) -> BTreeSet<&'a str> {
    let parts = text.split(before).skip(1);
    parts
        .filter_map(|part| Some(part.split_once(after)?.0))
        .collect()
}

fn app() -> (tempfile::TempDir, Arc<AppState>) {
    let folder = tempfile::tempdir().unwrap();
    let board = StatusBoard::new(folder.path().to_owned());
    let source = Source {
        region: Some("eu-west-1".to_owned()),
        path_style: true,
        ..Source::new("photos", "bucket", "acme")
    };
    let app = AppState::with_sources(Arc::new(board), vec![Arc::new(source)]);
    (folder, app)
}

async fn get_from(path: &str, known: Option<&HeaderValue>) -> Response {
    let (_folder, app) = app();
    let mut request = Request::get(path);
    if let Some(etag) = known {
        request = request.header(header::IF_NONE_MATCH, etag);
    }
    let request = request.body(Body::empty()).unwrap();
    router(app).oneshot(request).await.unwrap()
}

#[test]
fn what_the_document_and_the_modules_name_is_there() {
    let names: BTreeSet<&str> = FILES.iter().map(|file| file.name).collect();
    let named = between(INDEX.text, "=\"/page/", "\"");
    assert!(named.contains("main.js"), "{named:?}");
    let mut reached = named.clone();
    for file in FILES.iter().filter(|file| file.name.ends_with(".js")) {
        reached.extend(between(file.text, "from './", "'"));
    }
    let missing: Vec<_> = reached.difference(&names).collect();
    assert!(missing.is_empty(), "not served: {missing:?}");
    // Each is named in the document, so that none waits until the one that imports it is there.
    let unnamed: Vec<_> = names.difference(&named).collect();
    assert!(unnamed.is_empty(), "not named in index.html: {unnamed:?}");
}

#[test]
fn every_file_in_the_folder_is_served() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/src/serve/http/page");
    for entry in std::fs::read_dir(folder).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        let is_served = all().any(|file| file.name == name);
        assert!(is_served || name.ends_with(".rs"), "{name} is not served");
    }
}

#[test]
fn nothing_leads_outside_or_makes_markup_of_text() {
    for File { name, text } in all() {
        let own = text.replace(SVG, "");
        for address in ["http://", "https://", "=\"//", "'//", "`//", "url(//"] {
            assert!(!own.contains(address), "{name} names {address}");
        }
        for forbidden in FORBIDDEN {
            assert!(!text.contains(forbidden), "{name} has {forbidden}");
        }
    }
    let inline = INDEX.text.split("<script").skip(1);
    for script in inline {
        assert!(script.contains("src=\"") && script.contains("></script>"));
    }
    assert!(!INDEX.text.contains("<style"));
}

#[test]
fn modules_are_short_and_say_what_they_do() {
    for File { name, text } in FILES.iter().filter(|file| file.name.ends_with(".js")) {
        let first = text.lines().next().unwrap();
        let is_sentence = first.starts_with("// ") && first.ends_with('.');
        assert!(is_sentence, "{name} begins with {first:?}");
        assert!(text.lines().count() <= 300, "{name} is long");
    }
}

#[tokio::test]
async fn every_file_is_served_with_its_type_and_policy() {
    let paths = FILES
        .iter()
        .map(|file| (format!("/page/{}", file.name), file));
    for (path, file) in paths.chain([("/".to_owned(), &INDEX)]) {
        let response = get_from(&path, None).await;
        assert_eq!(response.status(), StatusCode::OK, "{path}");
        let headers = response.headers().clone();
        assert_eq!(
            headers[header::CONTENT_TYPE],
            content_type(file.name),
            "{path}"
        );
        assert_ne!(
            content_type(file.name),
            "application/octet-stream",
            "{path}"
        );
        assert_eq!(headers[header::X_CONTENT_TYPE_OPTIONS], "nosniff", "{path}");
        assert_eq!(headers[header::REFERRER_POLICY], "no-referrer", "{path}");
        let policy = headers[header::CONTENT_SECURITY_POLICY].to_str().unwrap();
        assert!(
            policy.starts_with("default-src 'none'; script-src 'self';"),
            "{path}"
        );
        assert!(policy.contains("frame-ancestors 'none'"), "{path}");
        let body = to_bytes(response.into_body(), usize::MAX).await.unwrap();
        assert_eq!(body, file.text, "{path}");
        let again = get_from(&path, headers.get(header::ETAG)).await;
        assert_eq!(again.status(), StatusCode::NOT_MODIFIED, "{path}");
    }
}

#[tokio::test]
async fn pictures_may_come_from_where_the_sources_lie() {
    let seeing = |scope| Some(Grant::new(AccessLevel::Read, scope));
    let place = "https://s3.eu-west-1.amazonaws.com";
    for (grant, told) in [
        (seeing(SourceScope::All), place),
        (seeing(SourceScope::only(["other"])), "https:"),
        (None, "https:"),
    ] {
        let (_folder, app) = app();
        let mut request = Request::get("/").body(Body::empty()).unwrap();
        if let Some(grant) = grant.clone() {
            request.extensions_mut().insert(grant);
        }
        let response = router(app).oneshot(request).await.unwrap();
        let policy = response.headers()[header::CONTENT_SECURITY_POLICY]
            .to_str()
            .unwrap();
        let pictures = format!("img-src 'self' {told};");
        assert!(policy.contains(&pictures), "{grant:?}: {policy:?}");
    }
}

#[tokio::test]
async fn what_is_no_file_of_the_page_is_not_found() {
    for path in [
        "/page/",
        "/page/x.js",
        "/page/..%2Fpage.rs",
        "/page/a/b",
        "/page/%ff",
    ] {
        let response = get_from(path, None).await;
        assert_eq!(response.status(), StatusCode::NOT_FOUND, "{path}");
        assert_eq!(response.headers()[header::CONTENT_TYPE], JSON_API, "{path}");
    }
}
