//! The page for people: its files are part of the program, and served as they are.
//!
//! They ask `/v1` and `/status` like any client, so nothing is decided here but what a browser may
//! load: scripts and styles from here alone, pictures also from where previews lie. Where that is, is told
//! to those alone who may see all Sources: it names buckets.

use std::sync::Arc;

use axum::extract::State;
use axum::http::{HeaderName, HeaderValue, Uri, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Extension, Router};

use super::api::error::{ApiError, ErrorCode};
use super::app_state::AppState;
use crate::serve::access::Grant;

mod origins;

use origins::{origins, schemes};

/// A file of the page.
#[derive(Debug)]
struct File {
    name: &'static str,
    text: &'static str,
}

macro_rules! files {
    ($($name:literal),+ $(,)?) => {
        &[$(File { name: $name, text: include_str!(concat!("page/", $name)) }),+]
    };
}

/// Where they are, but the document.
const PARTS: &str = "/page/";

/// All but the document itself, which is [`INDEX`].
const FILES: &[File] = files![
    "api.js",
    "base.css",
    "cards.js",
    "charts.js",
    "detail.css",
    "detail.js",
    "dom.js",
    "explain.js",
    "facets.js",
    "format.js",
    "head.js",
    "icon.svg",
    "icons.js",
    "layout.css",
    "main.js",
    "query.js",
    "results.css",
    "results.js",
    "rows.js",
    "search.js",
    "state.js",
    "status-queue.js",
    "status-source.js",
    "status.css",
    "status.js",
    "suggest.js",
    "theme.js",
    "tree.js",
];

const INDEX: File = File {
    name: "index.html",
    text: include_str!("page/index.html"),
};

/// The page at `/`, and its parts below `/page/`.
///
/// They are open to everyone: what they show is not, and a token is asked for by the page itself.
pub(super) fn routes() -> Router<Arc<AppState>> {
    Router::new()
        .route("/", get(index))
        .route("/page/{name}", get(part))
}

/// A browser sends no token for the document itself: where tokens are needed, it is told nothing.
async fn index(State(app): State<Arc<AppState>>, grant: Option<Extension<Grant>>) -> Response {
    let catalog = app.catalog();
    let sources = catalog.sources.iter().map(|listed| &*listed.source);
    let origins = origins(sources);
    let told = if grant.is_some_and(|grant| grant.sees_all()) {
        origins
    } else {
        schemes(&origins)
    };
    answer(&INDEX, &policy(&told))
}

async fn part(uri: Uri) -> Response {
    let name = uri.path().strip_prefix(PARTS).unwrap_or_default();
    match FILES.iter().find(|file| file.name == name) {
        Some(file) => answer(file, &policy(&[])),
        None => ApiError::new(ErrorCode::NotFound, "the page has no such file").into_response(),
    }
}

fn answer(file: &File, policy: &str) -> Response {
    // Revalidated each time, by the ETag that every answer gets: after an update no old part is left.
    let headers = [
        (header::CONTENT_TYPE, content_type(file.name)),
        (header::CACHE_CONTROL, "no-cache"),
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
    let mut response = (headers, file.text).into_response();
    let policy = HeaderValue::from_str(policy).expect("origins are printable ASCII");
    response
        .headers_mut()
        .insert(header::CONTENT_SECURITY_POLICY, policy);
    response
}

/// What the browser may load; pictures, videos and sounds also from these origins.
fn policy(origins: &[String]) -> String {
    let previews: String = origins.iter().map(|origin| format!(" {origin}")).collect();
    format!(
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; \
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
