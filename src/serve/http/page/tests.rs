//! Tests that the page is complete, loads nothing from elsewhere, and is served with the right headers.

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

/// Code that turns text into markup or scripts, or that the policy forbids.
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

/// Files that show addresses as examples. They are never loaded: the policy allows no other server.
const WITH_EXAMPLES: [&str; 2] = ["source-address.js", "source-fields.js"];

/// The SVG namespace. It is a name, not an address to load.
const SVG: &str = "http://www.w3.org/2000/svg";

fn all() -> impl Iterator<Item = &'static PageFile> {
    FILES.iter().chain([&INDEX])
}

/// Every part of the text between `before` and `after`.
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

async fn get_from(path: &str, etag: Option<&HeaderValue>) -> Response {
    let (_folder, app) = app();
    let mut request = Request::get(path);
    if let Some(etag) = etag {
        request = request.header(header::IF_NONE_MATCH, etag);
    }
    let request = request.body(Body::empty()).unwrap();
    router(app).oneshot(request).await.unwrap()
}

/// The path of a file of this version.
fn path_of(name: &str) -> String {
    format!("{FILES_PATH}{}/{name}", *VERSION)
}

#[test]
fn all_referenced_files_exist_and_are_preloaded() {
    let names: BTreeSet<&str> = FILES.iter().map(|file| file.name).collect();
    let named = between(INDEX.text, "=\"/page/", "\"");
    assert!(named.contains("main.js"), "{named:?}");
    let mut reached = named.clone();
    for file in FILES.iter().filter(|file| file.name.ends_with(".js")) {
        reached.extend(between(file.text, "from './", "'"));
    }
    let missing: Vec<_> = reached.difference(&names).collect();
    assert!(missing.is_empty(), "not served: {missing:?}");
    // The document preloads every file, so that none waits for the module that imports it.
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
fn loads_nothing_external_and_creates_no_markup_from_text() {
    for PageFile { name, text } in all() {
        let own = text.replace(SVG, "");
        for address in ["http://", "https://", "=\"//", "'//", "`//", "url(//"] {
            let is_example = address == "https://" && WITH_EXAMPLES.contains(name);
            assert!(
                is_example || !own.contains(address),
                "{name} names {address}"
            );
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
fn modules_are_short_and_start_with_a_sentence() {
    for PageFile { name, text } in FILES.iter().filter(|file| file.name.ends_with(".js")) {
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
        .map(|file| (path_of(file.name), file.name, file.text));
    let document = ("/".to_owned(), INDEX.name, DOCUMENT.as_str());
    for (path, name, text) in paths.chain([document]) {
        let response = get_from(&path, None).await;
        assert_eq!(response.status(), StatusCode::OK, "{path}");
        let headers = response.headers().clone();
        assert_eq!(headers[header::CONTENT_TYPE], content_type(name), "{path}");
        assert_ne!(content_type(name), "application/octet-stream", "{path}");
        assert_eq!(headers[header::X_CONTENT_TYPE_OPTIONS], "nosniff", "{path}");
        assert_eq!(headers[header::REFERRER_POLICY], "no-referrer", "{path}");
        let policy = headers[header::CONTENT_SECURITY_POLICY].to_str().unwrap();
        assert!(
            policy.starts_with("default-src 'none'; script-src 'self';"),
            "{path}"
        );
        assert!(policy.contains("frame-ancestors 'none'"), "{path}");
        let body = to_bytes(response.into_body(), usize::MAX).await.unwrap();
        assert_eq!(body, text, "{path}");
        let again = get_from(&path, headers.get(header::ETAG)).await;
        assert_eq!(again.status(), StatusCode::NOT_MODIFIED, "{path}");
    }
}

#[tokio::test]
async fn policy_allows_previews_from_the_buckets() {
    let seeing = |scope| Some(Grant::of_token("t", AccessLevel::Read, scope));
    let bucket = "https://s3.eu-west-1.amazonaws.com";
    for (grant, allowed) in [
        (seeing(SourceScope::All), bucket),
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
        let pictures = format!("img-src 'self' {allowed};");
        assert!(policy.contains(&pictures), "{grant:?}: {policy:?}");
    }
}

#[tokio::test]
async fn unknown_files_are_not_found() {
    for path in [
        "/page/",
        "/page/main.js",
        "/page/0123456789abcdef/main.js",
        "/page/a/b/c",
        "/page/%ff",
        &path_of("x.js"),
        &path_of("..%2Fpage.rs"),
        &path_of("%ff"),
    ] {
        let response = get_from(path, None).await;
        assert_eq!(response.status(), StatusCode::NOT_FOUND, "{path}");
        assert_eq!(response.headers()[header::CONTENT_TYPE], JSON_API, "{path}");
        let caching = response.headers()[header::CACHE_CONTROL].to_str().unwrap();
        assert!(!caching.contains("immutable"), "{path}");
    }
}

/// A browser asks for the document each time, and never again for a file.
#[tokio::test]
async fn browsers_keep_the_files_of_a_version_and_revalidate_the_document() {
    let document = get_from("/", None).await;
    assert_eq!(document.headers()[header::CACHE_CONTROL], "no-cache");
    let body = to_bytes(document.into_body(), usize::MAX).await.unwrap();
    let body = std::str::from_utf8(&body).unwrap();
    let named = between(body, "=\"/page/", "\"");
    assert_eq!(named.len(), FILES.len());
    for rest in named {
        let response = get_from(&format!("/page/{rest}"), None).await;
        assert_eq!(response.status(), StatusCode::OK, "{rest}");
        let caching = response.headers()[header::CACHE_CONTROL].to_str().unwrap();
        assert_eq!(caching, "public, max-age=31536000, immutable", "{rest}");
    }
}

/// Only relative references stay in one version. A file with a fixed URL would be served by no version.
#[test]
fn files_name_each_other_by_relative_references() {
    for PageFile { name, text } in FILES {
        assert!(!text.contains(FILES_PATH), "{name} has a fixed URL");
    }
    let files = DOCUMENT.matches(FILES_PATH).count();
    assert_eq!(files, DOCUMENT.matches(VERSION.as_str()).count());
}
