//! The search interface: what is asked for in the address, and answered in JSON.
//!
//! `/v1` is our own, with the whole query language; `/api/v1` has the shapes of imgix's Assets API, so
//! that its clients need only another base address. Both are read-only, and both see what the
//! client's token sees. Errors are JSON:API everywhere.

pub(crate) mod answer;
mod asked;
pub(crate) mod error;
mod hits;
mod imgix;
mod inquiry;
pub(crate) mod openapi;
pub(crate) mod params;
mod run;
pub(crate) mod scope;
pub(crate) mod standing;
mod v1;

use std::sync::Arc;

use axum::Router;
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;

use super::site::Site;
use error::JSON_API;

/// All paths of the search interface.
pub(crate) fn routes() -> Router<Arc<Site>> {
    v1::routes().merge(imgix::routes())
}

/// A document of JSON:API.
fn json_api(body: &impl Serialize) -> Response {
    let mut response = axum::Json(body).into_response();
    let kind = HeaderValue::from_static(JSON_API);
    response.headers_mut().insert(header::CONTENT_TYPE, kind);
    response
}

#[cfg(test)]
mod tests;
