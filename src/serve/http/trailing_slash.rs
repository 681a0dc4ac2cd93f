//! Accepts a `/` at the end of every path: `/v1/search/` is `/v1/search`.
//!
//! The end of an asset path stays as it is: `/a/` and `/a` are two assets.

use axum::extract::Request;
use axum::http::Uri;
use axum::{Router, middleware};

use super::api::is_asset_path;

/// The same routes, with or without a `/` at the end.
pub(super) fn accept(router: Router) -> Router {
    // A layer of a router runs after the choice of the route, so this one is around a router of its own.
    let layer = middleware::map_request(async |mut request: Request| {
        if let Some(uri) = without_slash(request.uri()) {
            *request.uri_mut() = uri;
        }
        request
    });
    Router::new().fallback_service(router).layer(layer)
}

/// The URI without the `/` at the end of its path. `None` if nothing has to change.
fn without_slash(uri: &Uri) -> Option<Uri> {
    let path = uri.path().strip_suffix('/')?;
    if path.is_empty() || is_asset_path(uri.path()) {
        return None;
    }
    let query = uri
        .query()
        .map_or_else(String::new, |query| format!("?{query}"));
    let mut parts = uri.clone().into_parts();
    parts.path_and_query = Some(format!("{path}{query}").parse().ok()?);
    Uri::from_parts(parts).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_asset_paths_keep_their_slash() {
        for (uri, want) in [
            ("/", None),
            ("/v1/search", None),
            ("/v1/search/", Some("/v1/search")),
            ("/v1/search/?q=a/", Some("/v1/search?q=a/")),
            ("/v1/search//", Some("/v1/search/")),
            ("http://host/status/", Some("http://host/status")),
            ("/api/v1/sources/ab/", Some("/api/v1/sources/ab")),
            (
                "/api/v1/sources/ab/assets/",
                Some("/api/v1/sources/ab/assets"),
            ),
            ("/api/v1/assets/ab/?x", Some("/api/v1/assets/ab?x")),
            ("/api/v1/sources/ab/assets/a/", None),
            ("/api/v1/sources/ab/assets//", None),
            ("/api/v1/assets/ab/a/", None),
        ] {
            let found = without_slash(&uri.parse().unwrap());
            assert_eq!(found.map(|uri| uri.to_string()).as_deref(), want, "{uri}");
        }
    }
}
