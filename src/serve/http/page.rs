//! Serves the web page: static files that are compiled into the program.
//!
//! The page calls `/v1` and `/status` like any other client, so it has no endpoints of its own. This module
//! sets the Content Security Policy: scripts and styles come only from this server, previews also from the
//! buckets. Bucket addresses appear only in responses to clients that may see all Sources.

use std::sync::{Arc, LazyLock};

use axum::extract::State;
use axum::http::{HeaderName, HeaderValue, Uri, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Extension, Router};
use xxhash_rust::xxh3::Xxh3;

use super::api::error::{ApiError, ErrorCode};
use super::app_state::AppState;
use crate::serve::access::Grant;

mod origins;

use origins::{origins, schemes};

/// A static file.
#[derive(Debug)]
struct PageFile {
    name: &'static str,
    text: &'static str,
}

macro_rules! files {
    ($($name:literal),+ $(,)?) => {
        &[$(PageFile { name: $name, text: include_str!(concat!("page/", $name)) }),+]
    };
}

/// All files except the document are below this path, in a folder with the name of their [`VERSION`].
const FILES_PATH: &str = "/page/";

/// How browsers may cache the document: they ask each time whether it has changed.
const REVALIDATE: &str = "no-cache";
/// How browsers may cache all other files: for a year, without asking. Another content has another URL.
const KEEP: &str = "public, max-age=31536000, immutable";

/// All files except the document, which is [`INDEX`].
const FILES: &[PageFile] = files![
    "api.js",
    "base.css",
    "cards.js",
    "charts.js",
    "clipboard.js",
    "complete.js",
    "correct.js",
    "date-term.js",
    "dates.js",
    "detail.css",
    "detail.js",
    "dom.js",
    "downloads.js",
    "explain.js",
    "export.js",
    "facets.js",
    "field.js",
    "form.css",
    "format.js",
    "head.js",
    "icon.svg",
    "icons.js",
    "layout.css",
    "main.js",
    "menu.js",
    "newest.js",
    "poll.js",
    "query.js",
    "refine.css",
    "rescue.js",
    "result-export.js",
    "results.css",
    "results.js",
    "rows.js",
    "rule-choices.js",
    "rules-preview.js",
    "save.js",
    "scan-progress.js",
    "search.js",
    "selecting.js",
    "selection-bar.js",
    "selection.css",
    "selection.js",
    "session.js",
    "skips.js",
    "source-actions.js",
    "source-address.js",
    "source-buttons.js",
    "source-fields.js",
    "source-filter.js",
    "source-form.js",
    "source-problem.js",
    "source-progress.js",
    "source-row.js",
    "source-setup.js",
    "source-test.js",
    "source-values.js",
    "source-view.js",
    "sources-list.js",
    "sources.css",
    "state.js",
    "status-board.js",
    "status-queue.js",
    "status-source.js",
    "status-terms.js",
    "status.css",
    "status.js",
    "suggest.js",
    "theme.js",
    "thumbs.js",
    "token.js",
    "tree.js",
];

const INDEX: PageFile = PageFile {
    name: "index.html",
    text: include_str!("page/index.html"),
};

/// A hash of all files, as 16 hex digits. It is part of their URLs.
///
/// All files share it, so their relative imports stay in one version.
static VERSION: LazyLock<String> = LazyLock::new(|| {
    let mut hash = Xxh3::new();
    for PageFile { name, text } in FILES {
        for part in [name, text] {
            hash.update(&part.len().to_le_bytes());
            hash.update(part.as_bytes());
        }
    }
    format!("{:016x}", hash.digest())
});

/// The document, with the URLs of this version.
static DOCUMENT: LazyLock<String> = LazyLock::new(|| {
    let versioned = format!("=\"{FILES_PATH}{}/", *VERSION);
    INDEX.text.replace(&format!("=\"{FILES_PATH}"), &versioned)
});

/// The document at `/` and its files below `/page/`.
///
/// They need no token. The data they show does, so the page asks the user for one.
pub(super) fn routes() -> Router<Arc<AppState>> {
    Router::new()
        .route("/", get(index))
        .route("/page/{version}/{name}", get(file))
}

/// Browsers send no token with this request. So if tokens are required, the policy names only URL schemes.
async fn index(State(app): State<Arc<AppState>>, grant: Option<Extension<Grant>>) -> Response {
    let catalog = app.catalog();
    let sources = catalog.sources.iter().map(|entry| &*entry.source);
    let origins = origins(sources);
    let allowed = if grant.is_some_and(|grant| grant.sees_all()) {
        origins
    } else {
        schemes(&origins)
    };
    respond(INDEX.name, &DOCUMENT, REVALIDATE, &policy(&allowed))
}

/// Answers only for files of this version: a browser would keep another content under the URL for good.
async fn file(uri: Uri) -> Response {
    let path = uri.path().strip_prefix(FILES_PATH).unwrap_or_default();
    let name = path
        .split_once('/')
        .filter(|(version, _)| *version == *VERSION)
        .map(|(_, name)| name);
    match FILES.iter().find(|file| Some(file.name) == name) {
        Some(file) => respond(file.name, file.text, KEEP, &policy(&[])),
        None => {
            let text =
                "the page has no such file; reload the page, because its files may have changed";
            ApiError::new(ErrorCode::NotFound, text).into_response()
        }
    }
}

fn respond(name: &str, text: &'static str, caching: &'static str, policy: &str) -> Response {
    let headers = [
        (header::CONTENT_TYPE, content_type(name)),
        (header::CACHE_CONTROL, caching),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
        (
            HeaderName::from_static("cross-origin-opener-policy"),
            "same-origin",
        ),
        (
            HeaderName::from_static("cross-origin-resource-policy"),
            "same-origin",
        ),
    ];
    let mut response = (headers, text).into_response();
    let policy = HeaderValue::from_str(policy).expect("`origins` returns only printable ASCII");
    response
        .headers_mut()
        .insert(header::CONTENT_SECURITY_POLICY, policy);
    response
}

/// The Content Security Policy. Pictures, videos, audio and downloads may also come from `origins`.
fn policy(origins: &[String]) -> String {
    let previews: String = origins.iter().map(|origin| format!(" {origin}")).collect();
    format!(
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'{previews}; \
         img-src 'self'{previews}; media-src 'self'{previews}; base-uri 'none'; \
         form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; \
         trusted-types 'none'"
    )
}

fn content_type(name: &str) -> &'static str {
    match name.rsplit_once('.').map(|(_, ending)| ending) {
        Some("html") => "text/html; charset=utf-8",
        Some("css") => "text/css; charset=utf-8",
        Some("js") => "text/javascript; charset=utf-8",
        Some("svg") => "image/svg+xml",
        _ => "application/octet-stream",
    }
}

#[cfg(test)]
mod tests;
